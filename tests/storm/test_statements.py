"""What recorded requests foretell comes true: each statement of the training pipeline is really
taken out, and a run fails with the sentence of its action."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.deployment.runs.executions import RunState
from ratchet.local_cloud import control
from ratchet.local_cloud.emulator import request_log
from tests.loop import deployed_policies, mutations
from tests.loop.deployed_loop import Loop, deploy, write_drop
from tests.loop.deployed_policies import Kind, Policies, Policy
from tests.loop.mutations import Piece
from tests.loop.policy_changes import without
from tests.projects import MODEL, copy_of_project

pytestmark = [pytest.mark.storm, pytest.mark.timeout(3600)]

ROLES = ("-training/PipelineRole", "-training/ChampionResolveChampionRole")
LOSSES = {"WriteLogs", "WriteOwnLogs", "PutMetrics"}
"""Statements without which a run succeeds and leaves no log or no metrics."""


@dataclass
class Recorded:
    loop: Loop
    policies: Policies
    requests: Path

    def run(self, folder: Path) -> RunState:
        """A run that takes no step of an earlier one."""
        source = copy_of_project(folder)
        for script in (source / "steps" / MODEL).glob("*.py"):
            script.write_text(f"{script.read_text()}\n# {folder}\n")
        return self.loop.finished(self.loop.start(source))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("statements")
    requests = folder / "requests.jsonl"
    try:
        with pytest.MonkeyPatch.context() as variables:
            variables.setenv(request_log.VARIABLE, str(requests))
            loop = deploy(folder / "cloud")
        for month in (1, 2):
            loop.land(write_drop(month, folder / "drops"))
        state = loop.finished(loop.next_run(0))
        assert state.run.status == "Succeeded", state.run.failure
        policies = deployed_policies.read(loop.client, loop.settings.prefix)
        yield Recorded(loop, policies, requests)
    finally:
        control.down(folder / "cloud")


def test_a_run_fails_for_every_statement_that_its_recorded_requests_notice(
    recorded: Recorded, tmp_path: Path
) -> None:
    survey = mutations.survey(recorded.policies, request_log.read(recorded.requests))
    tried, wrong = 0, []
    for policy, position in _of_a_run(recorded.policies):
        key = policy.key(position)
        if survey.pieces[key] is not Piece.STATEMENT or key not in survey.noticed:
            continue
        tried += 1
        folder = tmp_path / str(tried)
        folder.mkdir()
        with without(recorded.loop.client, (policy, position)):
            state = recorded.run(folder)
        outcome = _outcome(policy, position, state)
        print(f"{key}: {outcome or 'as foretold'}", flush=True)
        wrong += [f"{key}: {outcome}"] if outcome else []
    assert wrong == []
    assert tried >= 20


def _of_a_run(policies: Policies) -> Iterator[tuple[Policy, int]]:
    """But for the trust of a function's role, which a function asks for when it starts anew."""
    for policy in policies.policies:
        is_function = policy.kind is Kind.TRUST and ROLES[1] in policy.owner
        if policy.kind is Kind.RESOURCE or is_function:
            continue
        if any(role in policy.owner for role in ROLES):
            for position in range(len(policy.statements)):
                yield policy, position


def _outcome(policy: Policy, position: int, state: RunState) -> str:
    """What is wrong with how a run ended; empty if it ended as it has to."""
    statement = policy.statements[position]
    if statement.get("Sid") in LOSSES:
        return "" if state.run.status == "Succeeded" else f"failed: {state.run.failure}"
    failures = " ".join([state.run.failure, *(step.failure for step in state.steps)])
    if state.run.status != "Failed":
        return f"the run is {state.run.status}"
    if policy.kind is Kind.TRUST:
        return "" if policy.holder in failures or "assume" in failures else failures
    named = any(f"perform: {action} on resource: " in failures for action in statement["Action"])
    return "" if named and f"assumed-role/{policy.holder}/" in failures else failures
