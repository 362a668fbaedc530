"""What models write, gathered for CloudWatch Logs: a group for each endpoint, as SageMaker's."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.serving.invocations import LOG_GROUPS
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.ports import Cloud


class Logs:
    """Keeps lines until the next flush. Safe from any thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._lines: dict[tuple[AccountScope, str, str], list[tuple[float, str]]] = {}

    def keep(self, scope: AccountScope, endpoint: str, stream: str, line: str) -> None:
        """One line of a variant's process."""
        with self._lock:
            self._lines.setdefault((scope, endpoint, stream), []).append((time.time(), line))

    def flush(self) -> None:
        """Hand on what has come since the last time."""
        with self._lock:
            buffered, self._lines = self._lines, {}
        for (scope, endpoint, stream), lines in buffered.items():
            group = f"{LOG_GROUPS}/{endpoint}"
            self._cloud.put_log_lines(scope, group=group, stream=stream, lines=lines)
