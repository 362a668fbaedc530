"""AWS's own container images by region: XGBoost 3.0-5 for the steps, and Model Monitor's analyzer.

The registry accounts are a snapshot of AWS's tables in the folder `image_uri_config` of the
SageMaker Python SDK: `xgboost.json` (entry "3.0-5"; without the isolated partitions) and
`model-monitor.json`.
"""

from __future__ import annotations

import re

XGBOOST_VERSION = "3.0-5"

_XGBOOST_ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

_MODEL_MONITOR_ACCOUNTS = {
    "ap-east-1": "001633400207",
    "ap-northeast-1": "574779866223",
    "ap-northeast-2": "709848358524",
    "ap-south-1": "126357580389",
    "ap-southeast-1": "245545462676",
    "ap-southeast-2": "563025443158",
    "ca-central-1": "536280801234",
    "cn-north-1": "453000072557",
    "cn-northwest-1": "453252182341",
    "eu-central-1": "048819808253",
    "eu-north-1": "895015795356",
    "eu-west-1": "468650794304",
    "eu-west-2": "749857270468",
    "eu-west-3": "680080141114",
    "me-south-1": "607024016150",
    "sa-east-1": "539772159869",
    "us-east-1": "156813124566",
    "us-east-2": "777275614652",
    "us-west-1": "890145073186",
    "us-west-2": "159807026194",
}

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z.]+)"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)(:[\w.-]+|@sha256:[0-9a-f]{64})"
)


def xgboost(region: str) -> str:
    """The image URI of SageMaker's XGBoost container in `region`.

    Raises:
        ValueError: AWS publishes no such image there.
    """
    account = _XGBOOST_ACCOUNTS.get(region)
    if account is None:
        known = ", ".join(sorted(_XGBOOST_ACCOUNTS))
        raise ValueError(
            f"there is no sagemaker-xgboost:{XGBOOST_VERSION} image in region {region!r}; "
            f"set image_uri to an image of your own, or choose a region of: {known}"
        )
    return _uri(account, region, f"sagemaker-xgboost:{XGBOOST_VERSION}")


def model_monitor(region: str) -> str | None:
    """The image URI of Model Monitor's analyzer in `region`; None where this table has none."""
    account = _MODEL_MONITOR_ACCOUNTS.get(region)
    return _uri(account, region, "sagemaker-model-monitor-analyzer:latest") if account else None


def _uri(account: str, region: str, image: str) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/{image}"


def is_ecr_image(uri: str) -> bool:
    """Whether the URI names a tagged (or digest-pinned) image in an ECR registry."""
    return _IMAGE.fullmatch(uri) is not None


def repository_arn(uri: str, *, partition: str = "aws") -> str:
    """The ARN of the ECR repository that holds an image, for the permission to pull it."""
    match = _IMAGE.fullmatch(uri)
    if match is None:
        raise ValueError(
            f"{uri!r} is no image in ECR; expected <account>.dkr.ecr.<region>.…/<repository>:<tag>"
        )
    owner = f"{match['region']}:{match['account']}"
    return f"arn:{partition}:ecr:{owner}:repository/{match['repository']}"
