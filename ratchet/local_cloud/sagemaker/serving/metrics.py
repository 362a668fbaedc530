"""An endpoint's metrics in CloudWatch, as SageMaker publishes them, but within half a second.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.ports import Cloud

NAMESPACE = "AWS/SageMaker"
_UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}
_Place = tuple[AccountScope, str, str, str]  # scope, endpoint, variant, endpoint configuration


class EndpointMetrics:
    """Counts invocations, and publishes them when told to. Safe from any thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._values: dict[_Place, dict[str, Counter[float]]] = {}

    def count(
        self,
        scope: AccountScope,
        *,
        endpoint: str,
        variant: str,
        config: str,
        status: int,
        model_seconds: float,
        overhead_seconds: float,
    ) -> None:
        """One invocation. The errors' average is their rate: each invocation counts 0 or 1."""
        values = {
            "Invocations": 1.0,
            "InvocationsPerInstance": 1.0,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500),
            "ModelLatency": _rounded(model_seconds * 1e6),
            "OverheadLatency": _rounded(overhead_seconds * 1e6),
        }
        with self._lock:
            counters = self._values.setdefault((scope, endpoint, variant, config), {})
            for name, value in values.items():
                counters.setdefault(name, Counter())[value] += 1

    def publish(self) -> None:
        """Put what was counted since the last time.

        Twice: by endpoint and variant, and by endpoint configuration as well, which tells a fleet
        that is taking over from the one that serves.
        """
        with self._lock:
            counted, self._values = self._values, {}
        for (scope, endpoint, variant, config), counters in counted.items():
            both = [
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": variant},
            ]
            data = [
                _datum(name, dimensions, values)
                for dimensions in (both, [*both, {"Name": "EndpointConfigName", "Value": config}])
                for name, values in counters.items()
            ]
            self._cloud.put_metrics(scope, namespace=NAMESPACE, data=data)


def _datum(name: str, dimensions: list[dict[str, str]], values: Counter[float]) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": dimensions,
        "Unit": _UNITS.get(name, "None"),
        "Values": list(values),
        "Counts": [float(count) for count in values.values()],
    }


def _rounded(microseconds: float) -> float:
    """Two digits: enough for an alarm, and few distinct values to keep."""
    return float(f"{microseconds:.2g}")
