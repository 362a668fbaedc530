"""What the templates allow each function, to hold every call of the tests against.

The templates are the snapshots of tests/infra, which a test keeps equal to what is synthesized. The
local cloud names a request's actions, resources and condition keys, and its evaluator decides.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator

from ratchet.local_cloud.emulator import evaluator, http_needs
from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.loop import names

ROOT = Path(__file__).parents[3]
LAMBDAS = ROOT / "lambdas"
SNAPSHOTS = ROOT / "tests" / "infra" / "snapshots"
SCOPE = AccountScope(account="000000000000", region="us-east-1")
KEY = SCOPE.of_service("kms", "key/loop")

METRICS = {
    names.DEPLOYMENT_BLOCKED,
    names.DRIFT_VIOLATIONS,
    names.EVALUATION_SCORE,
    names.MODEL_QUALITY_VIOLATIONS,
    names.NOTICES_WAITING,
    names.RUN_COST,
}

WITH_A_SETTING = {"sagemaker:StopPipelineExecution"}
"""With `costs.run_limit_usd`, which prod does not set: tests/infra/test_operations_stack.py."""

_REFERENCES: Mapping[str, str] = {
    "AWS::AccountId": SCOPE.account,
    "import flights-dev-foundation-artifacts-arn": "arn:aws:s3:::artifacts",
    "import flights-dev-foundation-artifacts-name": "artifacts",
    "import flights-dev-foundation-data-arn": "arn:aws:s3:::data",
}
_REFERENCE_PATTERNS = (
    (r"import flights-dev-foundation:\w*Key\w*", KEY),
    (r"import flights-dev-foundation:\w*Topic\w*", SCOPE.of_service("sns", "people")),
    (r"Trigger\w*Queue\w*\.Arn", SCOPE.of_service("sqs", "trigger")),
    (r".*", "*"),
)
"""What a deployment puts in place of a template's references, as far as the tests know it."""

_TAGS = {
    "aws:ResourceTag/project": "flights",
    "aws:ResourceTag/model": "flights",
    "aws:ResourceTag/environment": "dev",
}
"""Of whatever the loop's pipelines start."""

_SERVICES = {"cloudwatch": "monitoring"}
"""By MiniStack's name where it is another than IAM's."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A call as botocore is about to send it."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    wire: Mapping[str, Any]
    """`method`, `url_path`, `query_string`, `headers`, `body`."""
    is_missing: bool
    """Whether the answer was that there is no such object."""


def calling_function() -> str | None:
    """The function whose code makes the call that is under way; None for a test's own."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(f"{LAMBDAS}/") and file.count("/") > str(LAMBDAS).count("/") + 1:
            return Path(file).relative_to(LAMBDAS).parts[0]
        frame = frame.f_back  # type: ignore[assignment]
    return None


def refusal(function: str, request: Request) -> str | None:
    """Why no deployment of the function may make the call; None: one may."""
    needs = [need for need in needs_of(request) if need.action not in WITH_A_SETTING]
    refused = [_refused(role, needs) for role in roles(function)]
    return None if "" in refused else f"{function}: {refused[0]}"


def unknown_metrics(request: Request) -> Iterator[str]:
    """Metrics in the loop's namespace that no alarm, notice or report would look for."""
    if request.operation != "PutMetricData" or request.parameters["Namespace"] != names.NAMESPACE:
        return
    of_all = names.dimensions(project="", environment="").keys()
    for datum in request.parameters["MetricData"]:
        dimensions = {dimension["Name"] for dimension in datum["Dimensions"]}
        of_metric = {names.PIPELINE_DIMENSION} if datum["MetricName"] == names.RUN_COST else set()
        if datum["MetricName"] not in METRICS or dimensions != of_all | of_metric:
            yield f"puts {datum['MetricName']} of {sorted(dimensions)}, which nobody knows"


def _refused(role: evaluator.PolicyStatements, needs: Sequence[Need]) -> str:
    for need in needs:
        context = tuple(sorted((key.lower(), str(value)) for key, value in need.context.items()))
        if not _is_allowed(role.name, need.action, need.resource, context):
            return f"{need.action} on {need.resource} {dict(need.context) or ''}".rstrip()
    return ""


@cache
def _is_allowed(
    role: str, action: str, resource: str, context: tuple[tuple[str, str], ...]
) -> bool:
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{SCOPE.account}:assumed-role/{role}/session",
        principal_type="AssumedRole",
        principal_account=SCOPE.account,
        action=action,
        resource_arn=resource,
        region=SCOPE.region,
        service_context=dict(context),
    )
    decision: str = evaluator.evaluate(request, [_policies()[role]]).decision
    return decision == "Allow"


def needs_of(request: Request) -> Iterator[Need]:
    """The permissions that AWS asks for a call."""
    parameters = request.parameters
    if request.service == "sagemaker":
        for need in authorisation.needs(SCOPE, request.operation, parameters):
            yield replace(need, context={**need.context, **_TAGS})
        return
    action = f"{request.service}:{_operation(request)}"
    members = http_needs.CONDITION_MEMBERS.get(action, {})
    context = {key: parameters[name] for key, name in members.items() if name in parameters}
    if request.operation == "ListObjectsV2":
        context["s3:prefix"] = parameters.get("Prefix", "")
    if action == "cloudwatch:DescribeAlarms":  # on each alarm
        yield from http_needs.needs(SCOPE, action, "*", parameters)
        return
    yield Need(action, _resource(request), context)
    yield from (Need(key_action, KEY) for key_action in _with_the_key(action))
    if request.is_missing:  # which S3 says to those only who may list the bucket
        yield Need("s3:ListBucket", f"arn:aws:s3:::{parameters['Bucket']}")


def _with_the_key(action: str) -> tuple[str, ...]:
    """The loop's buckets and its topic are encrypted with a key of their own."""
    return {
        "s3:GetObject": ("kms:Decrypt",),
        "s3:PutObject": ("kms:GenerateDataKey",),
        "sns:Publish": http_needs._KEY_ACTIONS["sns:Publish"],
    }.get(action, ())


def _operation(request: Request) -> str:
    if request.service != "s3":
        return request.operation
    return str(iam_actions.extract_iam_action("s3", *_http(request))).partition(":")[2]


def _resource(request: Request) -> str:
    service = _SERVICES.get(request.service, request.service)
    place = (SCOPE.region, SCOPE.account)
    return str(iam_actions.extract_resource_arn(service, *_http(request), *place))


def _http(request: Request) -> tuple[str, str, Mapping[str, str], bytes, dict[str, Any]]:
    """Method, path, headers, body and parameters, as MiniStack takes them."""
    wire, body = request.wire, request.wire["body"]
    query = dict(wire["query_string"] or {})
    path = wire["url_path"]
    if request.service == "s3":  # the bucket goes into the host only when the endpoint is known
        path = f"/{request.parameters['Bucket']}/{request.parameters.get('Key', '')}"
    if isinstance(body, Mapping):  # of the Query protocol
        return wire["method"], path, wire["headers"], b"", {**query, **body}
    content = body if isinstance(body, bytes) else b""
    return wire["method"], path, wire["headers"], content, query


# -- the templates -------------------------------------------------------------------------------


def roles(function: str) -> list[evaluator.PolicyStatements]:
    """The policy of each role that the function is deployed with."""
    named = [policy for name, policy in _policies().items() if name.startswith(f"{function}/")]
    assert named, f"no template has the function {function}"
    return named


@cache
def _policies() -> Mapping[str, evaluator.PolicyStatements]:
    """By `<function>/<stack>`."""
    return {
        f"{function}/{file.stem}": evaluator.parsed(f"{function}/{file.stem}", document)
        for file in sorted(SNAPSHOTS.glob("prod-*.json"))
        for function, document in _documents(file)
    }


def _documents(file: Path) -> Iterator[tuple[str, str]]:
    text = re.sub(r"\bprod\b", "dev", file.read_text("utf-8"))
    resources = json.loads(text)["Resources"].values()
    for resource in resources:
        if resource["Type"] != "AWS::Lambda::Function":
            continue
        role = resource["Properties"]["Role"].removesuffix(".Arn}") + "}"
        statements = [
            statement
            for policy in resources
            if policy["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            and role in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        yield (
            resource["Properties"]["Handler"].partition(".")[0],
            json.dumps({"Version": "2012-10-17", "Statement": _deployed(statements)}),
        )


def _deployed(value: Any) -> Any:
    """With what a deployment puts in place of references."""
    if isinstance(value, Mapping):
        return {name: _deployed(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_deployed(part) for part in value]
    return re.sub(r"\$\{([^}]*)\}", lambda match: _referred(match[1]), value)


def _referred(reference: str) -> str:
    if reference in _REFERENCES:
        return _REFERENCES[reference]
    return next(text for pattern, text in _REFERENCE_PATTERNS if re.fullmatch(pattern, reference))
