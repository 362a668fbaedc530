"""CloudWatch metrics of an analysis, as data: nothing here calls AWS.

A Model Monitor container writes metrics to a file, one a line, in the shape of PutMetricData, and
the platform publishes it:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-cloudwatch.html

The two pages disagree on namespace and dimensions. AWS's own samples read the ones below
(aws/amazon-sagemaker-examples, aws-samples/amazon-sagemaker-drift-detection).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.comparison import DatasetComparison
from ratchet.monitoring.constraints import MonitoringConfig
from ratchet.monitoring.findings import TOO_FEW_ROWS
from ratchet.monitoring.model_quality import QualityComparison
from ratchet.monitoring.profiles import Numbers, Profile
from ratchet.monitoring.quality_metrics import Quality

DATA_NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
MODEL_NAMESPACE = "aws/sagemaker/Endpoints/model-metrics"
# Not one of Model Monitor's: how many constraints were violated, so that one alarm can watch all.
VIOLATIONS = "constraint_violations"

Metric = dict[str, Any]


def data_quality_metrics(
    profile: Profile,
    comparison: DatasetComparison | None,
    baseline: Baseline | None,
    *,
    endpoint: str,
    schedule: str,
    timestamp: str,
) -> list[Metric]:
    """Metric data for DATA_NAMESPACE; `timestamp` is ISO 8601, UTC.

    feature_data_<f> (statistics of a numerical feature), feature_non_null_<f> (completeness, 0 to
    1), feature_baseline_drift_<f> (distance, 0 to 1) and constraint_violations (a count). The last
    two exist only where a comparison was made.
    """
    if (
        baseline
        and not MonitoringConfig.of(baseline.constraints.get("monitoring_config", {})).emit_metrics
    ):
        return []

    def metric(name: str, **value: Any) -> Metric:
        return _metric(name, endpoint, schedule, timestamp, **value)

    def metrics() -> Iterator[Metric]:
        for feature in profile.features:
            if isinstance(feature, Numbers):
                statistics = {
                    "SampleCount": float(feature.numbers),
                    "Sum": feature.total,
                    "Minimum": feature.minimum,
                    "Maximum": feature.maximum,
                }
                yield metric(f"feature_data_{feature.name}", StatisticValues=statistics)
            rows = feature.present + feature.missing
            complete = feature.present / rows if rows else 0.0
            yield metric(f"feature_non_null_{feature.name}", Value=complete)
        if comparison is None or comparison.outcome == TOO_FEW_ROWS:
            return
        for drift in comparison.drifts:
            yield metric(f"feature_baseline_drift_{drift.feature}", Value=drift.distance)
        yield metric(VIOLATIONS, Value=float(len(comparison.violations)))

    return list(metrics())


def model_quality_metrics(
    quality: Quality,
    comparison: QualityComparison | None,
    *,
    endpoint: str,
    schedule: str,
    timestamp: str,
) -> list[Metric]:
    """Metric data for MODEL_NAMESPACE: one metric for each that has a value."""
    values = {
        name: metric["value"]
        for name, metric in quality.metrics.items()
        if isinstance(metric.get("value"), float)
    }
    if comparison is not None and comparison.outcome != TOO_FEW_ROWS:
        values[VIOLATIONS] = float(len(comparison.violations))
    return [
        _metric(name, endpoint, schedule, timestamp, Value=value) for name, value in values.items()
    ]


def _metric(name: str, endpoint: str, schedule: str, timestamp: str, **value: Any) -> Metric:
    dimensions = [
        {"Name": dimension, "Value": resource}
        for dimension, resource in (("Endpoint", endpoint), ("MonitoringSchedule", schedule))
        if resource
    ]
    return {"MetricName": name, "Timestamp": timestamp, "Dimensions": dimensions, **value}
