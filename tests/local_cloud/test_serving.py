"""Endpoints that serve: invocations, health, updates, rollbacks, restarts; in process."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.service import open_sagemaker
from ratchet.local_cloud.sagemaker.serving.invocations import Invocation
from tests.local_cloud.sagemaker_calls import SCOPE, Caller, is_alive, until
from tests.local_cloud.served_models import SCRIPT, configure, settled

pytestmark = pytest.mark.jobs

CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            "WaitIntervalInSeconds": 30,
        },
        "TerminationWaitInSeconds": 6,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}
CALLS = int(os.environ.get("RATCHET_STORM_CALLS", "1000"))
"""Of the hundred clients, at least; 10000 is worth an evening."""


def invoke(call: Caller, body: str = "1,2", endpoint: str = "e", **headers: str) -> str:
    given = {"content-type": "text/csv", **headers}
    invocation = Invocation(endpoint=endpoint, body=body.encode(), headers=given)
    _, answer = call.sagemaker.hosting.invoke(SCOPE, invocation)
    return answer.decode()


@pytest.fixture
def endpoint(call: Caller) -> Caller:
    """An endpoint ``e`` of model ``v1``, in service."""
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=configure(call, "v1"))
    assert settled(call)["EndpointStatus"] == "InService"
    return call


def processes(call: Caller) -> list[int]:
    hosted = call.sagemaker.hosting._hosted.values()
    serving = [each.traffic.serving for each in hosted]
    return [group["id"] for fleet in serving if fleet for group in fleet.groups]


def test_the_models_own_script_answers(endpoint: Caller) -> None:
    assert invoke(endpoint) == "v1:1,2\n"


def test_an_answer_names_its_variant_and_the_callers_attributes(endpoint: Caller) -> None:
    headers = {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "trace=1"}
    invocation = Invocation(endpoint="e", body=b"1", headers=headers)
    answered, _ = endpoint.sagemaker.hosting.invoke(SCOPE, invocation)
    assert answered["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"
    assert answered["X-Amzn-SageMaker-Custom-Attributes"] == "trace=1"
    assert answered["Content-Type"] == "text/csv"


def test_an_exception_of_the_script_is_a_model_error_with_its_message(endpoint: Caller) -> None:
    with pytest.raises(ApiError) as caught:
        invoke(endpoint, "fail")
    assert caught.value.code == "ModelError"
    assert caught.value.status == 424
    assert caught.value.members["OriginalStatusCode"] == 500
    original = str(caught.value.members["OriginalMessage"])
    assert original.startswith("expected rows, got fail\n")
    assert ":log-group:/aws/sagemaker/Endpoints/e:" in str(caught.value.members["LogStreamArn"])


@pytest.mark.parametrize(
    ("name", "headers", "message"),
    [
        ("none", {}, "Endpoint none of account 000000000000 not found"),
        ("e", {"x-amzn-sagemaker-target-variant": "blue"}, "Variant blue not found"),
    ],
)
def test_an_unknown_endpoint_or_variant_is_refused(
    endpoint: Caller, name: str, headers: dict[str, str], message: str
) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        invoke(endpoint, endpoint=name, **headers)
    assert caught.value.code == "ValidationError"


def test_what_the_model_writes_is_in_its_log_group(endpoint: Caller) -> None:
    endpoint.sagemaker.hosting.flush()
    group, stream, line = endpoint.cloud.lines[0]
    assert group == "/aws/sagemaker/Endpoints/e"
    assert stream.startswith("AllTraffic/i-")
    assert line.startswith("loaded from ")


def test_a_model_that_cannot_be_loaded_fails_the_endpoint_with_its_words(call: Caller) -> None:
    script = "def model_fn(model_dir):\n    raise RuntimeError('no such booster')\n"
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=configure(call, "v1", script))
    described = settled(call)
    assert described["EndpointStatus"] == "Failed"
    assert "AllTraffic did not pass the ping health check" in described["FailureReason"]
    assert "RuntimeError: no such booster" in described["FailureReason"]
    call("DeleteEndpoint", EndpointName="e")
    with pytest.raises(ApiError, match="not found"):
        invoke(call)


def test_an_endpoint_that_is_not_in_service_is_not_found(call: Caller) -> None:
    slow = configure(call, "v1", "import time\ntime.sleep(1)\n" + SCRIPT)
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=slow)
    with pytest.raises(ApiError, match="not found"):
        invoke(call)
    assert settled(call)["EndpointStatus"] == "InService"


def test_a_model_that_hangs_while_loading_fails_in_time(call: Caller) -> None:
    call.sagemaker.switches.health_check_seconds = 0.5
    script = "import time\ntime.sleep(60)\n"
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=configure(call, "v1", script))
    assert "no answer within 0.5 s" in settled(call)["FailureReason"]


def test_an_archive_without_a_script_is_told(call: Caller) -> None:
    name = configure(call, "v1")
    call.cloud.objects["bucket/v1/model.tar.gz"] = b"no archive"
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=name)
    assert "v1/model.tar.gz cannot be unpacked" in settled(call)["FailureReason"]


def test_a_model_that_crashes_is_started_again(endpoint: Caller) -> None:
    with pytest.raises(ApiError, match="the model's process ended"):
        invoke(endpoint, "crash")
    assert invoke(endpoint) == "v1:1,2\n"


def test_invocations_errors_and_latency_are_published(endpoint: Caller) -> None:
    invoke(endpoint)
    with pytest.raises(ApiError):
        invoke(endpoint, "fail")
    endpoint.sagemaker.hosting.flush()
    by_variant = [m for m in endpoint.cloud.metrics if len(m["Dimensions"]) == 2]
    assert {m["Namespace"] for m in by_variant} == {"AWS/SageMaker"}
    totals: Counter[str] = Counter()
    for metric in by_variant:
        pairs = zip(metric["Values"], metric["Counts"], strict=True)
        totals[metric["MetricName"]] += sum(value * count for value, count in pairs)
    assert totals["Invocations"] == 2
    assert totals["Invocation5XXErrors"] == 1
    assert totals["Invocation4XXErrors"] == 0
    assert totals["ModelLatency"] > 100  # microseconds
    names = {d["Name"] for m in endpoint.cloud.metrics for d in m["Dimensions"]}
    assert names == {"EndpointName", "VariantName", "EndpointConfigName"}


class Load:
    """Clients that ask without a pause, and what they were answered."""

    def __init__(self, call: Caller, *, clients: int = 1) -> None:
        self.errors: list[str] = []
        self._answers: list[str] = []
        self._call = call
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    @property
    def answers(self) -> Counter[str]:
        """How often each version answered."""
        return Counter(self._answers)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._answers.append(invoke(self._call, "x").split(":")[0])
            except Exception as error:  # whatever a client would see
                self.errors.append(repr(error))
            time.sleep(0.002)


def test_no_request_fails_while_a_new_model_takes_over(endpoint: Caller) -> None:
    endpoint.cloud.alarms["errors"] = "OK"
    before = processes(endpoint)
    config = configure(endpoint, "v2")
    with Load(endpoint) as load:
        endpoint(
            "UpdateEndpoint", EndpointName="e", EndpointConfigName=config, DeploymentConfig=CANARY
        )
        during = endpoint("DescribeEndpoint", EndpointName="e")
        after = settled(endpoint)
    assert during["EndpointStatus"] == "Updating"
    assert during["EndpointConfigName"] == "v1"
    assert during["PendingDeploymentSummary"]["EndpointConfigName"] == "v2"
    assert load.errors == []
    assert load.answers["v1"] > 0
    assert load.answers["v2"] > 0
    assert after["EndpointConfigName"] == "v2"
    assert after["LastDeploymentConfig"] == CANARY
    assert "PendingDeploymentSummary" not in after
    assert "FailureReason" not in after
    assert invoke(endpoint) == "v2:1,2\n"
    assert not any(is_alive(pid) for pid in before)


def test_no_call_of_a_hundred_clients_fails_while_models_are_swapped(endpoint: Caller) -> None:
    endpoint.cloud.alarms["errors"] = "OK"
    with Load(endpoint, clients=100) as load:
        version = 1
        while sum(load.answers.values()) < CALLS or version < 3:
            version += 1
            config = configure(endpoint, f"v{version}")
            endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=config)
            settled(endpoint)
    assert load.errors == []
    assert len(load.answers) == version
    assert sum(load.answers.values()) >= CALLS


def test_a_canary_gets_its_share(endpoint: Caller) -> None:
    endpoint.cloud.alarms["errors"] = "OK"
    endpoint.sagemaker.switches.time_scale = 1.0
    config = configure(endpoint, "v2")
    endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=config, DeploymentConfig=CANARY)
    until(lambda: baking(endpoint), 10)
    answers = Counter(invoke(endpoint).split(":")[0] for _ in range(50))
    assert answers == {"v1": 45, "v2": 5}


def baking(call: Caller) -> bool:
    described = call("DescribeEndpoint", EndpointName="e")
    variants = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])
    status = variants[0].get("VariantStatus", [{}])[0].get("Status")
    return bool(status == "Baking")


def test_an_alarm_rolls_back_and_the_old_model_goes_on(endpoint: Caller) -> None:
    endpoint.cloud.alarms["errors"] = "OK"
    endpoint.sagemaker.switches.time_scale = 1.0
    config = configure(endpoint, "v2")
    with Load(endpoint) as load:
        endpoint(
            "UpdateEndpoint", EndpointName="e", EndpointConfigName=config, DeploymentConfig=CANARY
        )
        until(lambda: baking(endpoint) and load.answers["v2"], 10)
        endpoint.cloud.alarms["errors"] = "ALARM"
        after = settled(endpoint)
    assert load.errors == []
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == "v1"
    assert "[errors]" in after["FailureReason"]
    assert {invoke(endpoint) for _ in range(20)} == {"v1:1,2\n"}
    statuses = [event["detail"]["EndpointStatus"] for event in endpoint.cloud.events]
    assert statuses[-2:] == ["ROLLING_BACK", "IN_SERVICE"]


def test_an_unhealthy_model_never_gets_a_request(endpoint: Caller) -> None:
    config = configure(endpoint, "v2", "def model_fn(model_dir):\n    1 / 0\n")
    with Load(endpoint) as load:
        endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=config)
        after = settled(endpoint)
    assert load.errors == []
    assert set(load.answers) == {"v1"}
    assert after["EndpointConfigName"] == "v1"
    assert "ZeroDivisionError" in after["FailureReason"]


def test_the_next_success_forgets_the_failure(endpoint: Caller) -> None:
    bad = configure(endpoint, "v2", "1 / 0")
    endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=bad)
    assert "FailureReason" in settled(endpoint)
    endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=configure(endpoint, "v3"))
    after = settled(endpoint)
    assert "FailureReason" not in after
    assert after["EndpointConfigName"] == "v3"


def test_an_endpoint_in_progress_cannot_be_updated(endpoint: Caller) -> None:
    slow = configure(endpoint, "v2", "import time\ntime.sleep(1)\n" + SCRIPT)
    endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=slow)
    with pytest.raises(ApiError, match="Cannot update in-progress endpoint"):
        endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName="v1")


def test_alarms_that_do_not_exist_are_refused(endpoint: Caller) -> None:
    with pytest.raises(ApiError, match=r"do not exist: \['errors'\]"):
        endpoint(
            "UpdateEndpoint", EndpointName="e", EndpointConfigName="v1", DeploymentConfig=CANARY
        )


def test_deleting_an_endpoint_ends_its_processes_even_during_an_update(endpoint: Caller) -> None:
    endpoint.cloud.alarms["errors"] = "OK"
    endpoint.sagemaker.switches.time_scale = 1.0
    before = processes(endpoint)
    config = configure(endpoint, "v2")
    endpoint("UpdateEndpoint", EndpointName="e", EndpointConfigName=config, DeploymentConfig=CANARY)
    until(lambda: baking(endpoint), 10)
    children = before + [
        group["id"]
        for _, fleet in endpoint.sagemaker.store.everywhere("Fleet")
        for group in fleet["groups"]
    ]
    endpoint("DeleteEndpoint", EndpointName="e")
    assert not any(is_alive(pid) for pid in children)
    assert endpoint.sagemaker.store.everywhere("Fleet") == []
    with pytest.raises(ApiError, match="not found"):
        invoke(endpoint)


@pytest.fixture
def reopened(endpoint: Caller) -> Iterator[Any]:
    """The endpoint's SageMaker after its process was ended and started again."""
    opened = []

    def reopen() -> Caller:
        again = open_sagemaker(
            endpoint.sagemaker.folder, cloud=endpoint.cloud, model=endpoint.model
        )
        opened.append(again)
        again.recover()
        return Caller(again, endpoint.cloud, endpoint.model)

    yield reopen
    for sagemaker in opened:
        sagemaker.close()


def test_endpoints_serve_again_after_a_restart(endpoint: Caller, reopened: Any) -> None:
    before = processes(endpoint)
    again = reopened()
    assert invoke(again) == "v1:1,2\n"  # waits for the model instead of failing
    assert not any(is_alive(pid) for pid in before), "the leftovers are ended by their ids"


def test_an_update_that_was_interrupted_leaves_the_old_model(
    endpoint: Caller, reopened: Any
) -> None:
    endpoint.sagemaker.store.update(
        SCOPE, "Endpoint", "e", {"EndpointStatus": "Updating", "PendingDeploymentSummary": {}}
    )
    again = reopened()
    described = settled(again)
    assert described["EndpointConfigName"] == "v1"
    assert "ended during the update" in described["FailureReason"]
    assert invoke(again) == "v1:1,2\n"


def test_a_model_ends_with_its_cloud_however_that_ends(endpoint: Caller) -> None:
    (pid,) = processes(endpoint)
    hosted = next(iter(endpoint.sagemaker.hosting._hosted.values()))
    assert hosted.traffic.serving is not None
    process = hosted.traffic.serving.variants[0].served._containers[0].process
    process._stopping = True  # as dead as a killed cloud: nobody starts it again
    assert process._child is not None
    assert process._child.stdin is not None
    process._child.stdin.close()
    until(lambda: not is_alive(pid), 5)
