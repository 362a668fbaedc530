"""What a step needs by its type, beyond what its row of the table says: it depends on arguments.

A type that has neither a function here nor a job or grants in its row is `undocumented`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ratchet.definition.document import DefinedStep
from ratchet.definition.grants import NAMED_BY_SAGEMAKER
from ratchet.definition.resources import (
    ENDPOINT,
    ENDPOINT_CONFIG,
    MODEL,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    TUNING_JOB,
    Resource,
)
from ratchet.permissions import clusters
from ratchet.permissions.permission import TO_FILL_IN, Missing, Needs, Permission, missing
from ratchet.permissions.values import ANY, Values
from ratchet.settings.arns import RegionArns

_NUMBERED = "The registry numbers the versions of this group."


def by_type(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    """What its row grants, and what its arguments add to that."""
    row = step.row
    for grant in row.grants:
        yield Permission(
            sid=grant.sid,
            actions=list(grant.actions),
            resources=[ANY if grant.resource == ANY else arns.sagemaker(grant.resource)],
            wildcard=grant.wildcard,
        )
    if step.type in BY_ARGUMENTS:
        yield from BY_ARGUMENTS[step.type](step, values, arns)
    elif not row.grants and not row.job:
        yield _undocumented(step)


def _register(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    """Versions of a group; the statuses that its arguments may have, and no other."""
    groups = values.patterns(step.arguments.get("ModelPackageGroupName", ""))
    resources = [
        arn
        for group in groups
        if group
        for kind in ("model-package-group/{}", "model-package/{}/*")
        for arn in arns.sagemaker_any_case(kind.format(group))
    ]
    statuses = _statuses(step, values)
    permission = Permission(
        sid="RegisterModel" if statuses else "RegisterModelWithAnyStatus",
        actions=["sagemaker:CreateModelPackage"],
        resources=resources,
        conditions=statuses,
        wildcard=_NUMBERED,
    )
    if ANY in groups:
        why = "the definition does not name the group to register in; name it"
        resources = [arns.sagemaker(f"model-package/{TO_FILL_IN}/*")]
        template = _template(permission.sid, permission.actions, resources)
        yield missing(step.name, "ModelPackageGroupName", groups, why, template)
    elif resources:
        yield permission
        yield Permission(
            sid="ReadRegistered",
            actions=[
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:AddTags",  # SageMaker tags what a pipeline makes
            ],
            resources=resources,
            wildcard=_NUMBERED,
        )


def _statuses(step: DefinedStep, values: Values) -> dict[str, Any]:
    """A script of a step has the pipeline's role: without the condition it could register a
    version as approved. What says no status waits for approval."""
    status = step.arguments.get("ModelApprovalStatus", "PendingManualApproval")
    choices = values.patterns(status)
    parameter = values.parameter(status)
    if ANY in choices or (parameter is not None and not parameter.choices):
        return {}  # whoever starts the run chooses
    return {"StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": choices}}


def _invoke(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    arn = step.body.get("FunctionArn")
    functions = values.patterns(arn or "")
    sid, actions = "InvokeFunctions", ["lambda:InvokeFunction"]
    if any(ANY in function for function in functions):
        why = "the definition does not name the function; name it"
        template = _template(sid, actions, [arns.of_service("lambda", f"function:{TO_FILL_IN}")])
        yield missing(step.name, "FunctionArn", arn, why, template)
    else:
        yield Permission(sid=sid, actions=actions, resources=functions)


def _callback(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    """https://sqs.<region>.amazonaws.com/<account>/<name>"""
    for url in values.patterns(step.body.get("SqsQueueUrl", "")):
        host, _, path = url.removeprefix("https://").partition("/")
        account, _, name = path.partition("/")
        is_spelled_out = ANY not in url and name and host.startswith("sqs.")
        region = host.split(".")[1] if is_spelled_out else arns.region
        queue = RegionArns(region=region, account=account if is_spelled_out else arns.account)
        permission = Permission(
            sid="SendCallbacks",
            actions=["sqs:SendMessage"],
            resources=[queue.of_service("sqs", name if is_spelled_out else TO_FILL_IN)],
        )
        if is_spelled_out:
            yield permission
        else:
            why = "the definition does not name the queue; name it"
            value = step.body.get("SqsQueueUrl")
            yield missing(step.name, "SqsQueueUrl", value, why, permission)


def _baseline(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    group = step.body.get("ModelPackageGroupName")
    groups = [name for name in values.patterns(group) if name != ANY] if group else []
    if groups:
        yield Permission(
            sid="ReadBaselines",
            actions=["sagemaker:DescribeModelPackage"],
            resources=[
                arn for name in groups for arn in arns.sagemaker_any_case(f"model-package/{name}/*")
            ],
            wildcard=_NUMBERED,
        )


def _clarify(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    yield from _baseline(step, values, arns)
    if "ModelName" in step.body:
        why = "Clarify asks the model through an endpoint that it makes; name what it may"
        served = (ENDPOINT_CONFIG, ENDPOINT)
        actions = _actions(("Create", "Describe", "Delete"), served)
        actions += ["sagemaker:DescribeModel", "sagemaker:InvokeEndpoint"]
        resources = [
            arns.sagemaker(f"{resource.arn_path}/{TO_FILL_IN}")
            for resource in (ENDPOINT, ENDPOINT_CONFIG, MODEL)
        ]
        template = _template("AskModel", actions, resources)
        yield missing(step.name, "ModelName", step.body["ModelName"], why, template)


def _endpoint_config(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    actions = [*_actions(("Create", "Describe"), (ENDPOINT_CONFIG,)), "sagemaker:AddTags"]
    yield from _named(step, values, arns, ENDPOINT_CONFIG, "MakeEndpointConfigs", actions)


def _endpoint(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    actions = [*_actions(("Create", "Update", "Describe"), (ENDPOINT,)), "sagemaker:AddTags"]
    yield from _named(step, values, arns, ENDPOINT, "MakeEndpoints", actions)
    # Both are asked for the configuration too.
    actions = _actions(("Create", "Update"), (ENDPOINT,))
    yield from _named(step, values, arns, ENDPOINT_CONFIG, "UseEndpointConfigs", actions)


def _named(
    step: DefinedStep,
    values: Values,
    arns: RegionArns,
    resource: Resource,
    sid: str,
    actions: list[str],
) -> Needs:
    """A resource that an argument names."""
    argument = step.arguments.get(resource.name_member)
    for name in values.patterns(ANY if argument is None else argument):
        arn = arns.sagemaker(f"{resource.arn_path}/{TO_FILL_IN if name == ANY else name}")
        permission = Permission(
            sid=sid, actions=actions, resources=[arn], wildcard="The run completes the name."
        )
        if name == ANY:
            why = f"the definition does not name the {resource.arn_path}; name it"
            yield missing(step.name, resource.name_member, argument, why, permission)
        else:
            yield permission


def _automl(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    """Autopilot runs jobs of many kinds with the role; its guide names a managed policy only."""
    kinds = (PROCESSING_JOB, TRAINING_JOB, TUNING_JOB, TRANSFORM_JOB)
    actions = _actions(("Create", "Describe", "Stop"), kinds)
    actions += ["sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:AddTags"]
    resources = [arns.sagemaker(f"{kind.arn_path}/{TO_FILL_IN}*") for kind in (*kinds, MODEL)]
    why = "Autopilot makes jobs and models that AWS names; say which the role may make"
    template = _template("RunAutopilot", actions, resources)
    yield missing(step.name, "Type", step.type, why, template)


def _job_document(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    """What a job of CreateJob reads, writes and calls stands in a document of its category."""
    why = "the definition does not show its document; say what the role may read and write"
    template = _template("UseJobDocument", ["s3:GetObject", "s3:PutObject"], [TO_FILL_IN])
    document = step.arguments.get("JobConfigDocument")
    yield missing(step.name, "JobConfigDocument", document, why, template)


def _undocumented(step: DefinedStep) -> Missing:
    actions = [f"sagemaker:{verb}{step.type}" for verb in ("Create", "Describe", "Stop")]
    why = "Ratchet does not know what a step of this type needs; say what the role may do"
    template = _template(f"Run{step.type}", actions, [TO_FILL_IN])
    return missing(step.name, "Type", step.type, why, template)


def _nothing(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    yield from ()


def _actions(verbs: Sequence[str], resources: Sequence[Resource]) -> list[str]:
    return [f"sagemaker:{verb}{resource.noun}" for resource in resources for verb in verbs]


def _template(sid: str, actions: Sequence[str], resources: Sequence[str]) -> Permission:
    return Permission(sid=sid, actions=actions, resources=resources)


BY_ARGUMENTS: Mapping[str, Callable[[DefinedStep, Values, RegionArns], Needs]] = {
    "AutoML": _automl,
    "Callback": _callback,
    "ClarifyCheck": _clarify,
    "Condition": _nothing,
    "EMR": clusters.emr,
    "EMRServerless": clusters.emr_serverless,
    "Endpoint": _endpoint,
    "EndpointConfig": _endpoint_config,
    "Fail": _nothing,
    "Job": _job_document,
    "Lambda": _invoke,
    "QualityCheck": _baseline,
    "RegisterModel": _register,
}


def jobs(steps: Sequence[DefinedStep], arns: RegionArns) -> Iterator[Permission]:
    """What the pipeline makes for its steps, what SageMaker records of it, and where it logs."""
    resources = list(dict.fromkeys(step.row.job for step in steps if step.row.job))
    if not resources:
        return
    yield Permission(
        sid="RunJobs",
        actions=[*_actions(("Create", "Describe", "Stop"), resources), "sagemaker:AddTags"],
        resources=[arns.sagemaker(resource.arn_pattern) for resource in resources],
        wildcard=NAMED_BY_SAGEMAKER,
    )
    yield Permission(
        sid="RecordExperiment",
        actions=[
            *(
                f"sagemaker:{verb}{noun}"
                for noun in ("Experiment", "Trial", "TrialComponent")
                for verb in ("Create", "Describe")
            ),
            "sagemaker:UpdateTrialComponent",
            "sagemaker:AssociateTrialComponent",
            "sagemaker:AddTags",
        ],
        resources=[
            arns.sagemaker("experiment/*"),
            arns.sagemaker("experiment-trial/*"),
            arns.sagemaker("experiment-trial-component/*"),
        ],
        wildcard="The experiment is a parameter of each run; trials are named by SageMaker.",
    )
    groups = dict.fromkeys(resource.log_group for resource in resources if resource.log_group)
    yield from container(arns, *groups)


def container(arns: RegionArns, *log_groups: str) -> Iterator[Permission]:
    """What SageMaker does for any container with its role, beside pulling the image."""
    yield Permission(
        sid="WriteLogs",
        actions=[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ],
        resources=[arns.log_streams(group) for group in log_groups],
        wildcard="SageMaker names the streams.",
    )
    yield Permission(
        sid="PutMetrics",
        actions=["cloudwatch:PutMetricData"],
        resources=[ANY],
        # Model Monitor's namespaces have no slash before them.
        conditions={
            "StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}
        },
        wildcard="The action knows no resource; the condition names the namespaces.",
    )
