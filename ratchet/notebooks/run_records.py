"""What is recorded of each run of a step of a notebook: one line of JSON in the project.

`.ratchet/notebooks/<notebook>.jsonl`, where the notebook's path is taken below `notebooks/` and
without its suffix: a notebook that becomes a script keeps its records. A line is written in one
piece, so that several processes may append. The file is this machine's; git ignores it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ratchet.notebooks.errors import NotebookError

NOTEBOOKS = "notebooks"
"""The folder of a project in which its notebooks lie."""

_RECORDS = Path(".ratchet") / "notebooks"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run of one step.

    Attributes:
        when: the end of the run, in UTC.
        notebook: its path in the project.
        step: the name of the marked step.
        code: the digest of the step's code (`step_code.step_digest`).
        data: a digest that names the data that the notebook read.
        output: a digest of what the step made, or "" when it failed.
        ok: whether the step ran to its end.
    """

    when: datetime
    notebook: str
    step: str
    code: str
    data: str
    output: str
    ok: bool


@dataclass(frozen=True, kw_only=True)
class RunSeries:
    """The runs of one step with the same code, from the newest back to the last other code.

    Attributes:
        runs: how many ran to their end.
        failures: how many did not.
        data: how many different data the good runs read.
        first: when the first good run ended, or None.
        last: when the last good run ended, or None.
    """

    runs: int
    failures: int
    data: int
    first: datetime | None
    last: datetime | None


NO_RUNS = RunSeries(runs=0, failures=0, data=0, first=None, last=None)


def records_file(root: Path, notebook: Path) -> Path:
    """The file with the records of a notebook.

    Args:
        root: the folder of the project; of a notebook in no project, the folder it lies in.
        notebook: the path of the notebook, below `root`.
    """
    absolute, top = notebook.parent.resolve() / notebook.name, root.resolve()
    path = absolute.relative_to(top) if absolute.is_relative_to(top) else Path(notebook.name)
    path = path.with_suffix("")
    below = path.relative_to(NOTEBOOKS) if path.is_relative_to(NOTEBOOKS) else path
    return root / _RECORDS / below.parent / f"{below.name}.jsonl"


def append(file: Path, records: Iterable[RunRecord]) -> None:
    """Adds records at the end of a file, in one write; several processes may do so at once."""
    text = "".join(f"{json.dumps(_as_json(record), sort_keys=True)}\n" for record in records)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a process died amid a line
            text = f"\n{text}"
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def read_records(file: Path) -> list[RunRecord]:
    """The records of a file, the oldest first; none when there is no file.

    A line that is no record is left out: a process may have died while it wrote.

    Raises:
        NotebookError: the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise NotebookError(f"the records of runs cannot be read: {problem}") from None
    records = [record for line in lines if (record := _from_line(line)) is not None]
    return sorted(records, key=lambda record: record.when)


def newest_series(records: Iterable[RunRecord], *, step: str, code: str) -> RunSeries:
    """The newest unbroken series of runs of a step with this code.

    It is empty when the step ran last with other code.
    """
    series: list[RunRecord] = []
    of_step = (record for record in records if record.step == step)
    for record in sorted(of_step, key=lambda record: record.when, reverse=True):
        if record.code != code:
            break
        series.append(record)
    good = [record for record in series if record.ok]
    return RunSeries(
        runs=len(good),
        failures=len(series) - len(good),
        data=len({record.data for record in good}),
        first=min((record.when for record in good), default=None),
        last=max((record.when for record in good), default=None),
    )


def _as_json(record: RunRecord) -> Mapping[str, Any]:
    return asdict(record) | {"when": record.when.astimezone(UTC).isoformat(timespec="seconds")}


def _from_line(line: str) -> RunRecord | None:
    try:
        entry = json.loads(line)
        texts = {key: str(entry[key]) for key in ("notebook", "step", "code", "data", "output")}
        when = datetime.fromisoformat(entry["when"])
        return RunRecord(when=when.astimezone(UTC), ok=bool(entry["ok"]), **texts)
    except (ValueError, KeyError, TypeError):
        return None
