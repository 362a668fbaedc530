"""What `ratchet init` makes of a folder of data."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ratchet.loop.problems import Kind
from ratchet.template import examples
from ratchet.template.data import DataError, DataFolder, read_data

ROWS = 200
Folder = Callable[..., Path]


def _numbers(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=ROWS).round(3)


def table(**columns: object) -> pd.DataFrame:
    """Rows with an ordinary column `size`, and what is asked for, the last column last."""
    return pd.DataFrame({"size": _numbers(), **columns})


def cycle(*values: Any) -> list[Any]:
    return [values[i % len(values)] for i in range(ROWS)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def write(rows: pd.DataFrame, path: str = "rows.csv") -> Path:
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".parquet"):
            rows.to_parquet(file)
        else:
            rows.to_csv(file, index=False)
        return tmp_path / "data"

    return write


def read(rows: pd.DataFrame, folder: Folder, path: str = "rows.csv") -> DataFolder:
    return read_data(folder(rows, path))


def kinds(data: DataFolder) -> dict[str, str]:
    return {column.name: column.kind for column in data.columns}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (_numbers(1), "number"),
        (cycle(1, 2, 3), "number"),
        (cycle(True, False), "number"),
        (cycle("3.5", "", "4"), "number"),
        (cycle("red", "green", ""), "category"),
        (cycle("2024-01-31", "2024-02-29"), "date"),
        (cycle("2024-01-31T12:00:00Z", "2024-02-29 13:00:00"), "date"),
        (cycle("31/01/2024", "28/02/2024"), "date"),
        (cycle("01/31/2024 08:15", "02/28/2024 09:00"), "date"),
        (cycle("31.01.2024", "28.02.2024"), "date"),
        (cycle("", "one value"), "constant"),
        (cycle(""), "constant"),
        ([f"note {i} of many words" for i in range(ROWS)], "text"),
        ([f"K-{i:04}" for i in range(ROWS)], "id"),
        (range(1, ROWS + 1), "id"),
        (cycle("1,5", "2,5", "3,5"), "text"),
        (cycle("may", "june"), "category"),
        (cycle("7-Eleven", "Spar"), "category"),
    ],
)
def test_the_kind_of_a_column(values: list[object], kind: str, folder: Folder) -> None:
    assert kinds(read(table(other=values, y=_numbers(2)), folder))["other"] == kind


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("shop_id", cycle(11, 12, 13), "category"),
        ("customerId", [9000 + 7 * i * i for i in range(ROWS)], "id"),
        ("population", [9000 + 7 * i * i for i in range(ROWS)], "number"),
    ],
)
def test_a_name_tells_numbers_that_count_from_numbers_that_name(
    name: str, values: list[object], kind: str, folder: Folder
) -> None:
    assert kinds(read(table(**{name: values}, y=_numbers(2)), folder))[name] == kind


@pytest.mark.parametrize(
    ("names", "proposed", "reason"),
    [
        (["a", "target", "b"], "target", "name"),
        (["a", "SalePrice", "b"], "SalePrice", "name"),
        (["a", "is_churn", "b"], "is_churn", "name"),
        (["a", "b", "c"], "c", "last column"),
        (["a", "price", "class"], None, ""),
    ],
)
def test_a_label_is_proposed_with_its_reason_where_one_column_is_plausible(
    names: list[str], proposed: str | None, reason: str, folder: Folder
) -> None:
    rows = pd.DataFrame({name: _numbers(i) for i, name in enumerate(names)})
    candidate = read(rows, folder).proposed
    assert (candidate.name if candidate else None) == proposed
    if candidate:
        assert reason in candidate.reason
        assert candidate.by_name is (reason == "name")


@pytest.mark.parametrize(
    ("label", "problem", "classes"),
    [
        (cycle("yes", "no"), "binary", ("no", "yes")),
        (cycle("True", "False", "False"), "binary", ("False", "True")),
        (cycle(1, 0), "binary", ("0", "1")),
        (cycle(1.0, 0.0, ""), "binary", ("0", "1")),
        (cycle("stayed", "left", "stayed"), "binary", ("stayed", "left")),
        (cycle("red", "green", "blue"), "multiclass", ("blue", "green", "red")),
        (cycle(10, 9, 8), "multiclass", ("8", "9", "10")),
        (_numbers(3), "regression", ()),
        (range(100, 100 + 3 * ROWS, 3), "regression", ()),
        (cycle(2.5, 3.5, 4.25), "regression", ()),
    ],
)
def test_the_values_of_a_label_tell_the_problem(
    label: list[object], problem: str, classes: tuple[str, ...], folder: Folder
) -> None:
    target = read(table(y=label), folder).plan(label="y").target
    assert (target.problem, target.classes) == (problem, classes)
    assert "'y'" in target.reason


def test_the_rarer_word_is_the_positive_class_and_that_is_said(folder: Folder) -> None:
    reason = read(table(y=cycle("kept", "kept", "gone")), folder).plan(label="y").target.reason
    assert "'gone' is the positive class of 'y', because it is the rarer one (66 of 200)" in reason


REFUSED_LABELS: list[tuple[list[object], Kind | None, str]] = [
    (cycle(""), None, "has no value in any row"),
    (cycle("x"), None, "'x' in every row"),
    (cycle("12", "unknown", "n.a."), "regression", "133 of 200 values are none: 'unknown' (67)"),
    ([f"city {i}" for i in range(ROWS)], None, "200 different values, expected at most 50"),
    (list(_numbers(4)), "multiclass", "choose --problem regression"),
    (cycle("a", "b", "c"), "binary", "must have two values, and it has 3: 'a' (67)"),
]


@pytest.mark.parametrize(("label", "problem", "message"), REFUSED_LABELS)
def test_a_label_that_poses_no_problem_is_refused_with_counts(
    label: list[object], problem: Kind | None, message: str, folder: Folder
) -> None:
    data = read(table(y=label), folder)
    with pytest.raises(DataError) as refused:
        data.plan(label="y", problem=problem)
    assert message in str(refused.value)


def test_a_label_that_is_no_column_is_refused_with_the_nearest_name(folder: Folder) -> None:
    data = read(table(price=_numbers(1)), folder)
    with pytest.raises(DataError, match=r"no column 'Prices'. Did you mean 'price'.*'size'"):
        data.plan(label="Prices")


def test_a_label_that_most_rows_lack_is_refused(folder: Folder) -> None:
    label = [i % 7 if i < 40 else "" for i in range(ROWS)]
    with pytest.raises(DataError, match="40 of 200 rows have a label 'y'"):
        read(table(y=label), folder).plan(label="y", problem="regression")


@pytest.mark.parametrize(
    ("label", "other", "why"),
    [
        (_numbers(1), _numbers(1), "copy of the label"),
        (_numbers(1), _numbers(1) * 1.19 + 3, "in another unit"),
        (cycle("yes", "no"), cycle("left", "stayed"), "alone tells the label"),
        (cycle("a", "b", "c"), cycle("A!", "B!", "C!"), "alone tells the label"),
        (cycle(1, 0), [i % 2 * -50 + i / 10 for i in range(ROWS)], "one number divides"),
    ],
)
def test_a_column_that_gives_the_label_away_is_left_out_with_the_reason(
    label: list[object], other: list[object], why: str, folder: Folder
) -> None:
    plan = read(table(other=other, y=label), folder).plan(label="y")
    assert why in plan.left_out["other"]
    assert [column.name for column in plan.features] == ["size"]


@pytest.mark.parametrize(
    ("label", "other"),
    [
        (_numbers(1), _numbers(1) + _numbers(2)),
        (cycle("yes", "no"), cycle("north", "south", "east")),
        (cycle(1, 0), _numbers(3)),
        (cycle("a", "b"), [f"t{i // 10}" if i % 2 else f"u{i // 10}" for i in range(ROWS)]),
    ],
)
def test_a_column_that_only_helps_is_kept(
    label: list[object], other: list[object], folder: Folder
) -> None:
    plan = read(table(other=other, y=label), folder).plan(label="y")
    assert "other" not in plan.left_out


def test_ids_constants_and_free_text_are_left_out_with_the_reason(folder: Folder) -> None:
    rows = table(
        row=range(ROWS),
        note=[f"a long remark {i}" for i in range(ROWS)],
        currency=cycle("EUR"),
        y=_numbers(1),
    )
    assert read(rows, folder).plan(label="y").left_out == {
        "row": "it counts the rows",
        "note": "it is free text: 200 different in 200 rows",
        "currency": "every value is 'EUR'",
    }


def test_data_of_which_nothing_can_be_learned_is_refused(folder: Folder) -> None:
    rows = pd.DataFrame({"id": [f"K{i}" for i in range(ROWS)], "y": _numbers(1)})
    with pytest.raises(DataError, match="no column is left to predict 'y' from: 'id': it names"):
        read(rows, folder).plan(label="y")


def test_folders_are_partitions_and_hidden_files_are_not_seen(folder: Folder) -> None:
    rows = table(y=_numbers(1))
    for path in ("2024-02/rows.csv", "2024-01/rows.csv", "2024-01/b.csv"):
        root = folder(rows, path)
    for path in (".hidden.csv", "_temporary/rows.csv", "notes.txt"):
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text("other,header\n1,2\n")
    data = read_data(root)
    assert data.files.partitions == ("2024-01", "2024-02")
    assert data.rows == 3 * ROWS
    assert [len(rows) for rows in data.sample.values()] == [2 * ROWS, ROWS]


def test_partitions_are_in_the_order_in_which_runs_take_them(folder: Folder) -> None:
    for path in ("a-b/rows.csv", "a/b/rows.csv", "rows.csv"):
        root = folder(table(y=_numbers(1)), path)
    assert read_data(root).files.partitions == ("", "a/b", "a-b")


def test_one_file_is_data_too(folder: Folder) -> None:
    root = folder(table(y=_numbers(1)), "2024/rows.csv")
    data = read_data(root / "2024" / "rows.csv")
    assert (data.rows, data.files.partitions) == (ROWS, ("",))


def test_zipped_and_differently_separated_csv_is_read(folder: Folder) -> None:
    root = folder(table(y=_numbers(1)))
    plain = (root / "rows.csv").read_text().replace(",", ";")
    (root / "rows.csv").unlink()
    (root / "rows.csv.gz").write_bytes(gzip.compress(("\ufeff" + plain).encode()))
    data = read_data(root)
    assert data.files.separator == ";"
    assert kinds(data) == {"size": "number", "y": "number"}


def test_parquet_says_the_same_as_csv(folder: Folder, tmp_path: Path) -> None:
    rows = table(
        flag=cycle(True, False, None),
        count=pd.array(cycle(1, None, 3), dtype="Int64"),
        when=pd.Timestamp("2024-01-01") + pd.to_timedelta(range(ROWS), unit="D"),
        color=pd.Categorical(cycle("red", "blue")),
        y=_numbers(1),
    )
    of_csv = read(rows, folder).columns
    (tmp_path / "data" / "rows.csv").unlink()
    assert read(rows, folder, "month=1/rows.parquet").columns == of_csv


def test_large_data_is_sampled_evenly(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ratchet.template.data.files._SAMPLE_BYTES", 1_000)
    rows = pd.DataFrame({"x": range(0, 2 * ROWS, 2), "y": sorted(cycle("a", "b"))})
    for path in ("csv/rows.csv", "parquet/rows.parquet"):
        data = read_data(folder(rows, path) / Path(path).parent).sample[""]
        assert 50 <= len(data) < ROWS
        assert set(data["y"]) == {"a", "b"}


def test_of_too_many_bytes_files_are_left_out_but_never_the_newest(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.template.data.files._READ_BYTES", 5_000)
    for month in range(1, 9):
        root = folder(table(y=_numbers(1)), f"2024-{month:02}/rows.csv")
    partitions = list(read_data(root).sample)
    assert len(partitions) < 8
    assert partitions[-1] == "2024-08"


def _refusal(path: Path) -> str:
    with pytest.raises(DataError) as refused:
        read_data(path)
    return str(refused.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "there is no such folder" in _refusal(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("", b"", "is empty; expected files that end in .csv"),
        ("rows.xlsx", b"PK", "1 files and none is CSV or Parquet (there are .xlsx)"),
        ("rows.csv", b"", "expected a line with the names of the columns"),
        ("rows.csv", b"a,b,a\n1,2,3\n", "the column 'a' is there twice"),
        ("rows.csv", b"a,b\n1,2\n" * 9, "holds 17 rows; expected at least 50"),
        ("rows.csv", "größe,y\n1,2\n".encode("latin-1") * 60, "is not UTF-8: it has the byte 0xf6"),
        ("rows.csv", b"a,b\n1,2\n" + b"1,2,3\n" * 60, "cannot be read as a CSV file"),
        ("rows.csv.gz", b"no zip" * 60, "cannot be read as a CSV file"),
        ("rows.parquet", b"PAR1 broken", "cannot be read as a Parquet file"),
        ("rows.csv", b"5.1,3.5,setosa\n" * 60, "the first line has no names"),
        ("rows.csv", b"34,Private,13\n" * 60, "the first line has no names"),
        ("rows.csv", b"34,7,13\n" * 60, "the first line has no names"),
    ],
)
def test_data_that_cannot_be_used_is_refused(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    if name:
        (tmp_path / name).write_bytes(content)
    refusal = _refusal(tmp_path)
    assert message in refusal
    assert str(tmp_path) in refusal


def test_columns_that_are_called_by_numbers_are_names(folder: Folder) -> None:
    rows = pd.DataFrame({"0": _numbers(1), "1": _numbers(2), "target": _numbers(3)})
    assert read(rows, folder).rows == ROWS


def test_files_of_different_columns_are_refused_by_file(folder: Folder) -> None:
    folder(table(y=_numbers(1)), "1/rows.csv")
    root = folder(table(z=_numbers(1), y=_numbers(1)), "2/rows.csv")
    refusal = _refusal(root)
    assert f"{root}/2/rows.csv has a column 'z' that {root}/1/rows.csv has not" in refusal


def test_columns_in_another_order_are_the_same(folder: Folder) -> None:
    folder(table(y=_numbers(1)), "1/rows.csv")
    root = folder(table(y=_numbers(1))[["y", "size"]], "2/rows.csv")
    assert read_data(root).rows == 2 * ROWS


def test_both_formats_are_refused(folder: Folder) -> None:
    folder(table(y=_numbers(1)))
    assert "CSV and Parquet" in _refusal(folder(table(y=_numbers(1)), "rows.parquet"))


@pytest.mark.parametrize(
    ("example", "label", "problem", "left_out"),
    [
        ("houses", "price", "regression", {"listing_id", "currency"}),
        ("churn", "churned", "binary", {"customer_id"}),
        ("wines", "cultivar", "multiclass", set()),
    ],
)
def test_the_examples_are_understood_without_help(
    example: str, label: str, problem: str, left_out: set[str], tmp_path: Path
) -> None:
    examples.write(examples.EXAMPLES[example](), tmp_path)
    data = read_data(tmp_path)
    assert data.proposed is not None
    assert data.proposed.name == label
    plan = data.plan(label=label)
    assert plan.target.problem == problem
    assert set(plan.left_out) == left_out


def test_what_a_reader_has_to_know_of_the_plan_is_said(folder: Folder) -> None:
    rows = table(
        key=[f"K{i}" for i in range(ROWS)],
        sold=cycle("01/02/2024", "03/04/2024"),
        price=[None, None, *_numbers(1)[2:]],
    )
    assert read(rows, folder).plan(label="price").notes == [
        "'price' is a number, so this is a regression",
        "2 of 200 rows have no 'price', and neither train nor judge a model",
        "'sold': '01/02/2024' is read as day/month/year; it may be month/day/year",
        "'key' is left out: it names its row: 200 values in 200 rows",
    ]
