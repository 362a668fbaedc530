"""The cloud's own door, over real HTTP: who is refused, and that nothing has run then."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from ratchet.local_cloud.admin_client import AdminError, ask
from ratchet.local_cloud.emulator import guard
from ratchet.local_cloud.layout import ACCOUNT, SECRET_HEADER
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud

pytestmark = pytest.mark.cloud

FUNCTION = "/2015-03-31/functions"
CODE = {"FunctionName": "stranger", "Runtime": "python3.11", "Handler": "a.b", "Code": {}}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str


def send(
    cloud: RunningCloud,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """A request with just these headers: no SDK adds any."""
    port = int(cloud.endpoint.url.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
    finally:
        connection.close()


def signed(cloud: RunningCloud, path: str, service: str, *, host: str = "") -> dict[str, str]:
    """The headers of a GET that the folder's owner has signed."""
    keys = Credentials(cloud.endpoint.keys["key"], cloud.endpoint.keys["secret"])
    request = AWSRequest(
        "GET", f"{cloud.endpoint.url}{path}", headers={"Host": host} if host else {}
    )
    request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    SigV4Auth(keys, service, REGION).add_auth(request)
    return dict(request.headers.items())


def functions(cloud: RunningCloud) -> list[str]:
    return [
        function["FunctionName"]
        for function in cloud.client("lambda").list_functions()["Functions"]
    ]


@pytest.fixture
def bucket(cloud: RunningCloud) -> str:
    name = f"door-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name)
    cloud.client("s3").put_object(Bucket=name, Key="a.txt", Body=b"content")
    return name


# -- web pages


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost:3000", "null"])
def test_a_web_page_cannot_create_a_function(cloud: RunningCloud, origin: str) -> None:
    headers = {"Content-Type": "text/plain", "Origin": origin}
    answer = send(cloud, "POST", FUNCTION, headers=headers, body=json.dumps(CODE).encode())
    assert answer.status == 403
    assert f"requests of web pages are refused (Origin: {origin})" in answer.body
    assert "stranger" not in functions(cloud)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
def test_a_script_of_a_page_is_refused_even_with_a_signature(
    cloud: RunningCloud, bucket: str, site: str
) -> None:
    path = f"/{bucket}/a.txt"
    headers = signed(cloud, path, "s3")
    assert send(cloud, "GET", path, headers=headers).body == "content"
    refused = send(cloud, "GET", path, headers={**headers, "Sec-Fetch-Site": site})
    assert (refused.status, "content" in refused.body) == (403, False)


def test_an_address_that_the_user_types_is_answered(cloud: RunningCloud, bucket: str) -> None:
    url = presigned(cloud, "get_object", bucket)
    assert send(cloud, "GET", url, headers={"Sec-Fetch-Site": "none"}).body == "content"


def test_no_page_is_told_that_it_may_read_answers(cloud: RunningCloud, bucket: str) -> None:
    path = f"/{bucket}/a.txt"
    answer = send(cloud, "GET", path, headers=signed(cloud, path, "s3"))
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    question = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    preflight = send(cloud, "OPTIONS", FUNCTION, headers=question)
    assert preflight.status == 403
    assert not [name for name in preflight.headers if name.startswith("access-control-")]


# -- names of other machines


@pytest.mark.parametrize(
    "host", ["rebound.example", "127.0.0.1.example.com", "localhost.example:80", "10.0.0.1", ""]
)
def test_a_name_of_another_machine_is_refused(cloud: RunningCloud, bucket: str, host: str) -> None:
    path = f"/{bucket}/a.txt"
    answer = send(cloud, "GET", path, headers={**signed(cloud, path, "s3"), "Host": host})
    assert answer.status in (400, 403)  # an empty Host is refused by the HTTP server
    assert "content" not in answer.body


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9999", "[::1]:4566", f"s3.{REGION}.amazonaws.com"]
)
def test_names_of_this_machine_and_awss_own_are_answered(
    cloud: RunningCloud, bucket: str, host: str
) -> None:
    path = f"/{bucket}/a.txt"
    headers = signed(cloud, path, "s3", host=host)
    assert send(cloud, "GET", path, headers=headers).body == "content"


def test_a_bucket_has_a_virtual_host_below_localhost(cloud: RunningCloud, bucket: str) -> None:
    port = cloud.endpoint.url.rpartition(":")[2]
    for host in (f"{bucket}.localhost:{port}", f"{bucket}.s3.{REGION}.amazonaws.com"):
        assert send(cloud, "GET", "/a.txt", headers=signed(cloud, "/a.txt", "s3", host=host)).body


# -- signatures


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),  # MiniStack lists the root's buckets
        ("POST", "/?Action=CreateUser&UserName=stranger", {}),
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListPipelines"}),
        ("POST", FUNCTION, {"Authorization": "Bearer anything"}),
        ("POST", FUNCTION, {"Authorization": "AWS4-HMAC-SHA256 Credential=/x, Signature=y"}),
        ("GET", "/?X-Amz-Signature=1", {}),
    ],
)
def test_a_request_without_a_signature_is_refused(
    cloud: RunningCloud, method: str, path: str, headers: Mapping[str, str]
) -> None:
    answer = send(cloud, method, path, headers=headers, body=b"{}")
    assert answer.status == 403
    assert "no AWS signature" in json.loads(answer.body)["message"]


CALLS = {
    "s3": "list_buckets",
    "iam": "list_users",
    "sts": "get_caller_identity",
    "lambda": "list_functions",
    "sqs": "list_queues",
    "sns": "list_topics",
    "ssm": "describe_parameters",
    "events": "list_rules",
    "scheduler": "list_schedules",
    "logs": "describe_log_groups",
    "cloudwatch": "describe_alarms",
    "cloudformation": "list_stacks",
    "kms": "list_keys",
    "sagemaker": "list_pipelines",
    "pricing": "get_products",
    "ecr": "describe_repositories",
    "budgets": "describe_budgets",
}
ARGUMENTS = {"budgets": {"AccountId": ACCOUNT}, "pricing": {"ServiceCode": "AmazonSageMaker"}}


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("test", "test"),
        (ACCOUNT, "test"),
        ("111122223333", "test"),
        ("AKIAIOSFODNN7EXAMPLE", "x"),
        ("", "wrong secret"),
    ],
    ids=["test", "the account", "another account", "an unknown key", "the right key"],
)
@pytest.mark.parametrize("service", CALLS)
def test_a_key_that_is_not_the_folders_is_refused(
    cloud: RunningCloud, service: str, key: str, secret: str
) -> None:
    client = boto3.client(
        service,
        endpoint_url=cloud.endpoint.url,
        region_name=REGION,
        aws_access_key_id=key or cloud.endpoint.keys["key"],
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )
    with pytest.raises(ClientError) as caught:
        getattr(client, CALLS[service])(**ARGUMENTS.get(service, {}))
    assert caught.value.response["Error"]["Code"] in {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
    }


def garbage(key: str, service: str) -> dict[str, tuple[str, dict[str, str]]]:
    """What looks like a signature of the key and is none: a query and headers, by name."""
    scope = f"{key}/20261127/us-east-1/{service}/aws4_request"
    escaped = scope.replace("/", "%2F")
    date, zeros = "20261127T190500Z", "0" * 64
    dated = f"X-Amz-Date={date}&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature={zeros}"
    algorithm = "AWS4-HMAC-SHA256"
    return {
        "no signature": ("", {"Authorization": f"{algorithm} Credential={scope}"}),
        "zeros": (
            "",
            {
                "Authorization": f"{algorithm} Credential={scope}, SignedHeaders=host;x-amz-date, "
                f"Signature={zeros}",
                "X-Amz-Date": date,
            },
        ),
        "half a scope": ("", {"Authorization": f"{algorithm} Credential={key}/x"}),
        "version 2": ("", {"Authorization": f"AWS {key}:abc"}),
        "a query without an algorithm": (f"X-Amz-Credential={escaped}&X-Amz-Signature=1", {}),
        "a query": (f"X-Amz-Algorithm={algorithm}&X-Amz-Credential={escaped}&{dated}", {}),
        "a query of version 2": (f"AWSAccessKeyId={key}&Signature=1&Expires=2000000000", {}),
        "another version": (f"AWSAccessKeyId={key}&Signature=1&SignatureVersion=2", {}),
    }


JSON = {"Content-Type": "application/x-amz-json-1.1"}


@pytest.mark.parametrize(
    ("method", "path", "service", "headers"),
    [
        ("GET", "/", "s3", {}),
        ("POST", "/?Action=ListUsers&Version=2010-05-08", "iam", {}),
        ("POST", "/?Action=GetCallerIdentity&Version=2011-06-15", "sts", {}),
        ("POST", "/?Action=ListStacks&Version=2010-05-15", "cloudformation", {}),
        ("GET", FUNCTION, "lambda", {}),
        ("POST", "/", "ssm", {**JSON, "X-Amz-Target": "AmazonSSM.DescribeParameters"}),
        ("POST", "/", "sagemaker", {**JSON, "X-Amz-Target": "SageMaker.ListPipelines"}),
        ("POST", "/", "sqs", {**JSON, "X-Amz-Target": "AmazonSQS.ListQueues"}),
    ],
)
def test_what_looks_like_a_signature_and_is_none_is_refused(
    cloud: RunningCloud, method: str, path: str, service: str, headers: Mapping[str, str]
) -> None:
    answered = []
    for key in (cloud.endpoint.keys["key"], "test", ACCOUNT, "AKIAIOSFODNN7EXAMPLE"):
        for name, (query, signature) in garbage(key, service).items():
            joined = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
            answer = send(cloud, method, joined, headers={**headers, **signature}, body=b"{}")
            if answer.status < 400:
                answered.append((key, name, answer.body[:80]))
    assert answered == []


def test_the_folders_key_is_answered_by_every_service(cloud: RunningCloud) -> None:
    for service, operation in CALLS.items():
        answer = getattr(cloud.client(service), operation)(**ARGUMENTS.get(service, {}))
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200, service


def presigned(cloud: RunningCloud, operation: str, bucket: str, key: str = "a.txt") -> str:
    url: str = cloud.client("s3").generate_presigned_url(
        operation, Params={"Bucket": bucket, "Key": key}
    )
    return url.removeprefix(cloud.endpoint.url)


def test_presigned_urls_work_and_tampered_ones_do_not(cloud: RunningCloud, bucket: str) -> None:
    get = presigned(cloud, "get_object", bucket)
    put = presigned(cloud, "put_object", bucket, "b.txt")
    assert send(cloud, "GET", get).body == "content"
    assert send(cloud, "PUT", put, body=b"new").status == 200
    assert send(cloud, "GET", get.replace("a.txt", "b.txt")).status == 403
    assert send(cloud, "PUT", put.replace("b.txt", "a.txt"), body=b"worse").status == 403
    read = cloud.client("s3").get_object
    assert read(Bucket=bucket, Key="a.txt")["Body"].read() == b"content"
    assert read(Bucket=bucket, Key="b.txt")["Body"].read() == b"new"


def form(fields: Mapping[str, str], file: bytes) -> tuple[dict[str, str], bytes]:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = "".join([*parts, head]).encode() + file + b"\r\n--x--\r\n"
    return {"Content-Type": "multipart/form-data; boundary=x"}, body


def post_fields(
    cloud: RunningCloud, bucket: str, key: str, version: str = "s3v4"
) -> dict[str, str]:
    s3 = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint.url,
        region_name=REGION,
        aws_access_key_id=cloud.endpoint.keys["key"],
        aws_secret_access_key=cloud.endpoint.keys["secret"],
        config=Config(signature_version=version),
    )
    fields: dict[str, str] = s3.generate_presigned_post(bucket, key)["fields"]
    return fields


@pytest.mark.parametrize(
    ("version", "signature"), [("s3v4", "x-amz-signature"), ("s3", "signature")]
)
def test_a_presigned_form_uploads_and_a_tampered_or_unsigned_one_does_not(
    cloud: RunningCloud, bucket: str, version: str, signature: str
) -> None:
    fields = post_fields(cloud, bucket, "form.txt", version)
    assert signature in fields
    unsigned = {"key": "form.txt"}
    for wrong in (unsigned, {**fields, "key": "other.txt"}, {**fields, signature: "0" * 64}):
        headers, body = form(wrong, b"no")
        assert send(cloud, "POST", f"/{bucket}", headers=headers, body=body).status == 403
    headers, body = form(fields, b"uploaded")
    assert send(cloud, "POST", f"/{bucket}", headers=headers, body=body).status == 204
    listed = cloud.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {item["Key"] for item in listed} == {"a.txt", "form.txt"}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (FUNCTION, {}),
        ("/?Action=CreateUser&UserName=stranger", {}),
        ("/", {"X-Amz-Target": "AmazonSSM.DescribeParameters"}),
    ],
)
def test_a_signed_form_opens_no_other_service(
    cloud: RunningCloud, bucket: str, path: str, target: Mapping[str, str]
) -> None:
    headers, body = form(post_fields(cloud, bucket, "x"), b"x")
    answer = send(cloud, "POST", path, headers={**headers, **target}, body=body)
    assert answer.status == 403


# -- paths that no API of AWS has


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/%5fministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ratchet/settings"),
        ("GET", "/_localstack/health"),
        ("GET", "/health"),
        ("POST", "/_ratchet/save"),
    ],
)
@pytest.mark.parametrize("secret", [None, "wrong", ""])
def test_admin_paths_need_the_folders_secret(
    cloud: RunningCloud, bucket: str, method: str, path: str, secret: str | None
) -> None:
    headers = signed(cloud, path, "s3")  # the signature alone is not verified there
    if secret is not None:
        headers[SECRET_HEADER] = secret
    answer = send(cloud, method, path, headers=headers, body=b"{}")
    assert answer.status == 403
    assert cloud.client("s3").head_bucket(Bucket=bucket)


def test_the_status_tells_a_stranger_the_folder_and_nothing_else(cloud: RunningCloud) -> None:
    answer = send(cloud, "GET", "/_ratchet/status")
    assert json.loads(answer.body) == {"folder": str(cloud.folder)}
    assert cloud.admin("GET", "status")["pid"] == cloud.endpoint.pid
    with pytest.raises(AdminError, match="needs the folder's secret") as caught:
        ask(cloud.endpoint.url, "wrong", "settings")
    assert caught.value.status == 403


def test_paths_with_a_token_of_their_own_are_let_through(cloud: RunningCloud) -> None:
    for path in guard.TOKEN_PATHS:
        method = "GET" if path.startswith("/_ratchet/") else "PUT"
        assert send(cloud, method, f"{path}unknown", body=b"{}").status != 403


# -- web sockets


@pytest.mark.parametrize("header", ["Origin: https://example.com", "Host: rebound.example", "A: b"])
def test_a_web_socket_of_a_stranger_is_not_opened(cloud: RunningCloud, header: str) -> None:
    port = int(cloud.endpoint.url.rpartition(":")[2])
    host = "" if header.startswith("Host") else f"Host: api1.execute-api.localhost:{port}\r\n"
    handshake = (
        f"GET /prod HTTP/1.1\r\n{host}{header}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(handshake.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 403")


def test_ministacks_names_that_the_guard_uses_exist() -> None:
    from ministack.core import router
    from ministack.services import s3

    for function in (router.detect_service, router.extract_access_key_id, s3._parse_multipart_form):
        assert callable(function)


@pytest.mark.parametrize("path", ["/_ministack/cfn-response/a", "/_ministack/cfn-signal/a"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_path_of_a_token_is_no_way_around_signatures(
    cloud: RunningCloud, bucket: str, method: str, path: str
) -> None:
    """MiniStack would take it for an object in the bucket of the host."""
    answer = send(cloud, method, path, headers={"Host": f"{bucket}.localhost"})
    assert answer.status == 403
    assert "needs the folder's secret" in answer.body


def test_a_header_that_is_there_twice_counts_twice(cloud: RunningCloud) -> None:
    host, port = cloud.endpoint.url.removeprefix("http://").split(":")
    lines = (
        "GET /_ratchet/status HTTP/1.1",
        f"Host: {host}",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: none",
        "Connection: close",
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
