"""Which model a candidate is compared with."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

import aws_clients
from resolve_champion.champion import ChampionError
from resolve_champion.handler import handler
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud, ServiceError

PARAMETER = "/flights/dev/champion"
GROUP = "flights-dev"
PACKAGE = f"arn:aws:sagemaker:us-east-1:000000000000:model-package/{GROUP}/7"
NONE_URI = f"s3://{ARTIFACTS}/champion/none/"
NO_NEWEST = dict.fromkeys(("newest_version", "newest_digest", "newest_approval"), "none")
NONE = {
    "model_uri": NONE_URI,
    "package_arn": "none",
    "version": "none",
    "threshold": "none",
    **NO_NEWEST,
}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    cloud = FakeCloud()
    monkeypatch.setenv("CHAMPION_PARAMETER", PARAMETER)
    monkeypatch.setenv("NO_CHAMPION_URI", NONE_URI)
    monkeypatch.setenv("CHAINS_URI", f"s3://{ARTIFACTS}/flights-dev-training/runs/chains/")
    monkeypatch.setenv("MODEL_PACKAGE_GROUP", GROUP)
    for service in ("s3", "sagemaker", "ssm"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    return cloud


def described(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": 7,
        "ModelPackageArn": PACKAGE,
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": list(containers)},
        **more,
    }


def newest(version: int, **more: Any) -> dict[str, Any]:
    package_arn = PACKAGE.replace("/7", f"/{version}")
    return described(**{"ModelPackageVersion": version, "ModelPackageArn": package_arn, **more})


def resolve() -> dict[str, str]:
    return handler({}, None)


def test_the_deployed_version_is_the_champion(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    cloud.packages[PACKAGE] = described({"Image": "i", "ModelDataUrl": "s3://a/model.tar.gz"})
    assert resolve() == {
        "model_uri": "s3://a/model.tar.gz",
        "package_arn": PACKAGE,
        "version": "7",
        "threshold": "none",
        "newest_version": "7",
        "newest_digest": "none",
        "newest_approval": "Approved",
    }


def test_the_champion_brings_the_threshold_that_it_was_judged_by(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    cloud.packages[PACKAGE] = described(
        {"ModelDataUrl": "s3://a/m.tar.gz"}, CustomerMetadataProperties={"threshold": "0.31"}
    )
    assert resolve()["threshold"] == "0.31"


@pytest.mark.parametrize("approval", ["Approved", "Rejected", "PendingManualApproval"])
@pytest.mark.parametrize("champion", [PACKAGE, "none"])
def test_the_newest_version_is_named_whatever_its_approval(
    cloud: FakeCloud, approval: str, champion: str
) -> None:
    cloud.parameters[PARAMETER] = champion
    cloud.packages[PACKAGE] = described({"ModelDataUrl": "s3://a/m.tar.gz"})
    package = newest(
        12, ModelApprovalStatus=approval, CustomerMetadataProperties={"model-digest": "ab12"}
    )
    cloud.packages[package["ModelPackageArn"]] = package
    outputs = resolve()
    assert outputs["version"] == ("7" if champion == PACKAGE else "none")
    assert {key: outputs[key] for key in NO_NEWEST} == {
        "newest_version": "12",
        "newest_digest": "ab12",
        "newest_approval": approval,
    }
    assert cloud.count("ListModelPackages") == 1


@pytest.mark.parametrize("status", ["Failed", "Deleting"])
def test_a_newest_version_that_can_never_serve_is_none(cloud: FakeCloud, status: str) -> None:
    package = newest(3, ModelPackageStatus=status)
    cloud.packages[package["ModelPackageArn"]] = package
    assert resolve() == NONE


def test_a_newest_version_that_is_deleted_meanwhile_is_none(cloud: FakeCloud) -> None:
    package = newest(3)
    cloud.packages[package["ModelPackageArn"]] = package

    def delete(name: str, given: object) -> None:
        if name == "DescribeModelPackage":
            cloud.packages.clear()

    cloud.before = delete
    assert resolve() == NONE


def test_a_model_named_by_its_data_source_is_found_too(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    source = {"S3DataSource": {"S3Uri": "s3://a/model.tar.gz", "S3DataType": "S3Object"}}
    cloud.packages[PACKAGE] = described({"Image": "i", "ModelDataSource": source})
    assert resolve()["model_uri"] == "s3://a/model.tar.gz"


def test_a_chain_is_brought_into_one_folder_in_its_order(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    uris = [
        f"s3://{ARTIFACTS}/flights-dev-training/runs/{name}/model.tar.gz"
        for name in ("train", "prepare +1")
    ]
    for uri, body in zip(uris, (b"first", b"second"), strict=True):
        cloud._store(ARTIFACTS, uri.partition(f"{ARTIFACTS}/")[2], body)
    cloud.packages[PACKAGE] = described(*({"Image": "i", "ModelDataUrl": uri} for uri in uris))

    def copies() -> dict[str, bytes]:
        folder = resolve()["model_uri"].removeprefix(f"s3://{ARTIFACTS}/")
        assert folder.startswith("flights-dev-training/runs/chains/")
        objects = cloud.buckets[ARTIFACTS]
        return {
            key.removeprefix(folder): objects[key].body for key in objects if key.startswith(folder)
        }

    expected = {"01-of-02.tar.gz": b"first", "02-of-02.tar.gz": b"second"}
    assert copies() == expected
    kept = dict(cloud.buckets[ARTIFACTS])
    assert copies() == expected
    assert cloud.buckets[ARTIFACTS] == kept, "they are not written again"
    cloud._store(ARTIFACTS, "flights-dev-training/runs/train/model.tar.gz", b"other")
    assert copies() == {**expected, "01-of-02.tar.gz": b"other"}, "in a folder of its own"
    assert len({key for key in cloud.buckets[ARTIFACTS] if "chains" in key}) == 4


def test_a_chain_whose_model_is_gone_is_an_error_with_what_to_type(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    container = {
        "Image": "i",
        "ModelDataUrl": f"s3://{ARTIFACTS}/flights-dev-training/runs/gone/model.tar.gz",
    }
    cloud.packages[PACKAGE] = described(container, container)

    def refuse(name: str, given: object) -> None:
        if name == "HeadObject":  # S3's answer to whoever may not list the bucket
            raise ServiceError("403", "Forbidden", status=403)

    cloud.before = refuse
    with pytest.raises(ChampionError, match=f"models of {PACKAGE} cannot be brought together") as e:
        resolve()
    assert "Name a version that exists, or none: aws ssm put-parameter" in str(e.value)


@pytest.mark.parametrize("value", [None, "none", " none\n", ""])
def test_without_a_champion_there_is_a_folder_that_is_not_empty(
    cloud: FakeCloud, value: str | None
) -> None:
    if value is not None:
        cloud.parameters[PARAMETER] = value
    assert resolve() == NONE
    assert [key for key in cloud.buckets[ARTIFACTS] if key.startswith("champion/none/")]


def test_the_marker_is_written_once(cloud: FakeCloud) -> None:
    resolve()
    before = dict(cloud.buckets[ARTIFACTS])
    assert resolve() == NONE
    assert cloud.buckets[ARTIFACTS] == before


def test_a_deleted_version_is_an_error_that_says_what_to_type(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    with pytest.raises(ChampionError) as caught:
        resolve()
    assert PACKAGE in str(caught.value)
    assert "does not exist" in str(caught.value)
    assert f"aws ssm put-parameter --overwrite --name {PARAMETER} --value none" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["7", "s3://a/model.tar.gz", PACKAGE.rpartition("/")[0], PACKAGE.replace("/7", "/latest")],
)
def test_a_parameter_that_is_no_version_is_refused_with_its_value(
    cloud: FakeCloud, value: str
) -> None:
    cloud.parameters[PARAMETER] = value
    with pytest.raises(ChampionError, match="expected the ARN of a model package") as caught:
        resolve()
    assert repr(value) in str(caught.value)
    assert cloud.count("DescribeModelPackage") == 0


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (described(), "has no containers"),
        (described({"Image": "i", "ModelDataUrl": "s3://a/b"}, {"Image": "i"}), "in container-2"),
        (described({"Image": "i"}), "names no model artifact"),
    ],
)
def test_a_package_without_one_model_is_an_error(
    cloud: FakeCloud, package: dict[str, Any], message: str
) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    cloud.packages[PACKAGE] = package
    with pytest.raises(ChampionError, match=message):
        resolve()


@pytest.mark.parametrize(
    "operation", ["GetParameter", "DescribeModelPackage", "ListModelPackages", "PutObject"]
)
def test_a_refused_call_is_never_taken_for_no_champion(cloud: FakeCloud, operation: str) -> None:
    if operation != "PutObject":
        cloud.parameters[PARAMETER] = PACKAGE
        cloud.packages[PACKAGE] = described({"ModelDataUrl": "s3://a/m.tar.gz"})

    def refuse(name: str, given: object) -> None:
        if name == operation:
            raise ServiceError("AccessDeniedException", "not allowed")

    cloud.before = refuse
    with pytest.raises(ClientError, match="not allowed"):
        resolve()
