"""The container image of the flights scripts: SageMaker's XGBoost 3.0-5, by region.

The registry accounts are a snapshot of AWS's own table, `xgboost.json` in the folder
`image_uri_config` of the `sagemaker-core` package (entry "3.0-5"; without the isolated partitions).
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
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/sagemaker-xgboost:{XGBOOST_VERSION}"


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
