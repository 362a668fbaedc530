"""AWS's own container images: told by their URIs, and named for another region."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ratchet.settings import images, registry_accounts

_FAMILIES: tuple[tuple[str, Mapping[str, str]], ...] = (
    (r"sagemaker-(xgboost|scikit-learn)", registry_accounts.XGBOOST),
    (
        r"(huggingface-)?(pytorch|tensorflow|mxnet)-(training|inference|neuron|tgi).*"
        r"|djl-inference|autogluon-(training|inference)",
        registry_accounts.DEEP_LEARNING,
    ),
    (r"sagemaker-clarify-processing", registry_accounts.CLARIFY),
    (r"sagemaker-spark-processing", registry_accounts.SPARK),
    (r"sagemaker-distribution-prod", registry_accounts.DISTRIBUTION),
    (images.MODEL_MONITOR_ANALYZER, registry_accounts.MODEL_MONITOR),
)
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)(?P<version>:[\w.-]+|@sha256:[0-9a-f]{64})?"
)


def published(uri: str) -> str | None:
    """`<repository>[:<tag>]` of an image that AWS publishes; None: it is somebody else's."""
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    table = _table(match["repository"])
    if table is None or table.get(match["region"]) != match["account"]:
        return None
    return f"{match['repository']}{match['version'] or ''}"


def in_region(image: str, region: str) -> str | None:
    """The URI of `<repository>[:<tag>]` in a region; None: AWS publishes none there."""
    table = _table(re.split("[:@]", image)[0])
    account = table.get(region) if table else None
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/{image}" if account else None


def repository(uri: str) -> tuple[str, str, str] | None:
    """(account, region, repository) of an image in ECR; None: it is elsewhere."""
    match = _URI.fullmatch(uri)
    return (match["account"], match["region"], match["repository"]) if match else None


def _table(repository: str) -> Mapping[str, str] | None:
    return next((t for pattern, t in _FAMILIES if re.fullmatch(pattern, repository)), None)
