"""What the endpoint really serves: endpoint → endpoint config → model → model package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.versions import model_behind, package_behind
from reconcile_champion.seen import ServedModel

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient


@dataclass(frozen=True, kw_only=True)
class ServingEndpoint:
    sagemaker: SageMakerClient
    name: str

    def read(self) -> ServedModel | None:
        """Reads the endpoint; None if there is none."""
        sagemaker = self.sagemaker
        endpoint = _unless_missing(lambda: sagemaker.describe_endpoint(EndpointName=self.name))
        if endpoint is None:
            return None
        config = endpoint.get("EndpointConfigName", "")
        return ServedModel(
            status=endpoint["EndpointStatus"],
            config=config,
            package=self._package_behind(config) if config else names.NONE,
            reason=endpoint.get("FailureReason", ""),
        )

    def _package_behind(self, config: str) -> str:
        sagemaker = self.sagemaker
        described = _unless_missing(
            lambda: sagemaker.describe_endpoint_config(EndpointConfigName=config)
        )
        name = model_behind(described or {})
        if name == names.NONE:
            return names.NONE
        model = _unless_missing(lambda: sagemaker.describe_model(ModelName=name))
        return package_behind(model or {})


def _unless_missing(describe: Callable[[], Any]) -> Any | None:
    try:
        return describe()
    except ClientError as error:
        if says_missing(error):
            return None
        raise
