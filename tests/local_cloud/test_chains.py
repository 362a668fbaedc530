"""Models of several containers: the answer of one is the request of the next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.serving.invocations import Invocation
from tests.local_cloud.sagemaker_calls import IMAGE, ROLE, SCOPE, Caller, until
from tests.local_cloud.served_models import CAPTURE, archive, container, settled, variant

pytestmark = pytest.mark.jobs

LINK = """
import json, os

def model_fn(model_dir):
    if "unhealthy" in open(f"{model_dir}/answer.txt").read():
        raise OSError("no such table")
    return open(f"{model_dir}/answer.txt").read()

def input_fn(body, content_type):
    if content_type == "text/plain":
        raise ValueError(f"{content_type} is not understood here")
    return f"{body}|{content_type}"

def predict_fn(data, model):
    if f"fail in {model}" in data:
        raise ValueError("expected rows")
    if f"crash in {model}" in data:
        os._exit(9)
    return f"{model}({data})"

def output_fn(prediction, accept):
    print("accept", accept)
    if "wrong type" in prediction:
        return prediction, "text/plain"
    return prediction, accept
"""
FIRST_IN_CSV = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}


def link(call: Caller, name: str, **more: Any) -> dict[str, Any]:
    """A container whose model answers `<name>(<request>|<its content type>)`."""
    call.cloud.objects[f"bucket/{name}/model.tar.gz"] = archive(name, LINK)
    return {**container(name), **more}


def served(call: Caller, *containers: dict[str, Any], **model: Any) -> dict[str, Any]:
    """The endpoint `e` of a model of these containers, once it has settled."""
    arguments = {"Containers": list(containers), "ExecutionRoleArn": ROLE, **model}
    call("CreateModel", ModelName="chain", **arguments)
    call(
        "CreateEndpointConfig",
        EndpointConfigName="chain",
        ProductionVariants=[variant("chain")],
        DataCaptureConfig=CAPTURE,
    )
    call("CreateEndpoint", EndpointName="e", EndpointConfigName="chain")
    return settled(call)


def invoke(call: Caller, body: str = "1,2", **headers: str) -> tuple[str, str]:
    """Content type and body of the answer."""
    sent = {"content-type": "text/csv", **headers}
    invocation = Invocation(endpoint="e", body=body.encode(), headers=sent)
    answered, answer = call.sagemaker.hosting.invoke(SCOPE, invocation)
    return answered["Content-Type"], answer.decode()


def test_a_chain_answers_each_container_with_the_answer_before_as_what_it_is(call: Caller) -> None:
    first = link(call, "a")
    first["Environment"] = {**first["Environment"], **FIRST_IN_CSV}
    assert served(call, first, link(call, "b"), link(call, "c"))["EndpointStatus"] == "InService"
    content_type, answer = invoke(call, accept="application/jsonlines")
    assert answer == "c(b(a(1,2|text/csv)|text/csv)|application/json)"
    assert content_type == "application/jsonlines", "what the caller accepts is the last one's"

    # The capture has what came in and what went out, and nothing of between.
    call.sagemaker.hosting.flush()
    (key,) = [key for key in call.cloud.objects if key.startswith("bucket/capture/e/")]
    captured = json.loads(call.cloud.objects[key])["captureData"]
    assert captured["endpointInput"]["data"] == "1,2"
    assert captured["endpointInput"]["observedContentType"] == "text/csv"
    assert captured["endpointOutput"]["observedContentType"] == "application/jsonlines"
    streams = {"container-1", "container-2", "container-3"}
    assert until(lambda: {name.split("/", 2)[2] for _, name, _ in call.cloud.lines} == streams)

    # What fails is said of the container where it does.
    for name, position in (("a", 1), ("b", 2), ("c", 3)):
        with pytest.raises(ApiError) as caught:
            invoke(call, f"fail in {name}")
        message = str(caught.value)
        assert f"Received server error (500) from container-{position} with message" in message
        assert str(caught.value.members["LogStreamArn"]).endswith(f"/container-{position}")
    with pytest.raises(ApiError, match=r"from container-2 with message \"text/plain is not und"):
        invoke(call, "wrong type")
    with pytest.raises(ApiError, match=r"from container-2 with message \"the model's process end"):
        invoke(call, "crash in b")
    assert invoke(call)[1].startswith("c(b(a("), "it is started again, and the others go on"
    with pytest.raises(ApiError, match="not configured for direct invocation"):
        invoke(call, **{"x-amzn-sagemaker-target-container-hostname": "container-1"})


@pytest.mark.parametrize("position", [1, 2])
def test_a_container_that_cannot_start_fails_the_endpoint_by_its_name(
    call: Caller, position: int
) -> None:
    names = ["a", "a"]
    names[position - 1] = "unhealthy"
    endpoint = served(call, *(link(call, name) for name in names))
    assert endpoint["EndpointStatus"] == "Failed"
    assert endpoint["FailureReason"].startswith(
        f"The container-{position} container for production variant AllTraffic did not pass"
    )
    assert "no such table" in endpoint["FailureReason"]
    assert not call.sagemaker.hosting._hosted[(SCOPE, "e")].traffic.serving


def test_a_package_of_two_containers_is_served_by_both(call: Caller) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="g")
    specification = {
        "Containers": [link(call, "a"), link(call, "b")],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = call(
        "CreateModelPackage",
        ModelPackageGroupName="g",
        InferenceSpecification=specification,
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    call(
        "CreateModel",
        ModelName="m",
        PrimaryContainer={"ModelPackageName": arn},
        ExecutionRoleArn=ROLE,
    )
    config = {"EndpointConfigName": "m", "ProductionVariants": [variant("m")]}
    call("CreateEndpointConfig", **config)
    call("CreateEndpoint", EndpointName="e", EndpointConfigName="m")
    assert settled(call)["EndpointStatus"] == "InService"
    assert invoke(call)[1] == "b(a(1,2|text/csv)|application/json)"


def test_a_direct_model_answers_by_the_container_that_a_request_names(call: Caller) -> None:
    hosts = [link(call, "a", ContainerHostname="left"), link(call, "b", ContainerHostname="right")]
    mode = {"InferenceExecutionConfig": {"Mode": "Direct"}}
    assert served(call, *hosts, **mode)["EndpointStatus"] == "InService"
    header = "x-amzn-sagemaker-target-container-hostname"
    assert invoke(call, **{header: "right"})[1] == "b(1,2|text/csv)"
    assert invoke(call, **{header: "left"})[1] == "a(1,2|text/csv)"
    with pytest.raises(ApiError, match=r"TargetContainerHostname is missing.* left, right"):
        invoke(call)
    with pytest.raises(ApiError, match="TargetContainerHostname is middle; the model has left, r"):
        invoke(call, **{header: "middle"})


@pytest.mark.parametrize(
    ("hosts", "more", "message"),
    [
        ((None, None), {"PrimaryContainer": {"Image": IMAGE}}, "has both"),
        ((), {}, "has neither"),
        (("a", "b"), {"InferenceExecutionConfig": {"Mode": "direct"}}, "Serial, Direct"),
        ((None, None), {"InferenceExecutionConfig": {"Mode": "Direct"}}, "got 2, of which 0 have"),
        (("a",), {"InferenceExecutionConfig": {"Mode": "Direct"}}, "got 1, of which 1 have"),
        (("a", None), {}, "to every container, or to none"),
        (("a", "a"), {}, "several containers are a"),
        ((None,) * 16, {}, "15"),
    ],
)
def test_containers_that_cannot_be_told_apart_are_refused(
    call: Caller, hosts: tuple[str | None, ...], more: dict[str, Any], message: str
) -> None:
    containers = [
        {"Image": IMAGE, **({"ContainerHostname": host} if host else {})} for host in hosts
    ]
    with pytest.raises(ApiError, match=message):
        call("CreateModel", ModelName="m", Containers=containers, ExecutionRoleArn=ROLE, **more)
