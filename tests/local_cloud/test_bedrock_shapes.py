"""Every operation of Bedrock here: requests and answers are held against botocore's models."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import botocore.session
import pytest
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.serialize import create_serializer

from ratchet.local_cloud.bedrock import authorisation, rest
from ratchet.local_cloud.bedrock.models import BEYOND_THE_SHAPES, MODELS
from ratchet.local_cloud.bedrock.service import Bedrock, open_bedrock
from ratchet.local_cloud.billing.service import Service
from ratchet.local_cloud.sagemaker import shapes
from ratchet.local_cloud.sagemaker.api import Api, wall_clock
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.hub import documents
from ratchet.local_cloud.sagemaker.store import Store
from ratchet.local_cloud.sagemaker.switches import Switches
from tests.local_cloud.openai_stub import running_stub
from tests.local_cloud.sagemaker_calls import SCOPE, FakeCloud, until

SESSION = botocore.session.get_session()
NOVA, LARGE = "amazon.nova-micro-v1:0", "mistral.mistral-large-2402-v1:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "hello"}]}]
JOB = "arn:aws:bedrock:us-east-1:000000000000:model-invocation-job/abcdefghijkl"
S3 = {"s3Uri": "s3://bucket/in.jsonl"}
NEW_JOB = {
    "jobName": "trial",
    "roleArn": "arn:aws:iam::000000000000:role/batch",
    "modelId": NOVA,
    "modelInvocationType": "Converse",
    "clientRequestToken": "abc",
    "inputDataConfig": {"s3InputDataConfig": S3},
    "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out/"}},
}
REQUESTS: Mapping[str, dict[str, Any]] = {
    "Converse": {
        "modelId": f"us.{HAIKU}",
        "messages": MESSAGES,
        "system": [{"text": "Be short."}],
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.5},
    },
    "CountTokens": {"modelId": HAIKU, "input": {"converse": {"messages": MESSAGES}}},
    "CreateFoundationModelAgreement": {"modelId": LARGE, "offerToken": "…"},
    "CreateModelInvocationJob": NEW_JOB,
    "DeleteFoundationModelAgreement": {"modelId": LARGE},
    "GetFoundationModel": {"modelIdentifier": NOVA},
    "GetFoundationModelAvailability": {"modelId": LARGE},
    "GetInferenceProfile": {"inferenceProfileIdentifier": f"us.{HAIKU}"},
    "GetModelInvocationJob": {"jobIdentifier": JOB},
    "InvokeModel": {
        "modelId": "amazon.titan-embed-text-v2:0",
        "body": json.dumps({"inputText": "hello"}).encode(),
        "contentType": "application/json",
    },
    "ListFoundationModelAgreementOffers": {"modelId": LARGE},
    "ListFoundationModels": {"byOutputModality": "TEXT", "byProvider": "Amazon"},
    "ListInferenceProfiles": {"maxResults": 2, "typeEquals": "SYSTEM_DEFINED"},
    "ListModelInvocationJobs": {"maxResults": 5, "sortOrder": "Ascending"},
    "StopModelInvocationJob": {"jobIdentifier": JOB},
}


class Cloud(FakeCloud):
    """A cloud in which every service may take every role, and in which a job has its input only
    when the test is over."""

    over: threading.Event = threading.Event()

    def check_role(self, *arguments: Any, **more: Any) -> None:
        """Nothing is refused."""

    def storage(self, *arguments: Any, **more: Any) -> Any:
        self.over.wait(5)
        return super().storage(*arguments)


def model(service: str) -> ServiceModel:
    return SESSION.get_service_model(service)


def required_by(operation: OperationModel) -> list[str]:
    """The members that a request must have."""
    shape = operation.input_shape
    return list(shape.required_members) if shape else []


@pytest.fixture
def bedrock(tmp_path: Path) -> Iterator[Bedrock]:
    store, cloud = Store(tmp_path / "store.sqlite3"), Cloud()
    cloud.over.clear()
    with running_stub() as stub:
        switches = Switches(check_answers=True, bedrock_url=stub.url)
        api = Api(
            store=store, cloud=cloud, model=model("sagemaker"), now=wall_clock, switches=switches
        )
        yield open_bedrock(
            api=api,
            cloud=cloud,
            control_model=model("bedrock"),
            runtime_model=model("bedrock-runtime"),
            switches=switches,
        )
    cloud.over.set()
    until(lambda: not [each for each in threading.enumerate() if each.name.startswith("batch-")])
    store.close()


def service_of(bedrock: Bedrock, operation: str) -> Service:
    return bedrock.runtime if operation in bedrock.runtime.operations else bedrock.control


def request_for(bedrock: Bedrock, operation: str) -> dict[str, Any]:
    """The request of an operation, with what it depends on made before."""
    request = dict(REQUESTS[operation])
    control = bedrock.control
    if operation in ("CreateFoundationModelAgreement", "DeleteFoundationModelAgreement"):
        offers = control.call(SCOPE, "ListFoundationModelAgreementOffers", {"modelId": LARGE})
        token = {"offerToken": offers["offers"][0]["offerToken"]}
        if operation == "CreateFoundationModelAgreement":
            return {**request, **token}
        control.call(SCOPE, "CreateFoundationModelAgreement", {"modelId": LARGE, **token})
    if operation in ("GetModelInvocationJob", "ListModelInvocationJobs", "StopModelInvocationJob"):
        arn = control.call(SCOPE, "CreateModelInvocationJob", NEW_JOB)["jobArn"]
        if "jobIdentifier" in request:
            request["jobIdentifier"] = arn
    return request


def test_every_operation_has_a_request_here_and_a_row_of_permissions(bedrock: Bedrock) -> None:
    operations = {*bedrock.control.operations, *bedrock.runtime.operations}
    assert operations == set(REQUESTS)
    for operation, request in REQUESTS.items():
        assert list(authorisation.needs(SCOPE, operation, request)), operation


@pytest.mark.parametrize("operation", REQUESTS)
def test_an_answer_has_the_members_of_its_shape_and_no_other(
    bedrock: Bedrock, operation: str
) -> None:
    service, request = service_of(bedrock, operation), request_for(bedrock, operation)
    shape = service.model.operation_model(operation).output_shape
    assert shape is not None
    raw = service.operations[operation](SCOPE, request)
    assert list(strangers(shape, raw)) == []
    answer = shapes.present(shape, raw)
    unlike = [
        problem
        for problem in shapes.problems(shape, answer, "")
        if not any(f"Value '{value}'" in problem for value in BEYOND_THE_SHAPES)
    ]
    assert unlike == []
    assert service.unfit == []


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_request_is_read_as_botocore_writes_it(bedrock: Bedrock, operation: str) -> None:
    service, request = service_of(bedrock, operation), REQUESTS[operation]
    shape = service.model.operation_model(operation)
    wire = create_serializer("rest-json").serialize_to_request(request, shape)
    path, _, _ = wire["url_path"].partition("?")
    route = rest.Routes(service.model).find(wire["method"], path)
    assert route is not None
    assert route[0].name == operation
    assert read_back(route, wire) == request
    decoded = rest.Routes(service.model).find(wire["method"], unquote(path))
    assert decoded is not None
    assert read_back(decoded, wire) == request


def read_back(route: tuple[OperationModel, dict[str, str]], wire: Any) -> dict[str, Any]:
    query = {name: [str(value)] for name, value in wire["query_string"].items()}
    headers = {name.lower(): value for name, value in wire["headers"].items()}
    body = wire["body"] if isinstance(wire["body"], bytes) else wire["body"].encode()
    return rest.request_of(route[0], route[1], query, headers, body)


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        (operation, member)
        for operation in REQUESTS
        for service in ("bedrock", "bedrock-runtime")
        if operation in model(service).operation_names
        for member in required_by(model(service).operation_model(operation))
    ],
)
def test_a_request_without_a_required_member_is_refused(
    bedrock: Bedrock, operation: str, member: str
) -> None:
    request = {name: value for name, value in REQUESTS[operation].items() if name != member}
    with pytest.raises(ApiError, match=f"'{member}' failed to satisfy constraint"):
        service_of(bedrock, operation).call(SCOPE, operation, request)


def test_what_is_beyond_the_shapes_is_in_the_fixture() -> None:
    texts = json.dumps([each.to_json("us-east-1") for each in MODELS])
    assert all(value in texts for value in BEYOND_THE_SHAPES)


@pytest.mark.parametrize("each", documents.MODELS, ids=lambda each: each.name)
def test_contents_of_the_hub_fit_their_shapes(each: documents.StandInModel) -> None:
    described = model("sagemaker").operation_model("DescribeHubContent").output_shape
    listed = model("sagemaker").operation_model("ListHubContents").output_shape
    for shape, answer in (
        (described, each.described("us-east-1")),
        (listed, {"HubContentSummaries": [each.summary("us-east-1")]}),
    ):
        assert shape is not None
        assert list(strangers(shape, answer)) == []
        assert list(shapes.problems(shape, answer, "")) == []


def strangers(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Members that no shape has, at their places."""
    if isinstance(shape, StructureShape):
        for name, item in value.items():
            if name not in shape.members:
                yield f"{path}.{name}"
            elif item is not None:
                yield from strangers(shape.members[name], item, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            yield from strangers(shape.member, item, path)
