"""The loop end to end: data lands, a model is trained, compared, registered or halted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.deployment.pipelines import launch
from ratchet.deployment.roles import policies as roles
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.target import facts
from tests.loop.broken_models import register_broken_model
from tests.loop.deployed_loop import Loop, until
from tests.projects import MODEL

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

MONTHS = ("2013-01", "2013-02", "2013-03")
FIRST_VERSION = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights-dev/1"

OWN_METRICS = """
BETTER = {"mistakes": "lower"}


def mistakes(labels, answers):
    return float(((answers > 0.5) != labels).mean())
"""
"""A metric of the team's own, which only `evaluate` computes."""


def hits(state: RunState) -> dict[str, bool]:
    """Which of the cacheable steps took an earlier run's result."""
    steps = {step.name: bool(step.cached_from) for step in state.steps}
    return {name: steps[name] for name in ("prepare", "train", "evaluate")}


def test_three_drops_make_one_run_that_registers_the_first_version(loop: Loop, drops: Path) -> None:
    keys = {
        landed.parcel.key
        for month in MONTHS
        for landed in loop.land(drops / month)
        if landed.verdict == "new"
    }
    state = loop.finished(loop.next_run(0))
    assert state.run.status == "Succeeded", state.run.failure
    assert len(loop.runs()) == 1
    assert loop.registered() == [1]
    assert len(keys) == 9
    assert {entry for entry in loop.manifest(state.run) if isinstance(entry, str)} == keys
    report = loop.findings(state).reports["evaluate", "evaluation"]
    assert report["champion"]["status"] == "none"
    assert report["candidate"]["score"] > 0.6
    assert state.run.name.startswith("2013-01-to-2013-03-")


def test_landing_the_same_files_again_starts_no_run(loop: Loop, drops: Path) -> None:
    seen = len(loop.looks())
    for month in MONTHS:
        loop.land(drops / month, again=True)
    assert loop.next_look(seen)["decision"] == "nothing"
    assert len(loop.runs()) == 1


def sender(loop: Loop, queue_arn: str) -> str:
    """A role that Scheduler sends messages to a queue with."""
    iam, name = loop.client("iam"), "sends-schedules"
    scheduler = {"Service": "scheduler.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": scheduler, "Action": "sts:AssumeRole"}
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]
    iam.put_role_policy(
        RoleName=name, PolicyName="send", PolicyDocument=json.dumps({"Statement": [send]})
    )
    arn: str = role["Arn"]
    return arn


def test_a_schedule_in_another_time_zone_starts_exactly_one_run_of_what_was_run(
    loop: Loop,
) -> None:
    known = len(loop.runs())
    queue = loop.client("sqs").get_queue_attributes(
        QueueUrl=loop.deployed.queue_url, AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    zone = "Asia/Tokyo"
    due = datetime.now(ZoneInfo(zone)).replace(microsecond=0)
    told = {"scheduled_time": "<aws.scheduler.scheduled-time>"}
    loop.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone=zone,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue, "RoleArn": sender(loop, queue), "Input": json.dumps(told)},
    )
    state = loop.finished(loop.next_run(known))
    assert f"-scheduled-{due.astimezone(UTC):%Y-%m-%d-%H%M}-" in state.run.name
    assert hits(state)["prepare"], "the data is as before, so the cache answers"
    seen = len(loop.looks())
    told["scheduled_time"] = due.isoformat()
    loop.client("sqs").send_message(QueueUrl=loop.deployed.queue_url, MessageBody=json.dumps(told))
    assert loop.next_look(seen)["decision"] == "nothing", "delivered once more"
    assert len(loop.runs()) == known + 1


def test_an_edit_of_train_runs_train_and_what_follows(loop: Loop, source: Path) -> None:
    script = source / "steps" / MODEL / "train.py"
    script.write_text(f"{script.read_text()}\n# edited\n")
    state = loop.finished(loop.start(source))
    assert state.run.status == "Succeeded", state.run.failure
    assert hits(state) == {"prepare": True, "train": False, "evaluate": False}


def test_an_edit_of_a_module_that_only_evaluate_takes_runs_evaluate_alone(
    loop: Loop, source: Path
) -> None:
    (source / "steps" / MODEL / "metrics.py").write_text(OWN_METRICS)
    state = loop.finished(loop.start(source))
    assert state.run.status == "Succeeded", state.run.failure
    assert hits(state) == {"prepare": True, "train": True, "evaluate": False}


def test_the_model_that_serves_is_no_new_model(loop: Loop) -> None:
    versions = loop.registered()
    loop.deploy_champion(FIRST_VERSION)
    state = loop.finished(loop.start())
    assert state.run.status == "Succeeded", state.run.failure
    report = loop.findings(state).reports["evaluate", "evaluation"]
    assert report["champion"]["status"] == "scored"
    assert state.no_new_model
    assert loop.registered() == versions


def test_another_model_that_answers_as_the_champion_passes(loop: Loop, source: Path) -> None:
    script = source / "steps" / MODEL / "inference.py"
    script.write_text(f"{script.read_text()}\n# another artifact\n")
    state = loop.finished(loop.start(source))
    assert state.run.status == "Succeeded", state.run.failure
    assert loop.findings(state).reports["evaluate", "evaluation"]["regression"] == 0
    assert state.step("register") is not None


def test_a_stronger_champion_halts_the_run_with_both_scores(loop: Loop) -> None:
    versions = loop.registered()
    state = loop.finished(loop.start(num_round=1, max_depth=1))
    assert state.run.status == "Failed"
    report = loop.findings(state).reports["evaluate", "evaluation"]
    halt = state.step("halt")
    assert halt is not None
    for score in (report["candidate"]["score"], report["champion"]["score"]):
        assert f"{score:.4f}" in halt.failure
    assert f"{loop.settings.gate_max_regression:g}" in halt.failure
    assert loop.registered() == versions


def test_a_champion_that_cannot_answer_halts_the_run_and_is_said(loop: Loop) -> None:
    broken = register_broken_model(loop)
    loop.deploy_champion(FIRST_VERSION.replace("/1", f"/{broken}"))
    state = loop.finished(loop.start())
    loop.deploy_champion(FIRST_VERSION)
    assert state.run.status == "Failed"
    report = loop.findings(state).reports["evaluate", "evaluation"]
    assert report["champion"]["status"] == "unscorable"
    halt = state.step("halt")
    assert halt is not None
    assert "this model never loads" in halt.failure
    assert loop.registered()[-1] == broken


def test_500_objects_landing_together_make_exactly_one_run_that_names_them_all(
    loop: Loop, drops: Path
) -> None:
    header, *rows = (drops / "2013-04" / "flights.csv").read_bytes().splitlines(keepends=True)
    parts = {f"2013-04/flights-{n:04}.csv": b"".join([header, *rows[n::498]]) for n in range(498)}
    for table in ("weather", "planes"):
        parts[f"2013-04/{table}.csv"] = (drops / "2013-04" / f"{table}.csv").read_bytes()
    loop.publish()
    known = len(loop.runs())
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda part: loop.put(*part), parts.items()))
    state = loop.finished(loop.next_run(known))
    assert state.run.status == "Succeeded", state.run.failure
    named = {entry for entry in loop.manifest(state.run) if isinstance(entry, str)}
    assert {f"{loop.deployed.data_prefix}{key}" for key in parts} <= named
    assert len(named) == 509
    assert len(loop.runs()) == known + 1


def test_a_redelivered_event_starts_no_run(loop: Loop) -> None:
    known, seen = len(loop.runs()), len(loop.looks())
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": loop.deployed.data_bucket},
            "object": {"key": "raw/2013-01/flights.csv", "size": 1},
            "reason": "PutObject",
        },
    }
    loop.client("sqs").send_message(QueueUrl=loop.deployed.queue_url, MessageBody=json.dumps(event))
    assert loop.next_look(seen)["decision"] == "nothing"
    assert len(loop.runs()) == known


def spreadsheet(loop: Loop, run: Run) -> dict[str, Decimal]:
    """What each step of a run cost, by hand: seconds × price an hour ÷ 3600, of one instance."""
    sagemaker = loop.client("sagemaker")
    costs: dict[str, Decimal] = {}
    for step in sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=run.arn)[
        "PipelineExecutionSteps"
    ]:
        about = {} if "CacheHitResult" in step else step["Metadata"]
        seconds, price = Decimal(0), Decimal(0)
        if "ProcessingJob" in about:
            name = about["ProcessingJob"]["Arn"].rpartition("/")[2]
            job = sagemaker.describe_processing_job(ProcessingJobName=name)
            took = job["ProcessingEndTime"] - job["ProcessingStartTime"]
            seconds, price = Decimal(str(round(took.total_seconds(), 3))), Decimal(36)
        if "TrainingJob" in about:
            name = about["TrainingJob"]["Arn"].rpartition("/")[2]
            job = sagemaker.describe_training_job(TrainingJobName=name)
            seconds, price = Decimal(job["BillableTimeInSeconds"]), Decimal(72)
        costs[step["StepName"]] = seconds * price / 3600
    return costs


def cents(amount: Decimal | str) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def report(loop: Loop, *options: str) -> dict[str, Any]:
    """What `ratchet costs` says to scripts."""
    document: dict[str, Any] = typed(loop, "costs", *options)
    return document


def typed(loop: Loop, *words: str) -> Any:
    """What a command prints with `--json`."""
    variables = {"RATCHET_LOCAL": str(loop.folder)}
    result = CliRunner().invoke(app, [*words, "--json"], env=variables)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_run_has_a_price_that_adds_up_to_the_cent(loop: Loop) -> None:
    by_hand = {}
    for run in loop.runs():
        by_hand[run.id] = spreadsheet(loop, run)
        recorded = loop.recorded(run)
        assert {row.step for row in recorded} == set(by_hand[run.id])
        assert {row.price_source for row in recorded if row.price} <= {"price-list"}
        for row in recorded:
            assert row.cost is not None
            assert abs(row.cost - by_hand[run.id][row.step]) < Decimal("1e-8"), row
    by_run = report(loop, "--by", "run", "--pipeline", "training")
    assert {line["run"]: cents(line["cost"]) for line in by_run["lines"]} == {
        run: cents(sum(steps.values(), Decimal(0))) for run, steps in by_hand.items()
    }
    whole = sum((sum(steps.values(), Decimal(0)) for steps in by_hand.values()), Decimal(0))
    assert cents(by_run["total"]["cost"]) == cents(whole)
    assert whole > 0
    assert by_run["total"]["unknown"] == 0


def test_cache_hits_cost_nothing_and_name_what_they_saved(loop: Loop) -> None:
    oldest, *later = reversed(loop.runs())
    cost = {row.step: row.cost for row in loop.recorded(oldest)}
    again = {row.step: row for row in loop.recorded(later[0])}
    for step in ("prepare", "train"):
        assert (again[step].cache_hit, again[step].cost) == (True, Decimal(0))
        assert again[step].cached_from == oldest.id
        assert again[step].saved_by_cache == cost[step]
    judged = again["evaluate"]
    assert not judged.cache_hit, "the first run registered a version, which the candidate may be"
    assert judged.cost is not None
    assert judged.cost > 0
    assert not judged.saved_by_cache
    saved = report(loop, "--by", "run")["lines"]
    (line,) = (line for line in saved if line["run"] == later[0].id)
    assert Decimal(line["saved_by_cache"]) == sum(row.saved_by_cache or 0 for row in again.values())
    assert Decimal(line["saved_by_cache"]) > 0


def test_recording_again_changes_nothing(loop: Loop) -> None:
    def rows() -> dict[str, str]:
        listed = loop.client("s3").list_objects_v2(
            Bucket=loop.deployed.artifacts_bucket, Prefix="costs/rows/pipeline=flights"
        )
        return {one["Key"]: one["ETag"] for one in listed["Contents"]}

    before = rows()
    function = facts.read_operations(loop.target).record_run
    answer = loop.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    assert rows() == before


def test_after_a_kill_the_runs_models_and_data_are_there_and_the_broken_run_says_so(
    loop: Loop, source: Path
) -> None:
    script = source / "steps" / MODEL / "prepare.py"
    script.write_text(f"import time\n\ntime.sleep(60)\n{script.read_text()}")
    runs_before, versions = {run.id: run.status for run in loop.runs()}, loop.registered()
    broken = loop.start(source)
    until(
        lambda: next((s for s in loop.steps(broken) if s.status == "Executing"), None),
        "prepare has not started",
    )
    server = loop.server()
    server.kill()
    server.wait()

    again = loop.restarted()
    state = again.finished(broken)
    assert state.run.status == "Failed"
    assert "killed" in state.run.failure
    assert {r.id: r.status for r in again.runs() if r.id != broken.id} == runs_before
    assert again.registered() == versions
    listed = again.client("s3").list_objects_v2(Bucket=again.deployed.data_bucket)
    assert listed["KeyCount"] == 509
    after = again.finished(again.start())
    assert after.run.status == "Succeeded", after.run.failure


def test_no_role_was_refused_anything(loop: Loop) -> None:
    again = loop.restarted()
    assert typed(again, "status")["refused"] == {}
    names = {role.name for role in roles.read(again.target)}
    records = [record for record in roles.decisions(again.target) if record.role in names]
    assert sum(record.count for record in records) > 100


def test_a_run_that_lacks_a_permission_goes_on_once_the_statement_it_shows_is_added(
    loop: Loop, source: Path
) -> None:
    again = loop.restarted()
    iam, role = again.client("iam"), again.deployed.role_arn.rpartition("/")[2]
    policy = iam.get_role_policy(RoleName=role, PolicyName="permissions")["PolicyDocument"]
    statements = [
        statement for statement in policy["Statement"] if statement["Sid"] != "ReadCodeList"
    ]
    assert len(statements) == len(policy["Statement"]) - 1
    put_policy(iam, role, "permissions", statements)
    script = source / "steps" / MODEL / "train.py"
    script.write_text(f"{script.read_text()}\n# edited: a bundle of its own\n")
    state = again.finished(again.start(source))
    assert state.run.status == "Failed"
    shown = typed(again, "show", state.run.id)["missing_permissions"]
    lacking = {lack["step"]: lack["statement"]["Action"] for lack in shown}
    assert "s3:ListBucket" in lacking.values()
    assert typed(again, "status")["refused"] == {"training pipeline": len(lacking)}
    refusals = typed(again, "permissions", "training", "pipeline")["refusals"]
    assert {refusal["missing_statement"]["Action"] for refusal in refusals} == {"s3:ListBucket"}

    put_policy(iam, role, "pasted", [lack["statement"] for lack in shown])
    launch.retry(again.target, state.run)
    state = again.finished(state.run)
    assert state.run.status == "Succeeded", state.run.failure
    assert typed(again, "status")["refused"] == {}
    put_policy(iam, role, "permissions", policy["Statement"])
    iam.delete_role_policy(RoleName=role, PolicyName="pasted")


def put_policy(iam: Any, role: str, name: str, statements: list[Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
