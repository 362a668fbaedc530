from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ratchet.monitoring.columns import concatenated
from ratchet.monitoring.datasets import (
    UnreadableDatasetError,
    files_below,
    read_csv,
    read_json,
    read_parquet,
)
from ratchet.monitoring.profiles import profile

FRAME = pd.DataFrame(
    {"i": [1, 2, 3], "f": [0.5, None, 2.5], "s": ["a", "b", None], "b": [True, False, True]}
)


def test_the_formats_agree_on_the_same_rows(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "rows.csv", index=False)
    FRAME.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    FRAME.to_json(tmp_path / "rows.json", orient="records")
    FRAME.to_parquet(tmp_path / "rows.parquet")
    statistics = [
        profile(dataset).statistics()
        for dataset in (
            read_csv([tmp_path / "rows.csv"]),
            read_json([tmp_path / "rows.jsonl"]),
            read_json([tmp_path / "rows.json"], lines=False),
            read_parquet([tmp_path / "rows.parquet"]),
        )
    ]
    assert all(one == statistics[0] for one in statistics)
    assert [f["inferred_type"] for f in statistics[0]["features"]] == [
        "Integral",
        "Fractional",
        "String",
        "String",
    ]


def test_csv_without_a_header_is_numbered(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,a\n2,b\n")
    dataset = read_csv([tmp_path / "rows.csv"], header=False)
    assert (dataset.names, dataset.rows) == (["_c0", "_c1"], 2)


def test_a_column_that_changes_its_mind_is_text(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": 1, "b": {"c": 2}}\n{"a": "x"}\n')
    dataset = read_json([tmp_path / "rows.jsonl"])
    assert dataset.column("a").to_pylist() == ["1", "x"]


def test_nested_objects_are_flattened_with_dots(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": {"b": {"c": 1}}}\n{"a": null}\n')
    assert read_json([tmp_path / "rows.jsonl"]).names == ["a.b.c"]


def test_a_folder_is_read_whole_but_for_markers(tmp_path: Path) -> None:
    (tmp_path / "2026" / "01").mkdir(parents=True)
    for name in ("2026/01/b.csv", "a.csv", "_SUCCESS", ".hidden"):
        (tmp_path / name).write_text("x\n1\n")
    assert [path.name for path in files_below(tmp_path)] == ["b.csv", "a.csv"]
    assert read_csv(files_below(tmp_path)).rows == 2


def test_parquet_files_may_differ_in_columns_and_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1], "only": ["a"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"x": [2.5]}), tmp_path / "2.parquet")
    dataset = read_parquet(files_below(tmp_path))
    assert dataset.column("x").to_pylist() == [1.0, 2.5]
    assert dataset.column("only").to_pylist() == ["a", None]


def test_numbers_and_text_of_one_column_become_text_and_others_stay(tmp_path: Path) -> None:
    table = concatenated([pa.table({"a": [1], "b": [1]}), pa.table({"a": ["x"], "b": [2]})])
    assert table.to_pylist() == [{"a": "1", "b": 1}, {"a": "x", "b": 2}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", "a,b\n1,2\n3\n", r"rows\.csv is not CSV with one width"),
        ("rows.csv", "a,a\n1,2\n", "appear more than once: a"),
        ("rows.jsonl", '{"a": 1}\nnot json\n', "line 2: not JSON"),
        ("rows.jsonl", "[1]\n", "line 1: expected a JSON object"),
        ("rows.parquet", "nonsense", "not Parquet"),
    ],
)
def test_unreadable_data_is_refused_with_its_place(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    readers: dict[str, Callable[[list[Path]], object]] = {
        ".csv": read_csv,
        ".jsonl": read_json,
        ".parquet": read_parquet,
    }
    with pytest.raises(UnreadableDatasetError, match=message):
        readers[path.suffix]([path])


def test_no_data_is_told_from_no_place(tmp_path: Path) -> None:
    assert files_below(tmp_path) == []
    assert read_csv([]).rows == read_parquet([]).rows == read_json([]).rows == 0
    with pytest.raises(UnreadableDatasetError, match="there is no"):
        files_below(tmp_path / "absent")
