"""SageMaker put together: the API with everything that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from botocore.model import ServiceModel

from ratchet.local_cloud.sagemaker import (
    endpoints,
    executions,
    monitoring,
    pipelines,
    recovery,
    registry,
    tagging,
)
from ratchet.local_cloud.sagemaker.api import Api, wall_clock
from ratchet.local_cloud.sagemaker.ports import Cloud
from ratchet.local_cloud.sagemaker.runs import Runs
from ratchet.local_cloud.sagemaker.store import Store


@dataclass(frozen=True, kw_only=True)
class SageMaker:
    """One SageMaker; everything it has to remember is in ``folder``."""

    api: Api
    runs: Runs
    store: Store
    folder: Path

    def recover(self) -> list[str]:
        """Fail what an earlier process left running; answers the ARNs of those executions."""
        return recovery.recover(self.api, self.folder / "runs")

    def close(self) -> None:
        """End the running executions and give the store's file back."""
        self.runs.close(recovery.SHUT_DOWN)
        self.store.close()


def open_sagemaker(folder: Path, *, cloud: Cloud, model: ServiceModel) -> SageMaker:
    """SageMaker with its state in ``folder``: ``sagemaker.sqlite3``, ``runs/`` and ``cache/``."""
    store = Store(folder / "sagemaker.sqlite3")
    api = Api(store=store, cloud=cloud, model=model, now=wall_clock)
    runs = Runs(api=api, folder=folder / "runs")
    for operations in (
        pipelines.OPERATIONS,
        executions.operations(runs),
        registry.OPERATIONS,
        endpoints.OPERATIONS,
        monitoring.OPERATIONS,
        tagging.OPERATIONS,
    ):
        api.add(operations)
    return SageMaker(api=api, runs=runs, store=store, folder=folder)
