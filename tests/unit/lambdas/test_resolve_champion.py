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
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights-dev/7"
NONE_URI = f"s3://{ARTIFACTS}/champion/none/"
NONE = {"model_uri": NONE_URI, "package_arn": "none", "version": "none"}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    cloud = FakeCloud()
    monkeypatch.setenv("CHAMPION_PARAMETER", PARAMETER)
    monkeypatch.setenv("NO_CHAMPION_URI", NONE_URI)
    for service in ("s3", "sagemaker", "ssm"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    return cloud


def described(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"InferenceSpecification": {"Containers": list(containers)}}


def resolve() -> dict[str, str]:
    return handler({}, None)


def test_the_deployed_version_is_the_champion(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    cloud.packages[PACKAGE] = described({"Image": "i", "ModelDataUrl": "s3://a/model.tar.gz"})
    assert resolve() == {
        "model_uri": "s3://a/model.tar.gz",
        "package_arn": PACKAGE,
        "version": "7",
    }


def test_a_model_named_by_its_data_source_is_found_too(cloud: FakeCloud) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    source = {"S3DataSource": {"S3Uri": "s3://a/model.tar.gz", "S3DataType": "S3Object"}}
    cloud.packages[PACKAGE] = described({"Image": "i", "ModelDataSource": source})
    assert resolve()["model_uri"] == "s3://a/model.tar.gz"


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
        (described(), "has 0 containers"),
        (described({"Image": "i"}, {"Image": "i"}), "has 2 containers"),
        (described({"Image": "i"}), "names no model artifact"),
        ({}, "has 0 containers"),
    ],
)
def test_a_package_without_one_model_is_an_error(
    cloud: FakeCloud, package: dict[str, Any], message: str
) -> None:
    cloud.parameters[PARAMETER] = PACKAGE
    cloud.packages[PACKAGE] = package
    with pytest.raises(ChampionError, match=message):
        resolve()


@pytest.mark.parametrize("operation", ["GetParameter", "DescribeModelPackage", "PutObject"])
def test_a_refused_call_is_never_taken_for_no_champion(cloud: FakeCloud, operation: str) -> None:
    if operation != "PutObject":
        cloud.parameters[PARAMETER] = PACKAGE

    def refuse(name: str, given: object) -> None:
        if name == operation:
            raise ServiceError("AccessDeniedException", "not allowed")

    cloud.before = refuse
    with pytest.raises(ClientError, match="not allowed"):
        resolve()
