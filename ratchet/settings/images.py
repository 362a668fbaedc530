"""AWS's own container images by region: XGBoost for the steps, and those of special steps."""

from __future__ import annotations

import re

from ratchet.settings import registry_accounts
from ratchet.settings.arns import partition

XGBOOST_VERSION = "3.0-5"
DISTRIBUTION_VERSION = "3.2.0-cpu"
SPARK_VERSION = "3.5-cpu-py312-v1"
MODEL_MONITOR_ANALYZER = "sagemaker-model-monitor-analyzer"
GROUND_TRUTH_MERGER = "sagemaker-model-monitor-groundtruth-merger"
"""The repository of the job that joins labels to captured data, in the analyzer's registry."""

_REPOSITORY = (
    r"(?P<account>\d{12}|\$\{Token\[[^\]]+\]\})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)"
)
_TAG = r"(:[\w.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})"
_IMAGE = re.compile(f"{_REPOSITORY}{_TAG}")
_IMAGE_OR_REPOSITORY = re.compile(f"{_REPOSITORY}{_TAG}?")


def xgboost(region: str) -> str:
    """The image URI of SageMaker's XGBoost container in `region`.

    Raises:
        ValueError: AWS publishes no such image there.
    """
    account = registry_accounts.XGBOOST.get(region)
    if account is None:
        regions = ", ".join(sorted(registry_accounts.XGBOOST))
        raise ValueError(
            f"there is no sagemaker-xgboost:{XGBOOST_VERSION} image in region {region!r}; "
            f"set image_uri to an image of your own, or choose a region of: {regions}"
        )
    return _uri(account, region, f"sagemaker-xgboost:{XGBOOST_VERSION}")


def model_monitor(region: str) -> str | None:
    """The image URI of Model Monitor's analyzer in `region`; None where this table has none."""
    account = registry_accounts.MODEL_MONITOR.get(region)
    return _uri(account, region, f"{MODEL_MONITOR_ANALYZER}:latest") if account else None


def ground_truth_merger(region: str) -> str | None:
    """The image URI of the job that Model Monitor runs before each analysis of model quality, with
    the same role; None where this table has none."""
    account = registry_accounts.MODEL_MONITOR.get(region)
    return _uri(account, region, f"{GROUND_TRUTH_MERGER}:latest") if account else None


def spark(region: str) -> str | None:
    """The image URI of SageMaker's Spark processing container; None where this table has none."""
    account = registry_accounts.SPARK.get(region)
    image = f"sagemaker-spark-processing:{SPARK_VERSION}"
    return _uri(account, region, image) if account else None


def distribution(region: str) -> str | None:
    """The image URI of SageMaker Distribution, which runs notebooks; None where this table has
    none."""
    account = registry_accounts.DISTRIBUTION.get(region)
    image = f"sagemaker-distribution-prod:{DISTRIBUTION_VERSION}"
    return _uri(account, region, image) if account else None


def clarify(region: str) -> str | None:
    """The image URI of SageMaker Clarify's container; None where this table has none."""
    account = registry_accounts.CLARIFY.get(region)
    return _uri(account, region, "sagemaker-clarify-processing:1.0") if account else None


def _uri(account: str, region: str, image: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/{image}"


def is_ecr_image(uri: str) -> bool:
    """Whether the URI names a tagged (or digest-pinned) image in an ECR registry."""
    return _IMAGE.fullmatch(uri) is not None


def is_in_ecr(uri: str) -> bool:
    """Whether the URI names an image or a repository in an ECR registry."""
    return _IMAGE_OR_REPOSITORY.fullmatch(uri) is not None


def repository_arn(uri: str) -> str:
    """The ARN of the ECR repository that holds an image, for the permission to pull it. The account
    may be a token of the CDK; the tag may be left out.

    Raises:
        ValueError: it is no image in ECR.
    """
    match = _IMAGE_OR_REPOSITORY.fullmatch(uri)
    if match is None:
        raise ValueError(
            f"{uri!r} is no image in ECR; expected <account>.dkr.ecr.<region>.…/<repository>:<tag>"
        )
    owner = f"{match['region']}:{match['account']}"
    return f"arn:{partition(match['region'])}:ecr:{owner}:repository/{match['repository']}"
