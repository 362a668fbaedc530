"""What the role of an imported pipeline may do: what the steps of its definition need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_defs.imported.leaves import steps
from ratchet_cdk.arns import Arns
from ratchet_cdk.job_permissions import grant_run_jobs
from ratchet_cdk.narrow_role import NarrowRole
from ratchet_cdk.step_permissions import grant_kinds, grant_pull, step_images


def grant_steps(role: NarrowRole, definition: Mapping[str, Any], *, arns: Arns) -> None:
    """Lets the role run its steps' jobs, make their models, call their functions and queues."""
    found = list(steps(dict(definition)))
    uris = step_images(found)
    if uris:
        grant_run_jobs(role, arns=arns, image_uri=uris[0])
        grant_pull(role, uris[1:], arns=arns)
    grant_kinds(role, found, arns=arns)
    functions = sorted({_text(step.get("FunctionArn")) for step in found if "FunctionArn" in step})
    if functions:
        role.allow("InvokeFunctions", actions=["lambda:InvokeFunction"], resources=functions)


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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a FunctionArn is a text, not {value!r}: name the function in the file")
    return value
