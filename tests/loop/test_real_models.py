"""Three models of one project, one of each problem, through everything that becomes of a model:
each leg builds on those before it, and its numbers are scikit-learn's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.deployment.runs.executions import RunState
from ratchet.local_cloud import control
from ratchet.loop import names
from ratchet.loop.evaluations import EvaluationRecord
from ratchet.views.outcomes import outcome
from tests.loop.broken_models import register_broken_model
from tests.loop.deployed_loop import until
from tests.loop.real_models import EXAMPLES, PARTITIONS, TREES, RealModel, RealProject, made

pytestmark = [pytest.mark.cloud, pytest.mark.synth, pytest.mark.timeout(900)]

Runs = Mapping[str, RunState]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProject]:
    folder = tmp_path_factory.mktemp("real")
    try:
        yield made(folder)
    finally:
        control.down(RealProject(folder).cloud)


@pytest.fixture(params=EXAMPLES)
def model(request: pytest.FixtureRequest, project: RealProject) -> RealModel:
    return project.models[request.param]


# -- versions


@pytest.fixture(scope="module")
def first(project: RealProject) -> Runs:
    """The runs that landed data starts: each registers a weak model."""

    def land(model: RealModel) -> RunState:
        model.type("land", str(model.data), "--follow")
        return model.newest_run()

    return project.each(land)


@pytest.fixture(scope="module")
def second(project: RealProject, first: Runs) -> Runs:
    """The runs of better models, beside the first ones that serve."""

    def train(model: RealModel) -> RunState:
        model.serve(1)
        model.set_trees(TREES)
        return model.train()

    return project.each(train)


@pytest.fixture(scope="module")
def served(project: RealProject, second: Runs) -> Mapping[str, float]:
    """The second versions serve. What each scored when it was registered."""

    def serve(model: RealModel) -> float:
        model.serve(2)
        return float(model.report(second[model.name])["candidate"]["score"])

    return project.each(serve)


def test_landed_data_registers_a_first_version(model: RealModel, first: Runs) -> None:
    assert outcome(first[model.name]) == "registered version 1"
    report = model.report(first[model.name])
    assert (report["metric"], report["champion"]["status"]) == (model.example.metric, "none")


def test_a_better_model_passes_the_gate(model: RealModel, second: Runs) -> None:
    assert outcome(second[model.name]) == "registered version 2"
    report = model.report(second[model.name])
    assert report["champion"]["status"] == "scored"
    assert report["regression"] < 0
    assert "better" in report["verdict"]


def test_the_endpoint_answers_as_the_model_was_judged(
    model: RealModel, served: Mapping[str, float]
) -> None:
    score = model.score_of(model.data / PARTITIONS[-1] / "rows.csv")
    assert score == pytest.approx(served[model.name], abs=1e-12)


# -- requests, answers, and labels that arrive

Analyses = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def answers(project: RealProject, served: Mapping[str, float]) -> Mapping[str, pd.DataFrame]:
    return project.each(lambda model: model.asked(model.labelled(PARTITIONS[-1])))


@pytest.fixture(scope="module")
def watched(project: RealProject, answers: Mapping[str, pd.DataFrame]) -> Analyses:
    """The labels of the data arrive."""

    def analyze(model: RealModel) -> Mapping[str, Any]:
        labels = model.labelled(PARTITIONS[-1])[model.example.label]
        return model.analyzed(answers[model.name], list(labels))

    return project.each(analyze)


def watched_metric(analyses: Analyses, model: RealModel) -> Mapping[str, Any]:
    metrics = analyses[model.name]["quality"]["metrics"]
    (metric,) = (each for each in metrics if each["metric_name"] == model.example.watched)
    return dict(metric)


def test_answers_as_good_as_at_registration_break_no_constraint(
    model: RealModel, watched: Analyses, answers: Mapping[str, pd.DataFrame]
) -> None:
    labels = model.labelled(PARTITIONS[-1])[model.example.label]
    score = model.example.watched_score(
        model.typed(labels), model.typed(answers[model.name]["prediction"])
    )
    analyses = watched[model.name]
    assert analyses["quality"]["outcome"] == names.COMPLETED
    assert analyses["quality"]["rows"] == len(labels)
    assert watched_metric(watched, model)["value"] == pytest.approx(score, abs=1e-12)
    assert watched_metric(watched, model)["worse_by"] == pytest.approx(0, abs=1e-12)
    assert analyses["analyze"]["outcome"] == names.COMPLETED


@pytest.fixture(scope="module")
def watched_in_a_changed_world(
    project: RealProject, watched: Analyses, answers: Mapping[str, pd.DataFrame]
) -> Analyses:
    """The labels turn out to be those of other rows, and requests are of other values."""

    def analyze(model: RealModel) -> Mapping[str, Any]:
        rows = model.labelled(PARTITIONS[1])
        label = rows.pop(model.example.label)
        model.asked((3 * rows + 1).assign(**{str(label.name): label}))
        return model.analyzed(answers[model.name], others(model.labelled(PARTITIONS[-1]), model))

    return project.each(analyze)


def others(rows: pd.DataFrame, model: RealModel) -> list[str]:
    """The labels of other rows."""
    return list(np.roll(rows[model.example.label].to_numpy(), 1))


def test_wrong_answers_are_said_by_how_much(
    model: RealModel,
    watched_in_a_changed_world: Analyses,
    watched: Analyses,
    answers: Mapping[str, pd.DataFrame],
) -> None:
    labels = others(model.labelled(PARTITIONS[-1]), model)
    score = model.example.watched_score(
        model.typed(labels), model.typed(answers[model.name]["prediction"])
    )
    metric = watched_metric(watched_in_a_changed_world, model)
    before = watched_metric(watched, model)["value"]
    assert watched_in_a_changed_world[model.name]["quality"]["outcome"] == (
        names.COMPLETED_WITH_VIOLATIONS
    )
    assert metric["exceeds"]
    assert metric["value"] == pytest.approx(score, abs=1e-12)
    assert metric["worse_by"] == pytest.approx(abs(score - before), abs=1e-12)
    assert model.alarm("model_quality") == "ALARM"


def test_requests_of_other_values_raise_the_drift_alarm(
    model: RealModel, watched_in_a_changed_world: Analyses
) -> None:
    analysis = watched_in_a_changed_world[model.name]["analyze"]
    assert analysis["outcome"] == names.COMPLETED_WITH_VIOLATIONS
    assert model.alarm("drift") == "ALARM"


# -- versions beside the one that serves


@pytest.fixture(scope="module")
def again(project: RealProject, served: Mapping[str, float]) -> Runs:
    return project.each(RealModel.train)


def test_the_same_artifact_is_no_new_model(model: RealModel, again: Runs) -> None:
    assert outcome(again[model.name]) == "no new model: the candidate is version 2"


@pytest.fixture(scope="module")
def tied(project: RealProject, again: Runs) -> Runs:
    def train(model: RealModel) -> RunState:
        model.edit_inference()
        return model.train()

    return project.each(train)


def test_another_artifact_that_answers_alike_passes(model: RealModel, tied: Runs) -> None:
    assert outcome(tied[model.name]) == "registered version 3"
    assert model.report(tied[model.name])["regression"] == 0


@pytest.fixture(scope="module")
def worse(project: RealProject, tied: Runs) -> Runs:
    def train(model: RealModel) -> RunState:
        model.set_trees(model.example.weak)
        return model.train()

    return project.each(train)


def test_a_worse_model_is_halted_by_the_difference(
    model: RealModel, worse: Runs, second: Runs
) -> None:
    run = worse[model.name]
    report, before = model.report(run), model.report(second[model.name])
    assert run.run.status == "Failed"
    assert report["regression"] == pytest.approx(-before["regression"], abs=1e-12)
    assert model.loop.registered() == [1, 2, 3]


@pytest.fixture(scope="module")
def beside_a_broken_champion(project: RealProject, worse: Runs) -> Runs:
    def train(model: RealModel) -> RunState:
        broken = register_broken_model(model.loop)
        parameter = model.loop.settings.parameter("champion")
        champion = model.loop.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
        model.loop.deploy_champion(f"{champion.rpartition('/')[0]}/{broken}")
        run = model.train()
        model.loop.deploy_champion(champion)
        return run

    return project.each(train)


def test_a_champion_that_cannot_answer_halts(
    model: RealModel, beside_a_broken_champion: Runs
) -> None:
    run = beside_a_broken_champion[model.name]
    assert run.run.status == "Failed"
    assert model.report(run)["champion"]["status"] == "unscorable"
    assert "this model never loads" in run.run.failure


# -- evaluations on labelled data


@pytest.fixture(scope="module")
def evaluated_on_known_rows(
    project: RealProject, served: Mapping[str, float]
) -> Mapping[str, EvaluationRecord]:
    """On rows that the model was trained on: it does better there than at its registration."""

    return project.each(lambda model: model.evaluate(model.data / PARTITIONS[0]))


def test_an_evaluation_that_is_better_ends_the_alarm(
    model: RealModel,
    served: Mapping[str, float],
    evaluated_on_known_rows: Mapping[str, EvaluationRecord],
) -> None:
    record = evaluated_on_known_rows[model.name]
    score = model.score_of(model.data / PARTITIONS[0] / "rows.csv")
    assert record.score == pytest.approx(score, abs=1e-12)
    assert record.registered == served[model.name]
    assert score < served[model.name] if record.better == "lower" else score > served[model.name]
    assert not record.violations
    # The wrong answers raised it, and count for another minute.
    until(lambda: model.alarm("model_quality") == "OK" or None, "still an alarm", every=1.0)


@pytest.fixture(scope="module")
def evaluated_on_a_changed_world(
    project: RealProject, evaluated_on_known_rows: Mapping[str, EvaluationRecord]
) -> Mapping[str, EvaluationRecord]:
    """On rows whose labels are those of other rows."""

    def evaluate(model: RealModel) -> EvaluationRecord:
        rows = model.labelled(PARTITIONS[-1])
        rows[model.example.label] = others(rows, model)
        folder = model.data.with_name(f"{model.name}-changed") / "2024-04"
        folder.mkdir(parents=True)
        rows.to_csv(folder / "rows.csv", index=False)
        return model.evaluate(folder)

    return project.each(evaluate)


def test_an_evaluation_that_is_worse_raises_the_alarm(
    model: RealModel, evaluated_on_a_changed_world: Mapping[str, EvaluationRecord]
) -> None:
    record = evaluated_on_a_changed_world[model.name]
    score = model.score_of(model.data.with_name(f"{model.name}-changed") / "2024-04" / "rows.csv")
    assert record.score == pytest.approx(score, abs=1e-12)
    assert any("at registration" in violation for violation in record.violations)
    until(lambda: model.alarm("model_quality") == "ALARM" or None, "no alarm", every=1.0)


def test_the_commands_say_it_in_words(
    model: RealModel,
    evaluated_on_a_changed_world: Mapping[str, EvaluationRecord],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(model.project.root)
    monkeypatch.setenv("COLUMNS", "200")

    def typed(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "-m", model.name])
        assert result.exit_code == 0, result.output
        return result.stdout

    runs = typed("runs")
    for words in ("registered version 3", "no new model: the candidate is version 2", "halted"):
        assert words in runs
    versions, status = typed("models"), typed("status")
    assert model.example.metric in versions
    assert "better" in versions
    assert "version 2" in status
    assert "alarm" in status.lower()
