"""Records of runs: appended by several processes, read as the newest series of one code."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from ratchet.notebooks.run_records import (
    NO_RUNS,
    RunRecord,
    append,
    newest_series,
    read_records,
    records_file,
)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def record(
    day: int = 0, *, code: str = "c", data: str = "d", ok: bool = True, step: str = "s"
) -> RunRecord:
    return RunRecord(
        when=NOON + timedelta(days=day),
        notebook="notebooks/a.ipynb",
        step=step,
        code=code,
        data=data,
        output="o" if ok else "",
        ok=ok,
    )


def test_records_are_read_as_they_were_appended(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.jsonl"
    append(file, [record(0), record(1, ok=False)])
    append(file, [record(2)])
    assert read_records(file) == [record(0), record(1, ok=False), record(2)]


def test_a_line_is_plain_json_in_utc(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", [record()])
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {
        "when": "2026-11-01T12:00:00+00:00",
        "notebook": "notebooks/a.ipynb",
        "step": "s",
        "code": "c",
        "data": "d",
        "output": "o",
        "ok": True,
    }


def test_without_a_file_there_are_no_records(tmp_path: Path) -> None:
    assert read_records(tmp_path / "a.jsonl") == []
    assert newest_series([], step="s", code="c") == NO_RUNS


def test_half_a_line_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    append(file, [record(0)])
    with file.open("a") as stream:
        stream.write('{"when": "2026-')
    append(file, [record(1)])
    with file.open("a") as stream:
        stream.write('[1]\n{"when": 3}\n\n')
    assert read_records(file) == [record(0), record(1)]


def _append_many(arguments: tuple[str, str]) -> None:
    file, code = arguments
    for day in range(100):
        append(Path(file), [record(day, code=code * 200)])


def test_two_processes_append_without_loss(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with get_context("spawn").Pool(2) as pool:
        pool.map(_append_many, [(str(file), "a"), (str(file), "b")])
    assert len(read_records(file)) == 200


def test_the_newest_unbroken_series_of_one_code_counts() -> None:
    records = [
        record(0, code="c", data="d9"),
        record(1, code="old"),
        record(2, data="d1"),
        record(3, data="d2", ok=False),
        record(4, data="d2"),
        record(5, data="d2"),
        record(6, code="other", step="another"),
    ]
    series = newest_series(reversed(records), step="s", code="c")
    assert (series.runs, series.failures, series.data) == (3, 1, 2)
    assert (series.first, series.last) == (records[2].when, records[5].when)
    assert newest_series(records, step="s", code="old") == NO_RUNS


def test_a_failure_alone_is_no_first_run() -> None:
    series = newest_series([record(0, ok=False)], step="s", code="c")
    assert (series.runs, series.failures, series.first) == (0, 1, None)


@pytest.mark.parametrize(
    ("notebook", "file"),
    [
        ("notebooks/a.ipynb", ".ratchet/notebooks/a.jsonl"),
        ("notebooks/a.py", ".ratchet/notebooks/a.jsonl"),
        ("notebooks/flights/a.b.ipynb", ".ratchet/notebooks/flights/a.b.jsonl"),
        ("a.ipynb", ".ratchet/notebooks/a.jsonl"),
        ("src/a.ipynb", ".ratchet/notebooks/src/a.jsonl"),
    ],
)
def test_the_file_is_named_after_the_notebook(tmp_path: Path, notebook: str, file: str) -> None:
    assert records_file(tmp_path, tmp_path / notebook) == tmp_path / file


def test_a_link_to_a_notebook_elsewhere_has_its_records_in_the_project(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (tmp_path / "elsewhere.ipynb").touch()
    (root / "notebooks" / "a.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    file = records_file(root, root / "notebooks" / "a.ipynb")
    assert file == root / ".ratchet/notebooks/a.jsonl"
    (tmp_path / "link").symlink_to(root)
    assert records_file(root, tmp_path / "link" / "notebooks" / "a.ipynb") == file
    assert records_file(root, tmp_path / "elsewhere.ipynb").name == "elsewhere.jsonl"
