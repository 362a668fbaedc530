"""What SageMaker needs of the cloud around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ratchet.local_cloud.sagemaker.store import Scope


class Cloud(Protocol):
    """The other services of the same cloud, as SageMaker calls them."""

    def read_object(self, scope: Scope, bucket: str, key: str, version_id: str | None) -> bytes:
        """An S3 object's content; raises ``KeyError`` when there is none."""
        ...

    def write_object(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        """Put an S3 object; raises ``OSError`` when it is refused."""
        ...

    def put_metrics(
        self, scope: Scope, *, namespace: str, data: Sequence[Mapping[str, Any]]
    ) -> None:
        """Put metric data (members as PutMetricData's) into CloudWatch."""
        ...

    def alarm_states(self, scope: Scope, names: Sequence[str]) -> dict[str, str]:
        """State of each of these CloudWatch alarms; one that does not exist is left out."""
        ...

    def deliver(
        self, scope: Scope, event: Mapping[str, Any], delivered: Callable[[], None]
    ) -> None:
        """Hand an event (an entry of PutEvents) to EventBridge soon, then call ``delivered``."""
        ...

    def put_log_lines(
        self, scope: Scope, *, group: str, stream: str, lines: Sequence[tuple[float, str]]
    ) -> None:
        """Append (epoch seconds, line) to a log stream, made where there is none."""
        ...

    def endpoint(self) -> str:
        """The URL that every service of this cloud answers at."""
        ...
