"""Where a job's files go: its reports, and what it tells the platform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"
VIOLATIONS, ANALYSIS = "constraint_violations.json", "analysis.json"
_BASELINE = "baseline.json"
_METRICS = "cloudwatch_metrics.jsonl"


def write_reports(
    folder: Path,
    documents: Mapping[str, Any],
    *,
    is_baseline: bool,
    beside: Mapping[str, Any] | None = None,
) -> None:
    """`beside`: what baseline.json says beside the digest of the first two documents."""
    texts = {name: text_of(document) for name, document in documents.items()}
    if is_baseline:  # `cat statistics.json constraints.json | sha256sum` gives the same digest
        digest = sha256(texts[STATISTICS] + texts[CONSTRAINTS])
        texts[_BASELINE] = json.dumps({"digest": digest, **(beside or {})})
    for name, text in texts.items():
        _write_text(folder / name, text)


def text_of(document: Any) -> str:
    """As a document is written."""
    return json.dumps(document, allow_nan=False)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_metrics(folder: Path, container: Path, metrics: Sequence[Mapping[str, Any]]) -> None:
    """One metric a line: for the platform, which reads its folder when the job of a schedule ends,
    and beside the reports, for whoever publishes them after a step of a pipeline."""
    lines = "".join(f"{json.dumps(metric, allow_nan=False)}\n" for metric in metrics)
    _write_text(folder / _METRICS, lines)
    tell_platform(container, f"metrics/cloudwatch/{_METRICS}", lines)


def tell_platform(container: Path, name: str, text: str) -> None:
    """A file below /opt/ml/output; on a machine that has no such folder nobody would read it."""
    if container.is_dir():
        _write_text(container / "output" / name, text)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
