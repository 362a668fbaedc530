"""What a step needs by its type: the job or resource that the pipeline makes for it.

One row for each type of `schema.STEP_TYPES`; a test holds that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.arns import Arns
from pipeline_defs.permissions import clusters
from pipeline_defs.permissions.arguments import Needs
from pipeline_defs.permissions.permission import Permission
from pipeline_defs.permissions.step import Step
from pipeline_defs.permissions.values import ANY

_UNKNOWN = "…"
_BY_SAGEMAKER = "SageMaker names what a step makes; all it says beforehand is the prefix, if any."


@dataclass(frozen=True, kw_only=True)
class Row:
    """`job`: what the pipeline creates, describes and stops, as the API names it, and the resource
    of it; `log_group`: where its containers write; `others`: what else the type needs."""

    job: str = ""
    resource: str = ""
    log_group: str = ""
    others: Callable[[Step], Needs] | None = None


def _model(step: Step) -> Needs:
    yield Permission(
        sid="MakeModels",
        actions=["sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:AddTags"],
        resources=[step.arns.sagemaker("model/pipelines-*")],
        wildcard=_BY_SAGEMAKER,
    )


def _tuning(step: Step) -> Needs:
    yield Permission(
        sid="FindTrainings",
        actions=["sagemaker:ListTrainingJobsForHyperParameterTuningJob"],
        resources=[step.arns.sagemaker("hyper-parameter-tuning-job/*")],
        wildcard=_BY_SAGEMAKER,
    )


def _register(step: Step) -> Needs:
    """Versions of a group; the statuses that its arguments may have, and no other."""
    groups = step.patterns(step.arguments.get("ModelPackageGroupName", ""))
    resources = [
        arn
        for group in groups
        if group
        for kind in ("model-package-group/{}", "model-package/{}/*")
        for arn in step.arns.sagemaker_any_case(kind.format(group))
    ]
    statuses = _statuses(step)
    permission = Permission(
        sid="RegisterModel" if statuses else "RegisterModelWithAnyStatus",
        actions=["sagemaker:CreateModelPackage"],
        resources=resources,
        conditions=statuses,
        wildcard="The registry numbers the versions of this group.",
    )
    if ANY in groups:
        why = "which group it registers in is not known here; name it"
        unknown = [step.arns.sagemaker(f"model-package/{_UNKNOWN}/*")]
        template = Permission(sid=permission.sid, actions=permission.actions, resources=unknown)
        yield step.missing("ModelPackageGroupName", groups, why, template)
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
            wildcard=permission.wildcard,
        )


def _statuses(step: Step) -> dict[str, Any]:
    """A script of a step has the pipeline's role: without the condition it could register a
    version as approved. What says no status waits for approval."""
    status = step.arguments.get("ModelApprovalStatus", "PendingManualApproval")
    chosen = step.patterns(status)
    parameter = step.values.parameter(status)
    if ANY in chosen or (parameter is not None and not parameter.get("EnumValues")):
        return {}  # whoever starts the run chooses
    return {"StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": chosen}}


def _invoke(step: Step) -> Needs:
    functions = step.patterns(step.step.get("FunctionArn", ""))
    permission = Permission(
        sid="InvokeFunctions", actions=["lambda:InvokeFunction"], resources=functions
    )
    if any(ANY in function for function in functions):
        why = "which function it calls is not known here; name it"
        unknown = [step.arns.of_service("lambda", f"function:{_UNKNOWN}")]
        template = Permission(sid=permission.sid, actions=permission.actions, resources=unknown)
        yield step.missing("FunctionArn", step.step.get("FunctionArn"), why, template)
    else:
        yield permission


def _callback(step: Step) -> Needs:
    """https://sqs.<region>.amazonaws.com/<account>/<name>"""
    for url in step.patterns(step.step.get("SqsQueueUrl", "")):
        host, _, path = url.removeprefix("https://").partition("/")
        account, _, name = path.partition("/")
        is_spelled_out = ANY not in url and name and host.startswith("sqs.")
        region = host.split(".")[1] if is_spelled_out else step.arns.region
        queue = Arns(region=region, account=account if is_spelled_out else step.arns.account)
        permission = Permission(
            sid="SendCallbacks",
            actions=["sqs:SendMessage"],
            resources=[queue.of_service("sqs", name if is_spelled_out else _UNKNOWN)],
        )
        if is_spelled_out:
            yield permission
        else:
            why = "which queue it asks by is not known here; name it"
            yield step.missing("SqsQueueUrl", step.step.get("SqsQueueUrl"), why, permission)


def _baseline(step: Step) -> Needs:
    yield Permission(
        sid="FindBaselines",
        actions=["sagemaker:ListModelPackages"],
        resources=[ANY],
        wildcard="The action knows no resource.",
    )
    group = step.step.get("ModelPackageGroupName")
    groups = [g for g in step.patterns(group) if g != ANY] if group else []
    if groups:
        yield Permission(
            sid="ReadBaselines",
            actions=["sagemaker:DescribeModelPackage"],
            resources=[
                arn for g in groups for arn in step.arns.sagemaker_any_case(f"model-package/{g}/*")
            ],
            wildcard="The registry numbers the versions of this group.",
        )


def _clarify(step: Step) -> Needs:
    yield from _baseline(step)
    if "ModelName" in step.step:
        why = "Clarify asks the model through an endpoint that it makes; name what it may"
        verbs = ("Create", "Describe", "Delete")
        actions = [f"sagemaker:{v}{n}" for n in ("EndpointConfig", "Endpoint") for v in verbs]
        permission = Permission(
            sid="AskModel",
            actions=[*actions, "sagemaker:DescribeModel", "sagemaker:InvokeEndpoint"],
            resources=[
                step.arns.sagemaker(f"{kind}/{_UNKNOWN}")
                for kind in ("endpoint", "endpoint-config", "model")
            ],
        )
        yield step.missing("ModelName", step.step["ModelName"], why, permission)


def _endpoint_config(step: Step) -> Needs:
    yield from _named(step, "EndpointConfigName", "endpoint-config", ("Create", "Describe"))


def _endpoint(step: Step) -> Needs:
    yield from _named(step, "EndpointName", "endpoint", ("Create", "Update", "Describe"))
    # Both are asked for the configuration too.
    yield from _named(step, "EndpointConfigName", "endpoint-config", (), of="Endpoint")


def _named(step: Step, argument: str, kind: str, verbs: tuple[str, ...], *, of: str = "") -> Needs:
    noun = argument.removesuffix("Name")
    actions = [f"sagemaker:{verb}{noun}" for verb in verbs] + (["sagemaker:AddTags"] * bool(verbs))
    actions = actions or [f"sagemaker:{verb}{of}" for verb in ("Create", "Update")]
    sid = f"Make{noun}s" if verbs else f"Use{noun}s"
    for name in step.patterns(step.arguments.get(argument, ANY)):
        resource = step.arns.sagemaker(f"{kind}/{_UNKNOWN if name == ANY else name}")
        permission = Permission(
            sid=sid,
            actions=actions,
            resources=[resource],
            wildcard="The run completes the name.",
        )
        if name == ANY:
            why = f"what the {kind} is called is not known here; name it"
            yield step.missing(argument, step.arguments.get(argument), why, permission)
        else:
            yield permission


def _automl(step: Step) -> Needs:
    """Autopilot runs jobs of many kinds with the role; its guide names a managed policy only."""
    kinds = ("ProcessingJob", "TrainingJob", "HyperParameterTuningJob", "TransformJob")
    actions = [f"sagemaker:{v}{k}" for k in kinds for v in ("Create", "Describe", "Stop")]
    arns = step.arns
    permission = Permission(
        sid="RunAutopilot",
        actions=[*actions, "sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:AddTags"],
        resources=[
            arns.sagemaker(f"{kind}/{_UNKNOWN}*")
            for kind in (
                "processing-job",
                "training-job",
                "hyper-parameter-tuning-job",
                "transform-job",
                "model",
            )
        ],
    )
    why = "Autopilot makes jobs and models that AWS names; say which the role may make"
    yield step.missing("Type", "AutoML", why, permission)


def undocumented(step: Step) -> Needs:
    kind = step.step["Type"]
    permission = Permission(
        sid=f"Run{kind}",
        actions=[f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop")],
        resources=[_UNKNOWN],
    )
    why = "what a step of this type needs is not known here; say what the role may"
    yield step.missing("Type", kind, why, permission)


_PROCESSING = "/aws/sagemaker/ProcessingJobs"
_TRAINING = "/aws/sagemaker/TrainingJobs"


def _processing_job(others: Callable[[Step], Needs] | None = None) -> Row:
    return Row(
        job="ProcessingJob",
        resource="processing-job/pipelines-*",
        log_group=_PROCESSING,
        others=others,
    )


ROWS: Mapping[str, Row] = {
    "Processing": _processing_job(),
    "QualityCheck": _processing_job(_baseline),
    "ClarifyCheck": _processing_job(_clarify),
    "Training": Row(job="TrainingJob", resource="training-job/pipelines-*", log_group=_TRAINING),
    "Tuning": Row(
        job="HyperParameterTuningJob",
        # Of 32 characters at most, which leaves no room for the prefix of the others.
        resource="hyper-parameter-tuning-job/*",
        log_group=_TRAINING,
        others=_tuning,
    ),
    "Transform": Row(
        job="TransformJob",
        resource="transform-job/pipelines-*",
        log_group="/aws/sagemaker/TransformJobs",
        others=_model,
    ),
    "AutoML": Row(job="AutoMLJob", resource="automl-job/*", log_group=_PROCESSING, others=_automl),
    "Model": Row(others=_model),
    "RegisterModel": Row(others=_register),
    "EndpointConfig": Row(others=_endpoint_config),
    "Endpoint": Row(others=_endpoint),
    "Lambda": Row(others=_invoke),
    "Callback": Row(others=_callback),
    "EMR": Row(others=clusters.emr),
    "EMRServerless": Row(others=clusters.emr_serverless),
    "Condition": Row(),
    "Fail": Row(),
    "Job": Row(others=undocumented),
    "Lineage": Row(others=undocumented),
}


def jobs(steps: list[Step]) -> Iterator[Permission]:
    """What the pipeline makes for its steps, what SageMaker records of it, and where it logs."""
    rows = {
        step.step["Type"]: ROWS[step.step["Type"]] for step in steps if step.step["Type"] in ROWS
    }
    job_rows = {row.job: row for row in rows.values() if row.job}
    if not job_rows:
        return
    arns = steps[0].arns
    yield Permission(
        sid="RunJobs",
        actions=[f"sagemaker:{v}{job}" for job in job_rows for v in ("Create", "Describe", "Stop")]
        + ["sagemaker:AddTags"],
        resources=[arns.sagemaker(row.resource) for row in job_rows.values()],
        wildcard=_BY_SAGEMAKER,
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
    groups = dict.fromkeys(row.log_group for row in rows.values() if row.log_group)
    yield from container(arns, *groups)


def container(arns: Arns, *log_groups: str) -> Iterator[Permission]:
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
