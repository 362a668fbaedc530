"""What the role of an imported pipeline may do: what the steps of its definition need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config import images
from pipeline_defs.imported.leaves import leaves, steps
from ratchet_cdk.arns import Arns
from ratchet_cdk.job_permissions import grant_run_jobs
from ratchet_cdk.narrow_role import NarrowRole

_IMAGES = ("ImageUri", "TrainingImage", "Image")
_MORE_JOBS = {
    "Transform": ("TransformJob", "transform-job"),
    "Tuning": ("HyperParameterTuningJob", "hyper-parameter-tuning-job"),
}
_BY_SAGEMAKER = "SageMaker names what a step makes; all it says beforehand is the prefix."


def grant_steps(role: NarrowRole, definition: Mapping[str, Any], *, arns: Arns) -> None:
    """Lets the role run its steps' jobs, make their models, call their functions and queues."""
    found = list(steps(dict(definition)))
    types = {step["Type"] for step in found}
    _run_jobs(role, _images(found), arns)
    for kind in sorted(types & set(_MORE_JOBS)):
        operation, resource = _MORE_JOBS[kind]
        role.allow(
            f"Run{operation}s",
            actions=[f"sagemaker:{verb}{operation}" for verb in ("Create", "Describe", "Stop")]
            + ["sagemaker:AddTags"],
            resources=[arns.sagemaker(f"{resource}/pipelines-*")],
            wildcard=_BY_SAGEMAKER,
        )
    if types & {"Model", "Transform"}:
        role.allow(
            "MakeModels",
            actions=["sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:AddTags"],
            resources=[arns.sagemaker("model/pipelines-*")],
            wildcard=_BY_SAGEMAKER,
        )
    if types & {"QualityCheck", "ClarifyCheck"}:
        role.allow(
            "FindBaselines",
            actions=["sagemaker:ListModelPackages"],
            resources=["*"],
            wildcard="The action knows no resource.",
        )
    functions = sorted({_text(step.get("FunctionArn")) for step in found if "FunctionArn" in step})
    if functions:
        role.allow("InvokeFunctions", actions=["lambda:InvokeFunction"], resources=functions)
    queues = sorted({_queue(step["SqsQueueUrl"]) for step in found if "SqsQueueUrl" in step})
    if queues:
        role.allow("SendCallbacks", actions=["sqs:SendMessage"], resources=queues)


def grant_read_elsewhere(role: NarrowRole, uris: Sequence[str], *, arns: Arns) -> None:
    """Lets the role read S3 URIs outside of the deployment, as far as their owners allow it."""
    if not uris:
        return
    places = [uri.removeprefix("s3://").partition("/") for uri in uris]
    role.allow(
        "ReadElsewhere",
        actions=["s3:GetObject"],
        resources=[arns.object(bucket, f"{key}*") for bucket, _, key in places],
        wildcard="An input is all that begins with its URI.",
    )
    role.allow(
        "ListElsewhere",
        actions=["s3:ListBucket"],
        resources=sorted({f"arn:{arns.partition}:s3:::{bucket}" for bucket, _, _ in places}),
        conditions={"StringLike": {"s3:prefix": [f"{key}*" for _, _, key in places]}},
    )


def _run_jobs(role: NarrowRole, uris: Sequence[str], arns: Arns) -> None:
    if not uris:
        return
    grant_run_jobs(role, arns=arns, image_uri=uris[0])
    more = [images.repository_arn(uri, partition=arns.partition) for uri in uris[1:]]
    if more:
        role.allow(
            "PullFurtherImages",
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
            ],
            resources=more,
        )


def _images(found: Sequence[dict[str, Any]]) -> list[str]:
    """One image of each repository, as ECR URIs with a tag."""
    by_repository: dict[str, str] = {}
    for step in found:
        for leaf in leaves(step):
            if leaf.name in _IMAGES and isinstance(leaf.value, str):
                uri = leaf.value
                tagged = uri if ":" in uri.rsplit("/", 1)[-1] or "@" in uri else f"{uri}:latest"
                if images.is_ecr_image(tagged):
                    by_repository.setdefault(images.repository_arn(tagged), tagged)
    return [by_repository[arn] for arn in sorted(by_repository)]


def _queue(url: Any) -> str:
    """https://sqs.<region>.amazonaws.com/<account>/<name> as an ARN."""
    host, account, name = str(url).rsplit("/", 2)
    return f"arn:aws:sqs:{host.split('.')[1]}:{account}:{name}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a FunctionArn is a text, not {value!r}: name the function in the file")
    return value
