"""Which operation a request asks for: one, named where its service looks for the name.

MiniStack takes the name from whatever has one: an ``Action`` parameter before the header
``X-Amz-Target``, and both before the path. Its services do not. A request with two names would be
allowed as the one and answered as the other, and one without a name would be allowed. AWS's clients
send neither.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, responses

Params = Mapping[str, Any]

UNNAMED = "UnnamedOperation"
"""The operation of a request whose name nobody knows: allowed by ``<service>:*`` only."""
AMBIGUOUS = "AmbiguousOperation"
"""The operation of a request that names several: refused to everybody."""
AMBIGUOUS_MESSAGE = (
    "The request names its operation or a parameter in two places; send each once, as AWS's SDKs do"
)

_MAP = iam_actions._BOTOCORE_SERVICE_MAP
_BY_PATH = {"lambda": ["lambda"], "lambda-core": ["lambda-core"]}
"""Services named by their paths that MiniStack names by rules of thumb, or not at all."""
_BY_ACTION: Mapping[str, str] = {
    "autoscaling": "",
    "cloudformation": "",
    "ec2": "",
    "elasticache": "",
    "elasticloadbalancing": "",
    "iam": "",
    "monitoring": "GraniteServiceVersion20100801.",
    "rds": "",
    "sns": "",
    "sqs": "AmazonSQS.",
    "sts": "",
}
"""Services with the Query protocol, and how the targets of those begin that speak JSON as well."""
_ELSEWHERE = frozenset({"apigateway", "sagemaker", "ses"})
"""Services whose operations are named by other rules; of the loop's, SageMaker by ``gateway``."""
_RPC = re.compile(r"/operation/([^/?]+)")
_IAM_NAMES = {
    "GetLayerVersionByArn": "GetLayerVersion",
    "Invoke": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
}
"""Operations of Lambda that policies call otherwise."""
_OF_OBJECTS = frozenset({*iam_actions._S3_OBJECT_QUERY_ACTIONS, "restore", "uploadId", "uploads"})
_OF_BUCKETS = frozenset(
    {*iam_actions._S3_BUCKET_QUERY_ACTIONS, *iam_actions._S3_QUERY_ACTIONS, "list-type"}
) - {"restore", "uploadId"}


def install() -> None:
    """Name operations in MiniStack's place."""
    _MAP.update(_BY_PATH)
    iam_actions._lambda_action = _lambda_operation
    iam_actions._s3_action = _of_one_sub_resource(iam_actions._s3_action)
    iam_actions.extract_iam_action = _named(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = _of_members(iam_actions.extract_resource_arn)


def _named(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    def action(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        params: Params,
    ) -> str | None:
        if service in _ELSEWHERE:
            return extract(service, method, path, headers, body, params)
        namespace = iam_actions.SERVICE_TO_IAM_NAMESPACE.get(service, service)
        if service == "s3" or service in _MAP:
            headers = {name: text for name, text in headers.items() if name != "x-amz-target"}
            params = {name: value for name, value in params.items() if name != "Action"}
            return extract(service, method, path, headers, b"", params) or f"{namespace}:{UNNAMED}"
        return f"{namespace}:{_operation(service, path, headers, body, params)}"

    return action


def _operation(
    service: str, path: str, headers: Mapping[str, str], body: bytes, params: Params
) -> str:
    """The operation of a request that is named by its target, its Action or, of CloudWatch, its
    path."""
    target = headers.get("x-amz-target", "")
    rpc = _RPC.search(path) if service == "monitoring" else None
    if rpc or (target and service not in _BY_ACTION):
        mixed = bool(rpc and target)
    elif target:
        start = _BY_ACTION[service]
        mixed = not start or not target.startswith(start)
    else:
        return _by_action(service, path, body, params)
    if mixed or any(not name.lower().startswith("x-amz-") for name in params):
        return AMBIGUOUS
    if service == "sqs" and _is_other_queue(path, str(_members(body).get("QueueUrl") or "")):
        return AMBIGUOUS
    return rpc[1] if rpc else target.rpartition(".")[2] or UNNAMED


def _by_action(service: str, path: str, body: bytes, params: Params) -> str:
    """The operation of a Query request, whose parameters are in its address or its body."""
    if service not in _BY_ACTION:
        return UNNAMED
    # The services read every body as a form, whatever its type is said to be.
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    merged: dict[str, list[str]] = {}
    for source in (form, params):
        for name, value in source.items():
            values = value if isinstance(value, list) else [value]
            if name in merged and merged[name] != values:
                return AMBIGUOUS
            merged[name] = values
    if any(len(values) > 1 for values in merged.values()) or merged.keys() - {*params}:
        return AMBIGUOUS
    if service == "sqs" and _is_other_queue(path, merged.get("QueueUrl", [""])[0]):
        return AMBIGUOUS
    return merged.get("Action", [""])[0] or UNNAMED


def _is_other_queue(path: str, url: str) -> bool:
    """Whether an address and a QueueUrl are of two queues."""
    of_path, of_url = (text.rstrip("/").split("/")[-2:] for text in (path, url))
    return bool(url) and len(of_path) == 2 and of_path[0].isdigit() and of_path != of_url


def _lambda_operation(method: str, path: str) -> str | None:
    operation: str | None = iam_actions._match_rest_action("lambda", method, path, {})
    return _IAM_NAMES.get(operation or "", operation)


def _of_one_sub_resource(s3_action: Callable[..., str | None]) -> Callable[..., str | None]:
    """S3 refuses a request for two sub-resources ("Conflicting query string parameters"), and knows
    those of a bucket for buckets only."""

    def action(method: str, path: str, params: Params) -> str | None:
        depth = len([part for part in path.split("/") if part])
        named = {*params} & (_OF_BUCKETS if depth < 2 else _OF_OBJECTS)
        if len(named) > 1:
            return AMBIGUOUS
        others = (_OF_BUCKETS | _OF_OBJECTS) - named
        return s3_action(method, path, {n: v for n, v in params.items() if n not in others})

    return action


def _of_members(extract: Callable[..., str]) -> Callable[..., str]:
    """The resource of a request, without what is no member of its operation: services pass over
    that, and MiniStack would take a resource's name from it."""

    def resource(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        params: Params,
        *place: str,
    ) -> str:
        if service in _BY_ACTION or "x-amz-target" in headers:
            request = (service, method, path, headers, body, params)
            operation = iam_actions.extract_iam_action(*request) or ""
            names = _member_names(service, operation.partition(":")[2])
            if names:
                params = {n: v for n, v in params.items() if n.partition(".")[0] in names}
                members = _members(body)
                if not names.issuperset(members):
                    body = json.dumps({n: v for n, v in members.items() if n in names}).encode()
        return extract(service, method, path, headers, body, params, *place)

    return resource


@functools.lru_cache(1024)
def _member_names(service: str, operation: str) -> frozenset[str]:
    """The members of an operation's request; none for an operation that botocore does not know."""
    model = _model(service)
    if model is None or operation not in model.operation_names or service == "ec2":
        return frozenset()  # EC2's parameters are not called as its members are
    shape = model.operation_model(operation).input_shape
    return frozenset(shape.members if shape else ())


@functools.lru_cache(64)
def _model(service: str) -> Any:
    return responses._service_model(service)


def _members(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
