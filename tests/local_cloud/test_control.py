"""Starting and stopping: once, at a free port, whatever is left of an earlier process."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.local_cloud import control, folder
from ratchet.local_cloud.layout import Layout, LocalCloudError
from tests.local_cloud.sagemaker_calls import (
    REGION,
    ROLE,
    RunningCloud,
    definition,
    is_alive,
    shell,
    until,
    wait_for_end,
)

UP = f"""
import sys
from pathlib import Path
from ratchet.local_cloud import control, folder
print(control.up(Path(sys.argv[1]), region={REGION!r}).pid)
"""


def test_nothing_is_up_in_an_empty_folder(tmp_path: Path) -> None:
    assert control.status(tmp_path / "none") is None
    control.down(tmp_path / "none")
    control.reset(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_process_id_of_another_process_is_not_taken_for_the_cloud(tmp_path: Path) -> None:
    folder.claim(Layout(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        Layout(tmp_path).write_endpoint(
            {"up": True, "pid": other.pid, "created": 1.0, "started": 1.0, "port": 1}
        )
        assert control.status(tmp_path) is None
        control.down(tmp_path)
        assert other.poll() is None
        other.kill()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(control.PortTakenError, match=f"Port {port} on 127.0.0.1"):
            control.up(tmp_path, region=REGION, port=port)
    assert control.status(tmp_path) is None


def test_a_file_of_prices_that_is_wrong_is_said_without_a_stack_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prices.json").write_text('{"hourly": 1}')
    monkeypatch.chdir(tmp_path)  # the server runs elsewhere
    monkeypatch.setenv("RATCHET_PRICES", "prices.json")
    with pytest.raises(control.StartFailedError) as caught:
        control.up(tmp_path / "cloud", region=REGION)
    (told,) = str(caught.value).splitlines()[1:]
    assert told.strip() == (
        f"The local cloud was not started: the prices of {tmp_path}/prices.json cannot be read: "
        "hourly = 1: expected an object"
    )


def test_the_environment_leads_to_this_cloud_and_to_no_other() -> None:
    endpoint = control.CloudEndpoint(
        url="http://127.0.0.1:4577",
        pid=1,
        region="eu-west-1",
        started=None,  # type: ignore[arg-type]
        keys={"key": "AKIA0", "secret": "of the folder"},
    )
    environment = endpoint.environment()
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIA0"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "of the folder"
    assert "of the folder" not in repr(endpoint)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4577"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


@pytest.mark.cloud
def test_two_that_start_it_at_once_get_the_same_one(tmp_path: Path) -> None:
    place = tmp_path / "cloud"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", UP, str(place)], stdout=subprocess.PIPE, env=environment
        )
        for _ in range(2)
    ]
    try:
        pids = {int(starter.communicate(timeout=60)[0]) for starter in starters}
        assert len(pids) == 1
    finally:
        control.down(place)
    assert control.status(place) is None
    assert not is_alive(pids.pop())


@pytest.mark.cloud
def test_other_settings_are_refused_while_it_is_up(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(control.OtherSettingsError, match="eu-west-1 was requested"):
        control.up(cloud.folder, region="eu-west-1")
    monkeypatch.setenv("RATCHET_UNAUTHORISED", "1")
    with pytest.raises(control.OtherSettingsError, match="enforces permissions, but RATCHET_UNA"):
        control.up(cloud.folder, region=REGION)
    status = control.status(cloud.folder)
    assert status is not None
    assert status.enforced


def test_a_switch_that_is_no_word_of_yes_or_no_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_UNAUTHORISED", "of")
    with pytest.raises(LocalCloudError, match="RATCHET_UNAUTHORISED is 'of'; expected"):
        control.up(tmp_path, region=REGION)
    assert not list(tmp_path.iterdir())


@pytest.mark.cloud
def test_one_switch_starts_a_cloud_that_does_not_enforce_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_UNAUTHORISED", "1")
    cloud = RunningCloud(control.up(tmp_path, region=REGION), tmp_path)
    try:
        assert not cloud.endpoint.enforced
        assert cloud.client("sts").get_caller_identity()["Account"] == cloud.endpoint.account
        assert cloud.admin("GET", "status")["enforced"] is False
        assert control.up(tmp_path, region=REGION) == cloud.endpoint
        monkeypatch.delenv("RATCHET_UNAUTHORISED")
        with pytest.raises(control.OtherSettingsError, match="does not enforce permissions"):
            control.up(tmp_path, region=REGION)
    finally:
        control.down(tmp_path)


@pytest.mark.cloud
def test_a_cloud_of_before_there_were_keys_gets_one_and_keeps_its_state(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    cloud.client("s3").create_bucket(Bucket="old")
    control.down(cloud.folder)
    layout = Layout(cloud.folder)
    layout.keys.unlink()
    layout.marker.unlink()
    cloud.folder.chmod(0o755)
    again = own_cloud()
    assert again.endpoint.keys != cloud.endpoint.keys
    assert again.client("s3").head_bucket(Bucket="old")
    assert stat.S_IMODE(layout.keys.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.folder.stat().st_mode) == 0o700


@pytest.mark.cloud
def test_reset_knows_everything_that_a_cloud_writes_and_leaves_your_files(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    sagemaker = cloud.client("sagemaker")
    cloud.client("s3").create_bucket(Bucket="data")
    text = definition(shell("prepare", "true"))
    sagemaker.create_pipeline(PipelineName="short", RoleArn=ROLE, PipelineDefinition=text)
    arn = start(sagemaker, "short")
    wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
    cloud.admin("POST", "save")
    (cloud.folder / "notes.txt").write_text("mine")

    assert control.reset(cloud.folder) == ["notes.txt"]

    assert (cloud.folder / "notes.txt").read_text() == "mine"
    left = {entry.name for entry in cloud.folder.iterdir()}
    assert left == {"notes.txt", "ratchet-cloud.json", "server.lock", "starting.lock"}
    assert control.status(cloud.folder) is None
    assert own_cloud().client("s3").list_buckets()["Buckets"] == []


@pytest.mark.cloud
def test_everything_is_there_again_after_sigkill_during_a_run(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    sagemaker, s3 = cloud.client("sagemaker"), cloud.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="raw/a b.csv", Body=b"1,2,3")
    cloud.client("ssm").put_parameter(Name="/flights/champion", Value="none", Type="String")
    queue = cloud.client("sqs").create_queue(QueueName="landed")["QueueUrl"]
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="not lost")
    cloud.client("events").put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    for name, script in (("earlier", "true"), ("broken", "sleep 60")):
        text = definition(shell("prepare", script))
        sagemaker.create_pipeline(PipelineName=name, RoleArn=ROLE, PipelineDefinition=text)
    earlier = start(sagemaker, "earlier")
    wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=earlier))
    broken = start(sagemaker, "broken")
    group = until(lambda: process_group(cloud, broken))
    cloud.admin("POST", "save")  # it saves by itself within a second; a test need not wait
    os.kill(cloud.endpoint.pid, signal.SIGKILL)

    again = own_cloud()

    assert again.endpoint.pid != cloud.endpoint.pid
    assert again.endpoint.url == cloud.endpoint.url
    sagemaker = again.client("sagemaker")
    failed = sagemaker.describe_pipeline_execution(PipelineExecutionArn=broken)
    assert failed["PipelineExecutionStatus"] == "Failed"
    assert "the local cloud was killed while this step ran" in failed["FailureReason"]
    until(lambda: not is_alive(group), 10)
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=earlier)
    assert described["PipelineExecutionStatus"] == "Succeeded"
    assert again.client("s3").get_object(Bucket="data", Key="raw/a b.csv")["Body"].read() == (
        b"1,2,3"
    )
    parameter = again.client("ssm").get_parameter(Name="/flights/champion")["Parameter"]
    assert parameter["Value"] == "none"
    received = again.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)
    assert received["Messages"][0]["Body"] == "not lost"
    assert again.client("events").describe_rule(Name="hourly")["State"] == "ENABLED"


@pytest.mark.cloud
def test_a_key_that_is_lost_while_it_is_up_is_made_anew_after_a_stop(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    Layout(cloud.folder).keys.unlink()
    with pytest.raises(LocalCloudError, match="ratchet cloud down"):
        control.up(cloud.folder, region=REGION)
    assert control.down(cloud.folder)
    assert not control.down(cloud.folder)
    assert own_cloud().client("sts").get_caller_identity()["Account"]


@pytest.mark.cloud
def test_state_is_saved_soon_after_it_changed(own_cloud: Callable[[], RunningCloud]) -> None:
    cloud = own_cloud()
    cloud.client("ssm").put_parameter(Name="/a", Value="saved", Type="String")
    log = cloud.folder / "services" / "state.sqlite3-wal"
    until(lambda: b"saved" in log.read_bytes(), 5)


@pytest.mark.cloud
def test_going_down_ends_the_steps_that_run(own_cloud: Callable[[], RunningCloud]) -> None:
    cloud = own_cloud()
    sagemaker = cloud.client("sagemaker")
    text = definition(shell("prepare", "sleep 60"))
    sagemaker.create_pipeline(PipelineName="long", RoleArn=ROLE, PipelineDefinition=text)
    arn = start(sagemaker, "long")
    group = until(lambda: process_group(cloud, arn))
    control.down(cloud.folder)
    assert not is_alive(group)
    again = own_cloud()
    execution = again.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "the local cloud was shut down" in execution["FailureReason"]


def start(sagemaker: Any, pipeline: str) -> str:
    arn: str = sagemaker.start_pipeline_execution(PipelineName=pipeline)["PipelineExecutionArn"]
    return arn


def process_group(cloud: RunningCloud, arn: str) -> int | None:
    steps = cloud.admin("GET", f"executions/{arn.rsplit('/', 1)[1]}")["steps"]
    return steps[0].get("ProcessGroup", {}).get("id") if steps else None
