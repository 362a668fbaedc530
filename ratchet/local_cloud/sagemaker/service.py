"""SageMaker put together: the API with everything that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from botocore.model import ServiceModel

from ratchet.local_cloud.sagemaker import (
    callback_answers,
    endpoints,
    execution_control,
    executions,
    jobs,
    monitoring,
    pipelines,
    recovery,
    registry,
    tagging,
    versions,
)
from ratchet.local_cloud.sagemaker.api import Api, wall_clock
from ratchet.local_cloud.sagemaker.hub import operations as hub
from ratchet.local_cloud.sagemaker.monitors.runs import Monitors
from ratchet.local_cloud.sagemaker.ports import Cloud
from ratchet.local_cloud.sagemaker.runs import RunningExecutions
from ratchet.local_cloud.sagemaker.serving.hosting import Hosting
from ratchet.local_cloud.sagemaker.store import Store
from ratchet.local_cloud.sagemaker.switches import Switches
from ratchet.local_cloud.sagemaker.transforms import TransformJobs


@dataclass(frozen=True, kw_only=True)
class SageMaker:
    """One SageMaker; everything it has to remember is in ``folder``."""

    api: Api
    runs: RunningExecutions
    transforms: TransformJobs
    hosting: Hosting
    monitors: Monitors
    switches: Switches
    store: Store
    folder: Path

    def recover(self) -> list[str]:
        """Fail what an earlier process left running, and serve the endpoints again.

        Answers the ARNs of the executions that failed.
        """
        broken = recovery.recover(self.api, self.folder / "runs")
        self.transforms.recover()
        self.monitors.recover()
        self.hosting.recover()
        return broken

    def close(self) -> None:
        """``end``, and give the store's file back."""
        self.end()
        self.store.close()

    def end(self) -> None:
        """End the running executions, monitors and endpoints."""
        self.transforms.close()
        self.monitors.close()
        self.hosting.close()
        self.runs.close(recovery.SHUT_DOWN)


def open_sagemaker(
    folder: Path, *, cloud: Cloud, model: ServiceModel, switches: Switches | None = None
) -> SageMaker:
    """SageMaker with its state in ``folder``.

    There are ``sagemaker.sqlite3``, ``runs/``, ``cache/``, ``endpoints/``, ``transforms/`` and
    ``monitoring/``.
    """
    store = Store(folder / "sagemaker.sqlite3")
    switches = switches or Switches()
    api = Api(
        store=store,
        cloud=cloud,
        model=model,
        now=wall_clock,
        switches=switches,
    )
    runs = RunningExecutions(api=api, folder=folder / "runs")
    transforms = TransformJobs(api=api, folder=folder / "transforms")
    hosting = Hosting(api=api, folder=folder / "endpoints", switches=switches)
    monitors = Monitors(api=api, hosting=hosting, folder=folder / "monitoring")
    for operations in (
        pipelines.OPERATIONS,
        versions.OPERATIONS,
        executions.operations(runs),
        jobs.OPERATIONS,
        execution_control.operations(runs),
        callback_answers.operations(runs.callbacks),
        registry.OPERATIONS,
        endpoints.operations(hosting),
        monitoring.operations(switches),
        tagging.OPERATIONS,
        hub.OPERATIONS,
        transforms.operations(),
    ):
        api.add(operations)
    return SageMaker(
        api=api,
        runs=runs,
        transforms=transforms,
        hosting=hosting,
        monitors=monitors,
        switches=switches,
        store=store,
        folder=folder,
    )
