"""`make demo` shows the whole loop, drift included, and holds itself against its claims. What its
roles asked for shows that every statement of every deployed policy is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ratchet.deployment.roles import policies as roles
from ratchet.deployment.target import facts
from ratchet.local_cloud import control
from ratchet.local_cloud.aws_only import asked_on_aws_only
from ratchet.local_cloud.emulator import request_log
from ratchet.project import load
from tests.loop import deployed_policies, exemptions, mutations
from tests.loop.deployed_loop import Loop, until, write_drop
from tests.loop.deployed_policies import Policies
from tests.loop.mutations import Piece, Survey
from tests.loop.policy_changes import find, without
from tests.loop.rest_of_the_loop import RestOfTheLoop, dead_letters
from tests.projects import MODEL, ROOT

DEMO_SECONDS = 560
pytestmark = [pytest.mark.cloud, pytest.mark.synth, pytest.mark.timeout(600)]

STATEMENTS_NOTICED = 0.95
ACTIONS_NOTICED = 0.8
RESOURCES_NOTICED = 0.8


@dataclass
class Demo:
    """The demo's cloud, which stays up, and what the demo said."""

    folder: Path
    requests: Path
    status: int
    output: str

    @cached_property
    def loop(self) -> Loop:
        return Loop(self.folder, load("dev"))

    @cached_property
    def policies(self) -> Policies:
        """As deployed: read before anything is taken out of them."""
        return deployed_policies.read(self.loop.client, self.loop.settings.prefix)

    def survey(self) -> Survey:
        return mutations.survey(self.policies, request_log.read(self.requests))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    requests = folder / "requests.jsonl"
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "demo", "--folder", str(folder / "cloud")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEMO_SECONDS,
            env={**os.environ, request_log.VARIABLE: str(requests)},
        )
        output = ended.stdout + ended.stderr[-3000:]
        yield Demo(folder / "cloud", requests, ended.returncode, output)
    finally:
        control.down(folder / "cloud")


@pytest.fixture(scope="module")
def rest(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the demo leaves out, done in its cloud."""
    drop = write_drop(7, tmp_path_factory.mktemp("labelled"))
    RestOfTheLoop(demo.loop, drop=drop, policies=demo.policies).run()


@pytest.fixture(scope="module")
def survey(demo: Demo, rest: None) -> Survey:
    """Of the demo, the rest of the loop, and the samples: first used when all were done."""
    return demo.survey()


def test_the_demo_holds(demo: Demo) -> None:
    assert demo.status == 0, demo.output[-6000:]
    assert "Everything worked" in demo.output
    assert demo.output.count("at list prices, on instances that were not really used") == 2


def test_the_roles_of_the_demo_are_held_to_their_policies(demo: Demo) -> None:
    assert demo.loop.target.ask("status")["enforced"] is True
    assert request_log.read(demo.requests)


def test_a_queue_that_rules_may_not_send_to_leaves_its_events_to_the_dead_letters(
    demo: Demo, rest: None
) -> None:
    [(queue, _)] = find(demo.policies, "*-training/TriggerWakesQueue* policy RulesSend")
    refusal = (
        "events.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: "
        f"{queue.holder}"
    )
    assert any(refusal in letter.error for letter in dead_letters(demo.loop, demo.policies))


def test_without_the_list_permission_on_the_code_the_first_step_fails_and_nobody_can_be_told(
    demo: Demo, rest: None, source: Path
) -> None:
    _edit(source, "prepare.py")
    [code] = find(demo.policies, "*-training/PipelineRole* permissions ReadCodeList")
    [invocation] = find(demo.policies, "*NotifyFunction* policy *RunFailed*")
    refusal = (
        "events.amazonaws.com is not authorized to perform: lambda:InvokeFunction on resource: "
        f"{invocation[0].holder}"
    )

    def untold() -> bool | None:
        letters = dead_letters(demo.loop, demo.policies)
        return any(refusal in letter.error for letter in letters) or None

    with without(demo.loop.client, code, invocation):
        state = demo.loop.finished(demo.loop.start(source))
        until(untold, "the event of the failed run is no dead letter")
    assert state.run.status == "Failed"
    step = state.step("prepare")
    assert step is not None
    assert f"assumed-role/{code[0].holder}/" in step.failure
    assert 'is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::cdk-' in (
        step.failure
    )


@pytest.mark.parametrize(
    ("statement", "step", "action"),
    [
        ("*-training/PipelineRole* permissions WriteRuns", "prepare", "s3:PutObject"),
        ("*-training/PipelineRole* permissions RunJobs", "prepare", "sagemaker:CreateProcessing"),
        (
            "*-training/*ResolveChampionRole* permissions ReadWhatIsDeployed",
            "champion",
            "ssm:GetParameter",
        ),
    ],
)
def test_a_run_fails_in_the_step_that_needs_a_permission(
    demo: Demo, source: Path, statement: str, step: str, action: str
) -> None:
    _edit(source, "prepare.py")
    [piece] = find(demo.policies, statement)
    with without(demo.loop.client, piece):
        state = demo.loop.finished(demo.loop.start(source))
    failed = state.step(step)
    assert failed is not None
    assert f"assumed-role/{piece[0].holder}/" in failed.failure
    assert f"is not authorized to perform: {action}" in failed.failure


def test_without_reading_the_archive_no_model_is_made(demo: Demo) -> None:
    sagemaker = demo.loop.client("sagemaker")
    [piece] = find(demo.policies, "*-serving/ChampionRole* permissions ReadModels")
    endpoint = facts.read_serving(demo.loop.target).endpoint
    config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    [variant] = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    request = {key: model[key] for key in ("Containers", "PrimaryContainer") if model.get(key)}
    with without(demo.loop.client, piece), pytest.raises(ClientError) as refused:
        sagemaker.create_model(
            ModelName="unreadable", ExecutionRoleArn=model["ExecutionRoleArn"], **request
        )
    message = refused.value.response["Error"]["Message"]
    assert "Could not access model data at s3://" in message
    assert f"assumed-role/{piece[0].holder}/" in message
    assert "is not authorized to perform: s3:GetObject" in message


@pytest.mark.parametrize(
    ("piece", "listed", "least"),
    [
        (Piece.STATEMENT, exemptions.STATEMENTS, STATEMENTS_NOTICED),
        (Piece.ACTION, exemptions.ACTIONS, ACTIONS_NOTICED),
    ],
)
def test_what_is_taken_out_of_a_policy_is_noticed_or_listed_with_the_reason_why_not(
    survey: Survey, piece: Piece, listed: Mapping[str, str], least: float
) -> None:
    noticed, all_of_them = survey.count(piece)
    print(f"\n{survey.table()}\n{noticed} of {all_of_them} {piece}s: {noticed / all_of_them:.1%}")
    neither, both = survey.compared(piece, listed, statements=exemptions.STATEMENTS)
    assert neither == [], "neither noticed nor listed"
    assert both == [], "listed, and noticed"
    assert noticed / all_of_them >= least


def test_the_local_cloud_asks_for_nothing_that_only_aws_is_said_to_ask_for(
    demo: Demo, rest: None
) -> None:
    services = {role.name: role.services for role in roles.read(demo.loop.target)}
    contradicting = [
        record
        for record in roles.decisions(demo.loop.target)
        if record.role in services
        and asked_on_aws_only(services[record.role], record.action, record.resource)
    ]
    assert contradicting == []


def test_most_resources_of_statements_are_noticed(survey: Survey) -> None:
    noticed, all_of_them = survey.count(Piece.RESOURCE)
    print(f"{noticed} of {all_of_them} resources noticed, {noticed / all_of_them:.1%}")
    assert noticed / all_of_them >= RESOURCES_NOTICED


def test_every_sentence_names_the_action_the_resource_and_who_asked(survey: Survey) -> None:
    for key, sentence in survey.noticed.items():
        assert sentence.startswith("User: "), key
        assert " is not authorized to perform: " in sentence, key
        assert " on resource: " in sentence, key


def test_a_statement_that_nothing_needs_is_found(demo: Demo, survey: Survey) -> None:
    [(policy, _)] = find(demo.policies, "*-training/PipelineRole* permissions WriteRuns")
    useless = {
        "Sid": "Useless",
        "Effect": "Allow",
        "Action": ["s3:DeleteObject"],
        "Resource": ["arn:aws:s3:::somewhere/*"],
    }
    wider = demo.policies.replaced(policy, policy.with_statement(len(policy.statements), useless))
    questions = request_log.read(demo.requests)
    assert f"{policy.owner} {policy.name} Useless" in mutations.survey(wider, questions).unnoticed


def _edit(source: Path, script: str) -> None:
    """A step that no earlier run has a result of."""
    file = source / "steps" / MODEL / script
    file.write_text(f"{file.read_text()}\n# {source}\n")
