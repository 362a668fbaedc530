"""A request asks for one operation, and that one is what policies are asked for."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Mapping
from typing import Any

import botocore
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from ministack import app
from ministack.core import iam_actions

from ratchet.local_cloud.emulator import operations
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud
from tests.local_cloud.small_stacks import unique
from tests.local_cloud.test_enforcement import Role, person_may

HARMLESS = (
    "cloudformation:ListStacks",
    "cloudwatch:ListMetrics",
    "events:ListRules",
    "iam:ListRoles",
    "kms:ListKeys",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
    "s3:ListAllMyBuckets",
    "scheduler:ListSchedules",
    "sns:ListTopics",
    "sqs:ListQueues",
    "ssm:DescribeParameters",
)
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
TEXT = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/x-amz-json-1.0"}

Request = tuple[str, str, str, Mapping[str, str], str]


@pytest.fixture(scope="module")
def clerk(cloud: RunningCloud) -> Role:
    """A role that may list a few things and nothing else."""
    return person_may(cloud, {"Action": list(HARMLESS), "Resource": "*"})


def send(role: Role, service: str, request: Request) -> tuple[int, str]:
    """A request as no SDK would write it, with a right signature of the role's session."""
    keys = role.client("sts")._request_signer._credentials
    _, method, path, headers, text = request
    body = text.encode()
    raw = AWSRequest(method, f"{role.cloud.endpoint.url}{path}", data=body, headers=dict(headers))
    raw.headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(keys, service, REGION).add_auth(raw)
    connection = http.client.HTTPConnection(role.cloud.endpoint.url.removeprefix("http://"))
    try:
        connection.request(method, path, body=body, headers=dict(raw.headers.items()))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def target(name: str) -> dict[str, str]:
    return {**JSON, "X-Amz-Target": name}


SMUGGLED: list[Request] = [
    ("s3", "GET", "/{bucket}/a", target("x.ListAllMyBuckets"), ""),
    ("s3", "GET", "/{bucket}/a?Action=ListAllMyBuckets", {}, ""),
    ("s3", "PUT", "/{bucket}/b", FORM, "Action=ListAllMyBuckets"),
    ("lambda", "POST", "/2015-03-31/functions?Action=ListFunctions", JSON, "{}"),
    ("lambda", "POST", "/2015-03-31/functions/f/invocations", target("x.ListFunctions"), "{}"),
    ("scheduler", "DELETE", "/schedules/s?Action=ListSchedules", {}, ""),
    ("ssm", "POST", "/?Action=DescribeParameters", target("AmazonSSM.PutParameter"), "{}"),
    ("kms", "POST", "/?Action=ListKeys", target("TrentService.CreateKey"), "{}"),
    ("logs", "POST", "/?Action=DescribeLogGroups", target("Logs_20140328.CreateLogGroup"), "{}"),
    ("events", "POST", "/?Action=ListRules", target("AWSEvents.PutRule"), "{}"),
    ("sqs", "POST", "/?Action=ListQueues", target("AmazonSQS.CreateQueue"), '{"QueueName":"q"}'),
    ("sqs", "POST", "/", target("x.ListQueues"), '{"a":"&Action=CreateQueue&QueueName=q&"}'),
    ("sns", "POST", "/", target("AmazonSNS.ListTopics"), "Action=CreateTopic&Name=t"),
    ("sns", "POST", "/?Action=ListTopics", FORM, "Action=CreateTopic&Name=t"),
    ("sns", "POST", "/?Action=ListTopics", TEXT, "Action=CreateTopic&Name=t"),
    ("iam", "POST", "/?Action=ListRoles", FORM, "Action=CreateUser&UserName=u"),
    ("iam", "GET", "/?Action=ListRoles&Action=CreateUser&UserName=u", {}, ""),
    ("sts", "POST", "/?Action=GetCallerIdentity", FORM, "Action=AssumeRole&RoleArn={role}"),
    ("cloudformation", "POST", "/?Action=ListStacks", FORM, "Action=DeleteStack&StackName=s"),
    ("monitoring", "POST", "/?Action=ListMetrics", FORM, "Action=PutMetricData&Namespace=n"),
    ("monitoring", "POST", "/x/operation/DeleteAlarms?Action=ListMetrics", FORM, ""),
]


@pytest.mark.cloud
@pytest.mark.parametrize("request_", SMUGGLED, ids=lambda one: f"{one[0]} {one[1]} {one[2]}")
def test_a_second_name_does_not_make_an_operation_a_permitted_one(
    cloud: RunningCloud, clerk: Role, request_: Request
) -> None:
    bucket = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=b"content")
    service, method, path, headers, body = request_
    path, body = path.replace("{bucket}", bucket), body.replace("{role}", clerk.arn)
    status, answer = send(clerk, service, (service, method, path, headers, body))
    assert (status, "AccessDenied" in answer) == (403, True), answer


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("method", "sub_resources"),
    [("GET", "location&list-type=2"), ("GET", "location&versions"), ("PUT", "tagging&policy")],
)
def test_a_request_for_two_sub_resources_of_a_bucket_is_refused(
    cloud: RunningCloud, method: str, sub_resources: str
) -> None:
    bucket = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=bucket)
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    actions = ["s3:GetBucketLocation", "s3:PutBucketTagging"]
    role = person_may(cloud, {"Action": actions, "Resource": where})
    request: Request = ("s3", method, f"/{bucket}?{sub_resources}", {}, "")
    assert send(role, "s3", request)[0] == 403


@pytest.mark.cloud
def test_a_permission_of_the_bucket_does_not_read_its_objects(cloud: RunningCloud) -> None:
    bucket = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=b"content")
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    role = person_may(cloud, {"Action": "s3:GetBucket*", "Resource": where})
    for sub_resource in ("location", "policy", "versioning"):
        answer = send(role, "s3", ("s3", "GET", f"/{bucket}/a?{sub_resource}", {}, ""))
        assert answer[0] == 403
        assert "s3:GetObject" in answer[1]


@pytest.mark.cloud
def test_a_parameter_that_is_none_of_the_operations_does_not_name_its_resource(
    cloud: RunningCloud,
) -> None:
    role = person_may(cloud, {"Action": "iam:DeleteUser", "Resource": "*"})
    role.allow({"Action": "iam:*", "Resource": role.arn})
    victim = unique("user")
    cloud.client("iam").create_user(UserName=victim)
    path = f"/?Action=DeleteUser&UserName={victim}&RoleName={role.name}"
    assert send(role, "iam", ("iam", "GET", path, {}, ""))[0] == 403
    cloud.client("iam").get_user(UserName=victim)


@pytest.mark.cloud
def test_the_registry_of_images_asks_for_a_permission(cloud: RunningCloud) -> None:
    repository = unique("repository")
    arn = cloud.client("ecr").create_repository(repositoryName=repository)["repository"]
    role = person_may(cloud, {"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    paths = {"GET": f"/v2/{repository}/tags/list", "POST": f"/v2/{repository}/blobs/uploads/"}
    for method, path in (*paths.items(), ("GET", "/v2/_catalog")):
        assert send(role, "ecr", ("ecr", method, path, {}, ""))[0] in {400, 403}
    role.allow({"Action": "ecr:BatchGetImage", "Resource": arn["repositoryArn"]})
    assert send(role, "ecr", ("ecr", "GET", paths["GET"], {}, ""))[0] == 200
    assert send(role, "ecr", ("ecr", "POST", paths["POST"], {}, ""))[0] in {400, 403}


def _example(shape: Any, depth: int = 0) -> Any:
    """The least that a request's shape accepts."""
    if shape.type_name == "structure":
        one_of = list(shape.members)[:1] if shape.is_tagged_union else ()
        names = (shape.required_members or one_of) if depth < 6 else ()
        return {name: _example(shape.members[name], depth + 1) for name in names}
    least = max(int(shape.metadata.get("min", 1)), 1)
    if shape.type_name == "list":
        return [_example(shape.member, depth + 1)] * int(shape.metadata.get("min", 0))
    text = shape.enum[0] if shape.type_name == "string" and shape.enum else "a" * least
    examples: dict[str, Any] = {
        "string": text,
        "map": {},
        "blob": b"x",
        "boolean": True,
        "timestamp": 0,
    }
    return examples.get(shape.type_name, least)


@pytest.mark.cloud
@pytest.mark.parametrize("service", ["lambda", "scheduler", "sqs", "sns", "ssm"])
def test_a_role_without_permissions_is_refused_every_operation(
    cloud: RunningCloud, service: str
) -> None:
    nobody = person_may(cloud, {"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    client = nobody.client(service)
    model = client.meta.service_model
    answered = []
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        request = _example(shape) if shape else {}
        try:
            getattr(client, botocore.xform_name(operation))(**request)
        except ClientError as error:
            if "not authorized to perform" in str(error):
                continue
        answered.append(operation)
    assert answered == []


LAMBDA = {
    ("DELETE", "/2015-03-31/functions/f/aliases/a"): "DeleteAlias",
    ("DELETE", "/2017-10-31/functions/f/concurrency"): "DeleteFunctionConcurrency",
    ("DELETE", "/2020-06-30/functions/f/code-signing-config"): "DeleteFunctionCodeSigningConfig",
    ("DELETE", "/2021-10-31/functions/f/url"): "DeleteFunctionUrlConfig",
    ("GET", "/2015-03-31/functions"): "ListFunctions",
    ("GET", "/2015-03-31/functions/f"): "GetFunction",
    ("GET", "/2018-10-31/layers/l/versions/1"): "GetLayerVersion",
    ("POST", "/2015-03-31/functions/f/invocations"): "InvokeFunction",
    ("POST", "/2021-11-15/functions/f/response-streaming-invocations"): "InvokeFunction",
    ("PUT", "/2015-03-31/event-source-mappings/1"): "UpdateEventSourceMapping",
    ("PUT", "/2015-03-31/functions/f/aliases/a"): "UpdateAlias",
}


@pytest.mark.parametrize(("method", "path"), LAMBDA)
def test_an_operation_of_lambda_has_its_name_in_policies(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setitem(iam_actions._BOTOCORE_SERVICE_MAP, "lambda", ["lambda"])
    assert operations._lambda_operation(method, path) == LAMBDA[method, path]


def test_what_nobody_can_name_is_not_nameless() -> None:
    named = operations._named(lambda *_: None)
    assert named("lambda", "GET", "/nowhere", {}, b"", {}) == f"lambda:{operations.UNNAMED}"
    assert named("ssm", "POST", "/", {}, b"", {}) == f"ssm:{operations.UNNAMED}"
    assert named("sagemaker", "POST", "/", {}, b"", {}) is None, "the gateway asks for these"


def test_the_names_that_are_replaced_are_there() -> None:
    for name in ("_lambda_action", "_match_rest_action", "_s3_action", "extract_resource_arn"):
        assert callable(getattr(iam_actions, name))
    for name in ("_enforce_data_plane", "_handle_ecr_registry_request", "_is_ecr_registry_path"):
        assert callable(getattr(app, name))
