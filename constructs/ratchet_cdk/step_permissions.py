"""What a pipeline's role needs for steps beyond processing and training jobs of one image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from config import images
from pipeline_defs.authoring import schema
from pipeline_defs.imported.leaves import leaves
from ratchet_cdk.arns import Arns
from ratchet_cdk.narrow_role import NarrowRole

_IMAGES = ("ImageUri", "TrainingImage", "Image")
_MORE_JOBS = {
    "Transform": ("TransformJob", "transform-job/pipelines-*"),
    # Of 32 characters at most, which leaves no room for the prefix of the others.
    "Tuning": ("HyperParameterTuningJob", "hyper-parameter-tuning-job/*"),
}
_BY_SAGEMAKER = "SageMaker names what a step makes; all it says beforehand is the prefix, if any."

Steps = Iterable[Mapping[str, Any]]


def grant_kinds(role: NarrowRole, steps: Steps, *, arns: Arns) -> None:
    """Lets the role run what the kinds of its steps make: jobs, models, callbacks."""
    found = list(steps)
    types = {step["Type"] for step in found}
    for kind in sorted(types & set(_MORE_JOBS)):
        operation, resource = _MORE_JOBS[kind]
        role.allow(
            f"Run{operation}s",
            actions=[f"sagemaker:{verb}{operation}" for verb in ("Create", "Describe", "Stop")]
            + ["sagemaker:AddTags"],
            resources=[arns.sagemaker(resource)],
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
    # A queue that a parameter names is not known here: who passes it grants it.
    urls = [step.get("SqsQueueUrl") for step in found]
    queues = sorted({_queue(url) for url in urls if isinstance(url, str)})
    if queues:
        role.allow("SendCallbacks", actions=["sqs:SendMessage"], resources=queues)


def grant_pull(role: NarrowRole, uris: Sequence[str], *, arns: Arns) -> None:
    """Lets the role pull further images."""
    if uris:
        role.allow(
            "PullFurtherImages",
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
            ],
            resources=[images.repository_arn(uri, partition=arns.partition) for uri in uris],
        )


def step_images(steps: Steps) -> list[str]:
    """One image of each repository that the steps name, as ECR URIs with a tag."""
    by_repository: dict[str, str] = {}
    for step in steps:
        for leaf in leaves(dict(step)):
            if leaf.name in _IMAGES and isinstance(leaf.value, str):
                uri = leaf.value
                tagged = uri if ":" in uri.rsplit("/", 1)[-1] or "@" in uri else f"{uri}:latest"
                if not schema.is_token(uri) and images.is_ecr_image(tagged):
                    by_repository.setdefault(images.repository_arn(tagged), tagged)
    return [by_repository[arn] for arn in sorted(by_repository)]


def keeps_checkpoints(steps: Steps) -> bool:
    """Whether a job of the steps, or one that a search starts, has a checkpoint folder."""
    return any("CheckpointConfig." in leaf.path for step in steps for leaf in leaves(dict(step)))


def _queue(url: str) -> str:
    """https://sqs.<region>.amazonaws.com/<account>/<name> as an ARN."""
    host, account, name = url.rsplit("/", 2)
    return f"arn:aws:sqs:{host.split('.')[1]}:{account}:{name}"
