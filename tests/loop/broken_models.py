"""Models that do not load."""

from __future__ import annotations

import io
import tarfile

from ratchet.deployment.registry import versions as registry
from tests.loop.deployed_loop import Loop


def register_broken_model(loop: Loop) -> int:
    """A version whose inference code does not load."""
    sagemaker = loop.client("sagemaker")
    group = loop.deployed.model_package_group
    newest = registry.versions(loop.target, group)[0]
    good = sagemaker.describe_model_package(ModelPackageName=newest.arn)
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        code = b"raise RuntimeError('this model never loads')\n"
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code)
        archive.addfile(member, io.BytesIO(code))
    bucket, key = (
        loop.deployed.artifacts_bucket,
        f"{loop.deployed.pipeline}/runs/broken/model.tar.gz",
    )
    loop.client("s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())
    specification = good["InferenceSpecification"]
    container = {
        name: value
        for name, value in specification["Containers"][0].items()
        if name in ("Image", "Environment")
    }
    specification["Containers"] = [{**container, "ModelDataUrl": f"s3://{bucket}/{key}"}]
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=specification,
        DriftCheckBaselines=good["DriftCheckBaselines"],
    )["ModelPackageArn"]
    return int(arn.rsplit("/", 1)[-1])
