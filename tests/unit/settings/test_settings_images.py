"""The container image: which registry holds it, and what permission to pull it needs."""

from __future__ import annotations

import pytest

from ratchet.settings import images


def test_the_image_of_a_region_is_in_that_regions_registry() -> None:
    assert images.xgboost("us-east-1") == (
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    )


def test_china_has_its_own_domain() -> None:
    assert images.xgboost("cn-north-1").split("/")[0].endswith(".amazonaws.com.cn")


def test_a_region_without_the_image_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"set image_uri .* or choose a region of: af-south-1"):
        images.xgboost("mars-1")


@pytest.mark.parametrize("tag", [":1", ":3.0-5", "@sha256:" + "a" * 64, ":1@sha256:" + "a" * 64])
def test_the_repository_of_an_image_is_what_may_be_pulled(tag: str) -> None:
    uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/model{tag}"
    assert images.repository_arn(uri) == (
        "arn:aws:ecr:eu-west-1:123456789012:repository/team/model"
    )


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")],
)
def test_the_region_of_an_image_tells_its_partition(region: str, partition: str) -> None:
    uri = f"123456789012.dkr.ecr.{region}.amazonaws.com/model:1"
    assert images.repository_arn(uri).startswith(f"arn:{partition}:ecr:{region}:")


@pytest.mark.parametrize("uri", ["python:3.12", "x.dkr.ecr.eu-west-1.amazonaws.com/model:1", ""])
def test_what_is_no_image_in_ecr_has_no_repository(uri: str) -> None:
    assert not images.is_ecr_image(uri)
    with pytest.raises(ValueError, match="is no image in ECR"):
        images.repository_arn(uri)


def test_model_monitor_is_there_in_some_regions() -> None:
    assert images.model_monitor("us-east-1") == (
        "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer:latest"
    )
    assert images.model_monitor("ap-southeast-4") is None
