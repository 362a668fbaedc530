"""What the commands draw, held against files in golden/ (RATCHET_UPDATE_SNAPSHOTS=1 rewrites)."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ratchet.cli.views import run_list, run_view
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs.executions import RunState
from ratchet.deployment.runs.reports import findings, outcome_of, with_copy
from ratchet.views import outcomes
from ratchet.views import runs as run_views
from ratchet.views.steps import steps
from tests.unit.cli.fake_deployment import START, FakeRun, World
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(hours=2, minutes=1)


def state_of(world: World, run: FakeRun) -> RunState:
    return runs.read(world.target, runs.find(world.target, run.id))


def test_show_of_a_run_that_registered_a_model(world: World, passed: FakeRun) -> None:
    state = state_of(world, passed)
    hold(
        "show_passed.txt",
        drawn(run_view.document(state, findings(world.target, state), now=NOW)),
    )


def test_show_of_a_run_that_the_gate_halted(world: World, halted: FakeRun) -> None:
    state = state_of(world, halted)
    hold(
        "show_halted.txt",
        drawn(run_view.document(state, findings(world.target, state), now=NOW)),
    )


def test_show_of_a_run_that_made_no_new_model(world: World, unchanged: FakeRun) -> None:
    results = findings(world.target, state_of(world, unchanged))
    state = with_copy(state_of(world, unchanged), results.reports)
    text = drawn(run_view.document(state, results, now=NOW))
    assert "no new model: the candidate is version 3; nothing is registered" in text
    assert "gate new-model no new model\n  = candidate.status registered = new" in text
    assert "gate no-regression passed\n  ✓ regression of auc −0.0085" in text
    assert "not passed" not in text
    view = run_views.run_view(state, now=NOW)
    assert (view.no_new_model, view.copy_of) == (True, 3)


@pytest.mark.parametrize(
    ("status", "which"),
    [
        ("champion", "version 1"),
        ("registered", "version 3"),
        ("of a later version", "one that was there already"),
    ],
)
def test_a_run_that_made_no_new_model_neither_registers_nor_halts(
    world: World, unchanged: FakeRun, status: str, which: str
) -> None:
    key = ("artifacts", "evaluate-3/evaluation.json")
    stored = json.loads(world.s3.objects[key])
    stored["candidate"]["status"] = status
    world.s3.objects[key] = json.dumps(stored).encode()
    (run,) = runs.listed(world.target)
    assert outcomes.outcome(outcome_of(world.target, run)) == (
        f"no new model: the candidate is {which}"
    )


def test_show_of_a_run_that_goes_on(world: World, running: FakeRun) -> None:
    state = state_of(world, running)
    hold(
        "show_running.txt",
        drawn(run_view.document(state, findings(world.target, state), now=NOW)),
    )


def test_the_list_of_runs(world: World, passed: FakeRun, halted: FakeRun, running: FakeRun) -> None:
    found = [runs.read(world.target, run) for run in runs.listed(world.target)]
    hold("runs.txt", drawn([run_list.table(found, now=NOW, width=100)]))


def test_steps_behind_the_gate_wait_until_it_decides_and_then_one_branch_is_off(
    world: World, running: FakeRun, halted: FakeRun
) -> None:
    waiting = {step.name: step.word for step in steps(state_of(world, running), now=NOW)}
    assert waiting["register"] == waiting["halt"] == "waiting"
    assert waiting["train"] == "running"
    ended = {step.name: step.word for step in steps(state_of(world, halted), now=NOW)}
    assert (ended["no-regression"], ended["register"], ended["halt"]) == (
        "not passed",
        "not reached",
        "halted",
    )


def test_a_run_that_halted_says_so_though_another_step_failed_before(
    world: World, halted: FakeRun
) -> None:
    halted.steps[1] |= {"StepStatus": "Failed", "FailureReason": "out of memory"}
    assert outcomes.outcome(state_of(world, halted)).startswith("halted: candidate 0.69")
    halted.steps.pop()
    assert outcomes.outcome(state_of(world, halted)) == "failed in train: out of memory"


def test_a_halted_run_is_none_that_made_no_new_model(world: World, halted: FakeRun) -> None:
    assert not state_of(world, halted).no_new_model


def test_a_running_step_counts_up_to_now(world: World, running: FakeRun) -> None:
    train = next(s for s in steps(state_of(world, running), now=NOW) if s.name == "train")
    assert train.seconds == 56


def test_a_run_without_steps_took_as_long_as_its_status_says(world: World) -> None:
    world.sagemaker.runs.append(FakeRun(id="e" * 12, name="x", status="Stopped", steps=[]))
    state = state_of(world, world.sagemaker.runs[0])
    assert outcomes.seconds(state, NOW) == 0
    assert outcomes.outcome(state) == "stopped"


def test_markup_in_names_and_reasons_is_shown_as_it_is(world: World) -> None:
    failed = FakeRun(
        id="f" * 12,
        name="x",
        status="Failed",
        description="[red]not markup[/]",
        steps=[
            {
                "StepName": "prepare",
                "StepStatus": "Failed",
                "StartTime": datetime(2013, 4, 2, tzinfo=UTC),
                "FailureReason": "KeyError: list[0] [/bold]",
            }
        ],
    )
    world.sagemaker.runs.append(failed)
    state = state_of(world, failed)
    text = drawn(run_view.document(state, findings(world.target, state), now=NOW))
    assert "[red]not markup[/]" in text
    assert "KeyError: list[0] [/bold]" in text


def test_a_refused_step_shows_the_statement_that_its_role_lacks(world: World) -> None:
    sentence = (
        "ClientError: An error occurred (AccessDenied) when calling the ListObjectsV2 operation: "
        "User: arn:aws:sts::000000000000:assumed-role/pipeline/SageMaker is not authorized to "
        'perform: s3:ListBucket on resource: "arn:aws:s3:::data" because no identity-based policy '
        "allows the s3:ListBucket action"
    )
    step = {"StepName": "prepare", "StepStatus": "Failed", "FailureReason": sentence}
    step["StartTime"] = datetime(2013, 4, 2, tzinfo=UTC)  # type: ignore[assignment]
    world.sagemaker.runs.append(FakeRun(id="f" * 12, name="x", status="Failed", steps=[step]))
    state = state_of(world, world.sagemaker.runs[0])
    document = run_view.document(state, findings(world.target, state), now=NOW)
    text = drawn(document)
    assert "prepare needs this statement in a policy of role pipeline\n{" in text
    assert '  "Action": "s3:ListBucket",' in text
    detail = run_views.run_detail(run_views.results(world.target, state), now=NOW)
    statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data"}
    expected = {"step": "prepare", "role": "pipeline", "statement": statement}
    assert detail.missing_permissions == (expected,)


def test_a_report_of_another_shape_is_shown_plainly() -> None:
    table = run_view.report_table("quality", {"rmse": 1.25, "per_month": {"jan": 1, "feb": 2}})
    assert table is not None
    assert drawn([table]) == "report quality\n  rmse 1.2500\n  per_month: jan 1 · feb 2\n"
    assert run_view.report_table("list", [1, 2]) is None
    assert run_view.report_table("empty", {}) is None
