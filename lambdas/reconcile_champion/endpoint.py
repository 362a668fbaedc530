"""What the endpoint really serves: endpoint → endpoint config → model → model package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from missing import says_missing
from ratchet.loop import names
from reconcile_champion.seen import Live

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    sagemaker: SageMakerClient
    name: str

    def look(self) -> Live | None:
        sagemaker = self.sagemaker
        found = _unless_missing(lambda: sagemaker.describe_endpoint(EndpointName=self.name))
        if found is None:
            return None
        config = found.get("EndpointConfigName", "")
        return Live(
            status=found["EndpointStatus"],
            config=config,
            package=self._package_behind(config) if config else names.NONE,
            reason=found.get("FailureReason", ""),
        )

    def _package_behind(self, config: str) -> str:
        sagemaker = self.sagemaker
        described = _unless_missing(
            lambda: sagemaker.describe_endpoint_config(EndpointConfigName=config)
        )
        models = {v.get("ModelName") for v in (described or {}).get("ProductionVariants", ())}
        if len(models) != 1:
            return names.NONE
        (name,) = models
        model = _unless_missing(lambda: sagemaker.describe_model(ModelName=str(name)))
        containers = [*(model or {}).get("Containers", ())]
        if model and "PrimaryContainer" in model:
            containers.append(model["PrimaryContainer"])
        packages = [c["ModelPackageName"] for c in containers if c.get("ModelPackageName")]
        return packages[0] if len(packages) == 1 else names.NONE


def _unless_missing(describe: Callable[[], Any]) -> Any | None:
    try:
        return describe()
    except ClientError as error:
        if says_missing(error):
            return None
        raise
