"""Runs with jobs, their prices and the endpoint's traffic in memory, for the functions that reckon
what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.lambdas.fake_cloud import FakeCloud, FakeExecution, ServiceError

PAGE = 2
ACCOUNT = "arn:aws:sagemaker:us-east-1:000000000000"
_JOBS = {
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "TransformJob": "transform-job",
    "TuningJob": "hyper-parameter-tuning-job",
}
_USAGE = {"Training": "Train", "Processing": "Processing", "Transform": "Tsform", "Hosting": "Host"}


@dataclass
class FakeBilled(FakeCloud):
    """Executions are of any pipeline; jobs are what Describe answers, by name."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    """Tuning job → its training jobs."""
    experiments: dict[str, str] = field(default_factory=dict)
    """Execution ARN → the value of its parameter Experiment."""
    ended: dict[str, datetime] = field(default_factory=dict)
    """Execution ARN → when it was last modified."""
    prices: dict[str, dict[str, str]] = field(default_factory=dict)
    """Instance type → component → US dollars an hour."""
    pricing_fails: ServiceError | None = None
    serving: dict[str, Any] | None = None
    """What DescribeEndpoint answers; None: there is no endpoint."""
    points: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    """Metric → when, and its value."""

    # -- what people and services do -----------------------------------------------------------

    def run(
        self,
        name: str,
        *steps: Mapping[str, Any],
        pipeline: str = "flights-dev-training",
        status: str = "Succeeded",
        started: datetime | None = None,
    ) -> FakeExecution:
        made = FakeExecution(
            arn=f"{ACCOUNT}:pipeline/{pipeline}/execution/{name}",
            name=f"run {name}",
            description="",
            manifest="",
            started=started or self.now,
            status=status,
            steps=[dict(step) for step in steps],
        )
        self.executions.append(made)
        return made

    def job(
        self, step: str, seconds: float | None, *, kind: str = "ProcessingJob", **more: Any
    ) -> dict[str, Any]:
        """A step and its job, which started now and took so long; None: it runs still."""
        name = f"pipelines-{step}-{next(self.numbers)}"  # as SageMaker names a step's job
        instances = more.pop("instances", {"InstanceType": "ml.m5.large", "InstanceCount": 1})
        end = None if seconds is None else self.now + timedelta(seconds=seconds)
        prefix = kind.removesuffix("Job")
        times = {f"{prefix}StartTime": self.now} | ({f"{prefix}EndTime": end} if end else {})
        resources: Mapping[str, Any] = {
            "TrainingJob": {"ResourceConfig": instances},
            "ProcessingJob": {"ProcessingResources": {"ClusterConfig": instances}},
            "TransformJob": {"TransformResources": instances},
            "TuningJob": {},
        }[kind]
        self.jobs[name] = {**times, **resources, **more.pop("answer", {})}
        about = {"Arn": f"{ACCOUNT}:{_JOBS[kind]}/{name}"}
        status = "Succeeded" if end else "Executing"
        times = {"StartTime": self.now} | ({"EndTime": end} if end else {})
        return {
            "StepName": step, "StepStatus": status, "Metadata": {kind: about}, **times, **more
        }  # fmt: skip

    # -- SageMaker -----------------------------------------------------------------------------

    def _ListPipelineExecutions(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        of = f":pipeline/{given['PipelineName']}/"
        if given["PipelineName"].endswith("-none"):
            raise ServiceError("ResourceNotFound", "Pipeline does not exist")
        found = sorted(
            (e for e in self.executions if of in e.arn and e.started >= given["CreatedAfter"]),
            key=lambda e: e.started,
            reverse=given["SortOrder"] == "Descending",
        )
        shown = [
            {
                "PipelineExecutionArn": execution.arn,
                "PipelineExecutionStatus": execution.status,
                "PipelineExecutionDisplayName": execution.name,
                "StartTime": execution.started,
            }
            for execution in found
        ]
        return _page("PipelineExecutionSummaries", shown, given)

    def _ListPipelineExecutionSteps(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return _page("PipelineExecutionSteps", self._found(given).steps, given)

    def _ListPipelineParametersForExecution(  # noqa: N802
        self, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        own = self.experiments.get(given["PipelineExecutionArn"])
        known = [("InputManifest", "s3://m"), ("MaxRegression", "0.1")]
        known += [("Experiment", own)] if own else []
        shown = [{"Name": name, "Value": value} for name, value in known]
        return _page("PipelineParameters", shown, given)

    def _DescribePipelineExecution(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = self._found(given)
        return {
            "PipelineArn": found.arn.rpartition("/execution/")[0],
            "PipelineExecutionArn": found.arn,
            "PipelineExecutionDisplayName": found.name,
            "PipelineExecutionStatus": found.status,
            "LastModifiedTime": self.ended.get(found.arn, found.started),
        }

    def _StopPipelineExecution(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = self._found(given)
        if found.status not in ("Executing", "Stopping"):
            raise ServiceError("ValidationException", f"{found.arn} is {found.status}")
        found.status = "Stopping"
        return {"PipelineExecutionArn": found.arn}

    def _found(self, given: Mapping[str, Any]) -> FakeExecution:
        (found,) = (e for e in self.executions if e.arn == given["PipelineExecutionArn"])
        return found

    def _described(self, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise ServiceError("ResourceNotFound", f"Requested resource not found: {name}")
        return self.jobs[name]

    def _DescribeTrainingJob(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._described(given["TrainingJobName"])

    def _DescribeProcessingJob(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._described(given["ProcessingJobName"])

    def _DescribeTransformJob(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return self._described(given["TransformJobName"])

    def _ListTrainingJobsForHyperParameterTuningJob(  # noqa: N802
        self, given: Mapping[str, Any]
    ) -> dict[str, Any]:
        names = self.children[given["HyperParameterTuningJobName"]]
        shown = [{"TrainingJobName": name} for name in names]
        return _page("TrainingJobSummaries", shown, given)

    def _DescribeEndpoint(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self.serving is None:
            raise ServiceError("ValidationException", "Could not find endpoint")
        return self.serving

    def _DescribeEndpointConfig(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {
            "ProductionVariants": [{"VariantName": "AllTraffic", "InstanceType": "ml.m5.large"}]
        }

    # -- CloudWatch and the Price List ---------------------------------------------------------

    def _GetMetricStatistics(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        values = [
            value
            for at, value in self.points.get(given["MetricName"], ())
            if given["StartTime"] <= at < given["EndTime"]
        ]
        (statistic,) = given["Statistics"]
        return {"Datapoints": [{statistic: value} for value in values]}

    def _GetProducts(self, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self.pricing_fails:
            raise self.pricing_fails
        asked = {one["Field"]: one["Value"] for one in given["Filters"]}
        kind = asked.get("instanceName", "")
        products = [
            _product(kind, component, amount)
            for component, amount in self.prices.get(kind, {}).items()
        ]
        return {"FormatVersion": "aws_v1", "PriceList": products}


def _product(kind: str, component: str, amount: str) -> str:
    rate = {"unit": "Hrs", "pricePerUnit": {"USD": amount}, "beginRange": "0", "endRange": "Inf"}
    return json.dumps(
        {
            "product": {
                "productFamily": "ML Instance",
                "sku": f"{kind}-{component}",
                "attributes": {
                    "regionCode": "us-east-1",
                    "instanceName": kind,
                    "instanceType": f"{kind}-{component}",
                    "component": component,
                    "usagetype": f"USE1-{_USAGE[component]}:{kind}",
                },
            },
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {"o": {"priceDimensions": {"d": rate}}}},
        }
    )


def _page(member: str, found: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    start = int(given.get("NextToken", 0))
    more = {"NextToken": str(start + PAGE)} if start + PAGE < len(found) else {}
    return {member: list(found[start : start + PAGE]), **more}
