"""Cleans up after a dead process: executions that nobody runs any more, and their processes."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from ratchet.local_cloud.sagemaker import events, executions, jobs
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION, RUNNING, STEP
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.runner.container import STEP_FOLDER

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

KILLED = (
    "the local cloud was killed while this step ran. Nothing of the step was kept; "
    "retry the execution to go on from there"
)
_KILLED_BETWEEN = "the local cloud was killed while no step ran; retry the execution to go on"
SHUT_DOWN = (
    "the local cloud was shut down while this step ran; retry the execution to go on from there"
)
_UNFINISHED = ("Starting", "Executing", "Stopping")
_TERMINATE_SECONDS = 3.0


def recover(api: Api, runs_folder: Path) -> list[str]:
    """Fail every execution that a killed process left running, and end what is left of its steps.

    Answers the ARNs of those executions.
    """
    broken = []
    for scope, execution in api.store.everywhere(EXECUTION):
        if execution["PipelineExecutionStatus"] not in RUNNING:
            continue
        arn = execution["PipelineExecutionArn"]
        for step in api.store.all(scope, STEP, parent=arn):
            if step["StepStatus"] in _UNFINISHED and "ProcessGroup" in step:
                end_group(step["ProcessGroup"], runs_folder / execution["Id"])
        end_strays(runs_folder / execution["Id"])
        with api.store.transaction():
            names = fail_steps(api, scope, execution, KILLED)
            reason = f"Step {', '.join(names)}: {KILLED}" if names else _KILLED_BETWEEN
            after = executions.ended(api, scope, execution, "Failed", reason)
            status = execution["PipelineExecutionStatus"]
            events.execution_changed(api, scope, after, previous=status)
        broken.append(arn)
    return broken


def fail_steps(api: Api, scope: AccountScope, execution: Body, reason: str) -> list[str]:
    """Fail the unfinished steps of an execution and their jobs; answers the steps' names."""
    names = []
    for step in api.store.all(scope, STEP, parent=execution["PipelineExecutionArn"]):
        if step["StepStatus"] not in _UNFINISHED:
            continue
        changes = {
            "StepStatus": "Failed",
            "EndTime": api.now(),
            "FailureReason": reason,
            "ProcessGroup": None,
        }
        after = api.store.update(scope, STEP, step["Key"], changes)
        events.step_changed(api, scope, execution, after, previous=step["StepStatus"])
        kind = jobs.kind_of_job(step["StepType"])
        job = api.store.get(scope, kind.name, step.get("JobName", "")) if kind else None
        if kind and job:
            jobs.fail(api, scope, kind, job, reason)
        names.append(step["StepName"])
    return names


def end_group(group: Body, folder: Path) -> None:
    """End a step's process group if it is still the one that was recorded.

    It is when its leader started at the recorded time. Where the leader has gone, its orphans are
    known by a variable that names a folder below the execution's ``folder``: the kernel gives no
    new process the id of a group that still has members.
    """
    processes = [process for process in _members(group["id"]) if _is_ours(process, group, folder)]
    if not processes:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group["id"], signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=_TERMINATE_SECONDS)
    if alive:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group["id"], signal.SIGKILL)


def end_strays(folder: Path) -> None:
    """End every process of the steps below an execution's ``folder``: of a job with several hosts,
    or a search with several jobs at once, only the newest group is on record."""
    strays = [process for process in psutil.process_iter() if _is_below(process, folder)]
    for process in strays:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(strays, timeout=_TERMINATE_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _is_below(process: psutil.Process, folder: Path) -> bool:
    """Whether a process is one of a step below a folder, by the variable that all of them have."""
    with contextlib.suppress(psutil.Error):
        named = process.environ().get(STEP_FOLDER)
        return named is not None and Path(named).resolve().is_relative_to(folder.resolve())
    return False


def _members(group_id: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getpgid(process.pid) == group_id and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def _is_ours(process: psutil.Process, group: Body, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        if process.pid == group["id"]:
            started = group.get("started")
            return started is not None and abs(process.create_time() - started) < 1.0
        return _is_below(process, folder) or _leader_is_ours(group)
    return False


def _leader_is_ours(group: Body) -> bool:
    with contextlib.suppress(psutil.Error):
        started = group.get("started")
        leader = psutil.Process(group["id"])
        return started is not None and abs(leader.create_time() - started) < 1.0
    return False
