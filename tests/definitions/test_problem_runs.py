"""The training and the evaluation pipeline, run for a regression and for a model of three classes:
the first run registers, a better and an equal model pass, a worse one halts."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline_defs.flights.training import training
from ratchet.authoring import Context, Functions
from ratchet.pipelines.evaluation import evaluation
from ratchet.runner import Result
from ratchet.settings.schema import EvaluationSettings, GateSettings, ModelSettings, Settings
from record_evaluation.evaluation import Standards, judged, registered_score, violations
from tests.definitions.laptop import NO_CHAMPION, Laptop, champion_answer, output, steps

pytestmark = pytest.mark.jobs

SCRIPTS = Path(__file__).parent / "scripts"
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function"
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/prices-dev/1"


def price(x: float, noise: float) -> str:
    return f"{100 * x + noise:.4f}"


def kind(x: float, noise: float) -> str:
    return ("ant", "bee", "cat")[min(2, int(3 * x + (0.5 if noise > 7 else 0)))]


@dataclass(frozen=True)
class Case:
    """`tolerance` of the gate and `alarm` of evaluations; `worse`: how much a model is off that is
    worse; `truth`: a label of x and of noise."""

    model: ModelSettings
    tolerance: float
    alarm: float
    worse: float
    truth: Callable[[float, float], str]


CASES = {
    "prices": Case(ModelSettings(problem="regression", label="price"), 0.5, 1.0, 5.0, price),
    "kinds": Case(ModelSettings(problem="multiclass", label="kind"), 0.02, 0.1, 0.4, kind),
}


class Trial:
    """A project with one model, on a laptop."""

    def __init__(self, folder: Path, name: str) -> None:
        self.case = CASES[name]
        scripts = folder / "project" / "steps" / name
        scripts.mkdir(parents=True)
        for script in ("prepare.py", "train.py"):
            shutil.copy(SCRIPTS / script, scripts / script)
        shutil.copy(SCRIPTS / f"inference_of_{name}.py", scripts / "inference.py")
        settings = Settings(
            environment="dev",
            model_name=name,
            project=name,
            region="us-east-1",
            owner="x",
            cost_center="x",
            model=self.case.model,
            gate=GateSettings(max_regression=self.case.tolerance),
            evaluation=EvaluationSettings(max_regression=self.case.alarm),
        )
        context = Context(
            settings=settings,
            role_arn="arn:aws:iam::111122223333:role/pipeline",
            artifacts_uri="s3://artifacts",
            code_uri="s3://code",
            functions=Functions(
                resolve_champion=f"{FUNCTION}:resolve", record_evaluation=f"{FUNCTION}:record"
            ),
            source=folder / "project",
        )
        self.laptop = Laptop(folder, context)
        self.laptop.put(f"{NO_CHAMPION}README", "nothing serves yet")
        self.land("raw", seed=0)

    def gated(self, **gate: Any) -> Trial:
        """The same with other conditions of the gate."""
        trial = copy.copy(self)
        trial.laptop = copy.copy(self.laptop)
        context, settings = self.laptop.context, self.laptop.context.settings
        settings = replace(settings, gate=replace(settings.gate, **gate))
        trial.laptop.context = replace(context, settings=settings)
        return trial

    def land(self, where: str, *, seed: int, noise: float = 5) -> None:
        rows = random.Random(seed)
        lines = [
            f"{x:.6f},{self.case.truth(x, rows.gauss(0, noise))}"
            for x in (rows.random() for _ in range(600))
        ]
        text = "\n".join([f"x,{self.case.model.label}", *lines]) + "\n"
        self.laptop.put(f"s3://data/{where}/{seed}/rows.csv", text)

    def train(self, *, off: float, also: int = 0, champion: str = NO_CHAMPION) -> Result:
        self._serves(champion)
        context = self.laptop.context
        settings = replace(context.settings, hyperparameters={"off": off, "also": also})
        manifest = self.laptop.manifest("s3://artifacts/m/raw.json", prefix="s3://data/raw/")
        return self.laptop.run(
            training(replace(context, settings=settings)), InputManifest=manifest
        )

    def evaluate(self, where: str, *, champion: str) -> dict[str, Any]:
        """The report on the champion alone."""
        events: list[dict[str, Any]] = []
        self._serves(champion, package=PACKAGE)

        def record(event: dict[str, Any]) -> dict[str, str]:
            events.append(event)
            return {"outcome": "", "verdict": ""}

        self.laptop.functions["record"] = record
        manifest = self.laptop.manifest(
            f"s3://artifacts/m/{where}.json", prefix=f"s3://data/{where}/"
        )
        result = self.laptop.run(evaluation(self.laptop.context), InputManifest=manifest)
        assert result.status == "Succeeded", result.failure_reason
        report: dict[str, Any] = self.laptop.document(events[0]["report"])
        return report

    def alarm(self, where: str, *, champion: str) -> list[str]:
        """What `record_evaluation` makes of the champion's report."""
        standards = Standards(
            floor=self.laptop.context.settings.evaluation_floor,
            max_regression=self.laptop.context.settings.evaluation_max_regression,
            minimum_rows=100,
        )
        found = judged(self.evaluate(where, champion=champion), uri=where)
        metadata = self.laptop.registered[0]["CustomerMetadataProperties"]
        registered = registered_score(metadata, found.metric)
        assert registered is not None
        return list(violations(found, standards, registered=registered))

    def _serves(self, artifact: str, *, package: str = "none") -> None:
        answer = champion_answer(artifact, package_arn=package)
        self.laptop.functions["resolve"] = lambda event: answer


@pytest.fixture(scope="module", params=sorted(CASES))
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def first(trial: Trial) -> Result:
    return trial.train(off=0)


@pytest.fixture(scope="module")
def champion(first: Result) -> str:
    return model_of(first)


def model_of(result: Result) -> str:
    return str(steps(result)["train"].properties["ModelArtifacts"]["S3ModelArtifacts"])


def report_of(trial: Trial, result: Result) -> dict[str, Any]:
    uri = f"{output(result, 'evaluate', 'report')}/evaluation.json"
    report: dict[str, Any] = trial.laptop.document(uri)
    return report


def test_the_first_run_registers_its_model_with_what_it_was_judged_by(
    trial: Trial, first: Result
) -> None:
    assert first.status == "Succeeded", first.failure_reason
    report, version = report_of(trial, first), trial.laptop.registered[0]
    metadata = version["CustomerMetadataProperties"]
    metric = trial.case.model.metric_name
    assert (metadata["metric"], metadata["better"]) == (metric, report["better"])
    assert float(metadata["candidate-score"]) == report["candidate"]["metrics"][metric]
    assert metadata["champion-status"] == "none"
    assert list(version["DriftCheckBaselines"]) == ["ModelDataQuality", "ModelQuality"]
    statistics = trial.laptop.document(f"{output(first, 'baseline', 'baseline')}/statistics.json")
    assert [feature["name"] for feature in statistics["features"]] == ["x"], "without the label"


def test_an_equal_model_passes(trial: Trial, champion: str) -> None:
    registered = len(trial.laptop.registered)
    equal = trial.train(off=0, champion=champion, also=1)
    assert equal.status == "Succeeded", equal.failure_reason
    assert report_of(trial, equal)["regression"] == 0
    assert len(trial.laptop.registered) == registered + 1


def test_the_champion_itself_is_no_new_model(trial: Trial, champion: str) -> None:
    registered = len(trial.laptop.registered)
    result = trial.train(off=0, champion=champion)
    assert result.status == "Succeeded", result.failure_reason
    assert len(trial.laptop.registered) == registered
    assert "it is the champion itself: no new model" in report_of(trial, result)["verdict"]


def test_a_better_model_passes_and_says_by_how_much(trial: Trial, champion: str) -> None:
    worse = model_of(trial.train(off=trial.case.worse))
    result = trial.train(off=0, champion=worse)
    assert result.status == "Succeeded", result.failure_reason
    report = report_of(trial, result)
    assert report["regression"] < -trial.case.tolerance
    assert report["interval"]["high"] < 0
    assert "better, 95 % within" in report["verdict"]
    metadata = trial.laptop.registered[-1]["CustomerMetadataProperties"]
    assert float(metadata["regression"]) == report["regression"]


def test_a_worse_model_is_halted_with_both_scores(trial: Trial, champion: str) -> None:
    registered = len(trial.laptop.registered)
    result = trial.train(off=trial.case.worse, champion=champion)
    assert result.status == "Failed"
    assert len(trial.laptop.registered) == registered
    reason = str(steps(result)["halt"].failure_reason)
    assert f"candidate {trial.case.model.metric_name}" in reason
    assert " worse, 95 % within" in reason
    assert f"a regression of at most {trial.case.tolerance}" in reason


LIMITS = {"prices": ("mape", "at most 1e-06"), "kinds": ("accuracy", "at least 0.999999")}


def test_a_candidate_beyond_a_limit_is_halted_with_its_value(trial: Trial) -> None:
    metric, limit = LIMITS[trial.laptop.context.settings.model_name]
    result = trial.gated(limits={metric: float(limit.split()[-1])}).train(off=0)
    assert result.status == "Failed"
    value = report_of(trial, result)["candidate"]["metrics"][metric]
    reason = str(steps(result)["halt"].failure_reason)
    assert f"and {metric} of {limit}; it is {value}" in reason


def test_a_champion_that_cannot_answer_is_said_and_halts(trial: Trial) -> None:
    broken = trial.laptop.put("s3://artifacts/broken/model.tar.gz", "no archive")
    result = trial.train(off=0, champion=broken)
    assert result.status == "Failed"
    assert "the champion cannot be scored: model.tar.gz" in str(
        steps(result)["halt"].failure_reason
    )


def test_an_evaluation_that_is_as_good_as_at_registration_or_better_raises_no_alarm(
    trial: Trial, champion: str
) -> None:
    trial.land("as-good", seed=1)
    trial.land("better", seed=2, noise=0.001)
    assert trial.alarm("better", champion=champion) == []
    assert trial.alarm("as-good", champion=champion) == []


def test_an_evaluation_that_is_worse_raises_it(trial: Trial, champion: str) -> None:
    trial.land("worse", seed=3, noise=40)
    (violation,) = trial.alarm("worse", champion=champion)
    assert "at registration" in violation
