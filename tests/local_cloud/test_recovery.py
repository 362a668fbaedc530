"""What a killed local cloud left: executions, jobs, processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from ratchet.local_cloud.sagemaker import recovery
from ratchet.local_cloud.sagemaker.pipelines import EXECUTION
from ratchet.local_cloud.sagemaker.recording import Recorder
from ratchet.runner import StepRecord
from ratchet.runner.container import STEP_FOLDER
from tests.local_cloud.sagemaker_calls import (
    ROLE,
    SCOPE,
    Caller,
    definition,
    is_alive,
    shell,
    until,
)

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(SLEEP, start_new_session=True)
    yield child
    child.kill()
    child.wait()


def leave_running(call: Caller, process: subprocess.Popen[bytes]) -> str:
    """An execution whose training step was running, as a killed process leaves it."""
    text = definition(shell("prepare", "true"))
    call("CreatePipeline", PipelineName="training", RoleArn=ROLE, PipelineDefinition=text)
    arn: str = call("DescribePipeline", PipelineName="training")["PipelineArn"] + "/execution/abc"
    execution = {
        "PipelineArn": arn.rsplit("/execution", 1)[0],
        "PipelineExecutionArn": arn,
        "PipelineExecutionStatus": "Executing",
        "CreationTime": 1.0,
        "PipelineName": "training",
        "Id": "abc",
        "Definition": "none",
        "Parameters": {},
    }
    api = call.sagemaker.api
    api.store.insert(SCOPE, EXECUTION, arn, execution, parent="training")
    Recorder(api, SCOPE, execution, {}).step_changed(
        StepRecord(
            name="prepare",
            type="Processing",
            status="Executing",
            start_time=datetime.now(UTC),
            job_name="pipelines-abc-prepare",
            arguments=shell("prepare", "true")["Arguments"],
            process_group=process.pid,
        )
    )
    return arn


def test_a_broken_execution_says_that_the_cloud_was_killed(
    call: Caller, process: subprocess.Popen[bytes]
) -> None:
    arn = leave_running(call, process)
    assert call.sagemaker.recover() == [arn]
    execution = call("DescribePipelineExecution", PipelineExecutionArn=arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert (
        "Step prepare: the local cloud was killed while this step ran"
        in (execution["FailureReason"])
    )
    step = call("ListPipelineExecutionSteps", PipelineExecutionArn=arn)["PipelineExecutionSteps"][0]
    assert step["StepStatus"] == "Failed"
    assert "was killed" in step["FailureReason"]
    job = call("DescribeProcessingJob", ProcessingJobName="pipelines-abc-prepare")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"]
    last = call.cloud.events[-1]["detail"]
    assert last["currentPipelineExecutionStatus"] == "Failed"
    assert call.sagemaker.recover() == []


def test_the_processes_of_a_broken_step_are_ended(
    call: Caller, process: subprocess.Popen[bytes]
) -> None:
    leave_running(call, process)
    call.sagemaker.recover()
    until(lambda: process.poll() is not None, 5)


def test_a_process_that_has_got_the_id_since_is_left_alone(
    process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started = psutil.Process(process.pid).create_time() - 100
    recovery.end_group({"id": process.pid, "started": started}, tmp_path)
    assert process.poll() is None


def test_orphans_of_a_leader_that_has_gone_are_known_by_their_folder(tmp_path: Path) -> None:
    script = f"{sys.executable} -c 'import time; time.sleep(60)' >&2 & echo $!"
    leader = subprocess.run(
        ["/bin/bash", "-c", script],
        env={**os.environ, STEP_FOLDER: str(tmp_path / "prepare")},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    orphan = psutil.Process(int(leader.stdout))
    group = {"id": os.getpgid(orphan.pid), "started": orphan.create_time()}
    recovery.end_group(group, tmp_path / "elsewhere")
    assert orphan.is_running()
    recovery.end_group(group, tmp_path)
    until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, 5)


def test_processes_that_no_record_names_are_known_by_their_step_too(tmp_path: Path) -> None:
    def child(folder: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, STEP_FOLDER: str(folder)}
        return subprocess.Popen(SLEEP, env=environment, start_new_session=True)

    mine, other = child(tmp_path / "abc" / "train"), child(tmp_path / "abcd" / "train")
    try:
        recovery.end_strays(tmp_path / "abc")
        assert not is_alive(mine.pid)
        assert is_alive(other.pid)
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()
