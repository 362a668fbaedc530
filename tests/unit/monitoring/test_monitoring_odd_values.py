"""A value of another type in a request, a line or a row: it suffers alone, and is counted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.capture import INPUT, captured_dataset
from ratchet.monitoring.comparison import compare
from ratchet.monitoring.constraints import suggest
from ratchet.monitoring.datasets import TableDataset, read_csv, read_json
from ratchet.monitoring.profiles import Feature, Numbers, Text, profile

ROWS = 210
CLEAN = [
    {
        "temp": 30 + (7 * i % 41) / 4,
        "seats": 50 + i % 9,
        "carrier": ("UA", "DL", "9E", "AA")[i % 4],
    }
    for i in range(ROWS)
]
TYPES = {"temp": "Fractional", "seats": "Integral", "carrier": "String"}
TEXTS = ["carrier"]

Batch = list[dict[str, Any]]
Reader = Callable[[Batch, dict[str, str]], TableDataset]


def requests(batch: Batch) -> Iterable[Batch]:
    """One to three rows a request."""
    start = 0
    while start < len(batch):
        size = 1 + start % 3
        yield batch[start : start + size]
        start += size


def cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(',"\n') else text


def csv_text(rows: Batch) -> str:
    return "".join(f"{','.join(cell(row.get(name)) for name in TYPES)}\n" for row in rows)


def lines_of(rows: Batch) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def captured(encoding: str, body: Callable[[Batch], str]) -> Reader:
    def read(batch: Batch, types: dict[str, str]) -> TableDataset:
        return read_captured([body(rows) for rows in requests(batch)], types, encoding)

    return read


def read_captured(
    bodies: Iterable[str], types: dict[str, str], encoding: str = "JSON"
) -> TableDataset:
    sides = ({INPUT: {"data": body, "encoding": encoding}} for body in bodies)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "capture.jsonl")
        path.write_text("".join(f"{json.dumps({'captureData': side})}\n" for side in sides))
        texts = [name for name, kind in types.items() if kind == "String"]
        return captured_dataset([path], sides=[INPUT], names=list(types), texts=texts)


def file(name: str, body: Callable[[Batch], str]) -> Reader:
    def read(batch: Batch, types: dict[str, str]) -> TableDataset:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.write_text(body(batch))
            if name.endswith(".csv"):
                return read_csv([path], texts=[n for n in types if types[n] == "String"])
            return read_json([path], lines=name.endswith("l"), names=list(types))

    return read


READERS: dict[str, Reader] = {
    "an array": captured("JSON", json.dumps),
    "instances": captured("JSON", lambda rows: json.dumps({"instances": rows})),
    "JSON lines": captured("JSON", lines_of),
    "CSV": captured("CSV", csv_text),
    "a file of JSON lines": file("rows.jsonl", lines_of),
    "a file of one array": file("rows.json", json.dumps),
    "a CSV file": file("rows.csv", lambda rows: f"{','.join(TYPES)}\n{csv_text(rows)}"),
}
FORMATS = sorted(READERS)
KEYED = [form for form in FORMATS if "CSV" not in form]

places = st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=ROWS // 10, unique=True)
many_places = st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=ROWS // 2, unique=True)
odd_values = st.sampled_from(
    ["39.2F", "n.a.", "-", True, False, [1, 2], {"degrees": 39.2}, "2013-07-01"]
)


def with_values(name: str, values: dict[int, Any]) -> Batch:
    return [{**row, name: values[i]} if i in values else row for i, row in enumerate(CLEAN)]


def features(batch: Batch, form: str, types: dict[str, str]) -> dict[str, Feature]:
    dataset = READERS[form](batch, types)
    assert (dataset.rows, dataset.unreadable) == (len(batch), 0)
    return {f.name: f for f in profile(dataset, expected=types).features}


def of_the_others(name: str, gone: Iterable[int]) -> Feature:
    """The column as it would be if these values were missing."""
    values = [None if i in set(gone) else row[name] for i, row in enumerate(CLEAN)]
    return profile(TableDataset(pa.table({name: values})), expected=TYPES).features[0]


def statistics(feature: Feature) -> dict[str, Any]:
    """All but the counts of present and missing values."""
    document = feature.document()
    for part in ("numerical_statistics", "string_statistics"):
        document.get(part, {}).pop("common", None)
    return document


@settings(max_examples=40)
@given(st.sampled_from(FORMATS), st.sampled_from(["temp", "seats"]), many_places, st.data())
def test_what_is_no_number_is_counted_and_all_other_values_stay(
    form: str, name: str, where: list[int], data: st.DataObject
) -> None:
    odd = {place: data.draw(odd_values) for place in where}
    profiles = features(with_values(name, odd), form, TYPES)
    assert set(profiles) == set(TYPES)
    for other in set(TYPES) - {name}:
        assert profiles[other].document() == of_the_others(other, []).document()
    number = profiles[name]
    assert isinstance(number, Numbers)
    assert statistics(number) == statistics(of_the_others(name, odd))
    assert (number.mistyped, number.present, number.missing) == (len(odd), ROWS, 0)
    assert number.count_of_type(TYPES[name]) == ROWS - len(odd)


@settings(max_examples=15)
@given(st.sampled_from(FORMATS), places, st.sampled_from(["39.2F", "n.a.", True, [1, 2]]))
def test_a_baseline_with_a_few_values_that_are_none_is_one_of_numbers(
    form: str, where: list[int], odd: Any
) -> None:
    profiles = features(with_values("temp", dict.fromkeys(where, odd)), form, {})
    names = list(profiles) if form != "CSV" else ["_c0", "_c1", "_c2"]
    assert list(profiles) == names
    number = profiles[names[0]]
    assert isinstance(number, Numbers)
    assert (number.mistyped, number.present) == (len(where), ROWS)
    assert number.sketch.document() == of_the_others("temp", where).sketch.document()  # type: ignore[union-attr]


@settings(max_examples=15)
@given(st.sampled_from(FORMATS), many_places)
def test_quoted_numbers_are_numbers(form: str, where: list[int]) -> None:
    quoted = with_values("temp", {place: str(CLEAN[place]["temp"]) for place in where})
    profiles = features(quoted, form, TYPES)
    for name in TYPES:
        assert profiles[name].document() == of_the_others(name, []).document()


@settings(max_examples=15)
@given(st.sampled_from(FORMATS), st.sampled_from(sorted(TYPES)), many_places, st.booleans())
def test_null_and_a_missing_key_are_missing_values(
    form: str, name: str, where: list[int], without_key: bool
) -> None:
    batch = with_values(name, dict.fromkeys(where))
    if without_key:
        batch = [{k: v for k, v in row.items() if v is not None} for row in batch]
    profiles = features(batch, form, TYPES)
    assert profiles[name].document() == of_the_others(name, where).document()
    assert profiles["seats"].mistyped == 0


@settings(max_examples=15)
@given(st.sampled_from(FORMATS), places, st.sampled_from([9, 1.5, True, "9"]))
def test_numbers_and_booleans_in_a_column_of_text_are_text(
    form: str, where: list[int], value: Any
) -> None:
    profile = features(with_values("carrier", dict.fromkeys(where, value)), form, TYPES)["carrier"]
    assert isinstance(profile, Text)
    word = value if isinstance(value, str) else json.dumps(value)
    assert profile.count_outside(["UA", "DL", "9E", "AA"]) == len(where)
    assert (profile.categories or {})[word] == len(where)
    assert profile.present == ROWS


@settings(max_examples=15)
@given(st.sampled_from(KEYED), places)
def test_a_key_that_few_rows_have_is_a_column_of_few_values(form: str, where: list[int]) -> None:
    profiles = features(with_values("note", dict.fromkeys(where, "late")), form, TYPES)
    assert profiles.pop("note").present == len(where)
    assert {n: f.document() for n, f in profiles.items()} == {
        name: of_the_others(name, []).document() for name in TYPES
    }


@settings(max_examples=15)
@given(
    st.sampled_from(["JSON", "CSV"]),
    st.lists(st.integers(0, 99), min_size=1, max_size=40, unique=True),
    st.sampled_from(["hello", "{", '[{"temp": 1}, ', '"', "1,2,3,4\n5", "\u2028", "<xml/>"]),
)
def test_a_request_that_holds_no_rows_is_counted_alone(
    encoding: str, where: list[int], broken: str
) -> None:
    bodies = [csv_text([row]) if encoding == "CSV" else json.dumps([row]) for row in CLEAN[:100]]
    for place in where:
        bodies[place] = broken
    dataset = read_captured(bodies, TYPES, encoding)
    assert dataset.unreadable == len(where)
    temperatures = [row["temp"] for i, row in enumerate(CLEAN[:100]) if i not in where]
    assert dataset.column("temp").to_pylist() == temperatures


def test_line_separators_of_unicode_are_characters(tmp_path: Path) -> None:
    row = json.dumps({"temp": 1, "carrier": "a\u2028b\u0085c"}, ensure_ascii=False)
    odd = json.dumps({"temp": "x", "carrier": "d"})
    dataset = read_captured([f"{row}\n{row}", f"{row}\n{odd}"], TYPES)
    assert dataset.column("carrier").to_pylist() == ["a\u2028b\u0085c"] * 3 + ["d"]
    (tmp_path / "rows.jsonl").write_text(f"{row}\n{row}\n{odd}\n")
    assert read_json([tmp_path / "rows.jsonl"]).rows == 3


def test_bytes_that_are_not_utf8_cost_their_own_value(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"temp,carrier\n1,UA\n2,caf\xe9\n")
    (tmp_path / "rows.jsonl").write_bytes(
        b'{"temp": 1, "carrier": "UA"}\n{"temp": 2, "carrier": "caf\xe9"}\n'
    )
    for dataset in (read_csv([tmp_path / "rows.csv"]), read_json([tmp_path / "rows.jsonl"])):
        temp, carrier = profile(dataset).features
        assert (temp.inferred_type, carrier.inferred_type) == ("Integral", "String")
        assert carrier.categories == {"UA": 1, "caf\ufffd": 1}  # type: ignore[union-attr]


def test_a_csv_row_of_another_width_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n2\n3,y,z\n4,u\n5,v\n6,w\n")
    dataset = read_csv([tmp_path / "rows.csv"])
    assert dataset.unreadable == 2
    assert dataset.table.to_pydict() == {"a": [1, 4, 5, 6], "b": ["x", "u", "v", "w"]}


def test_a_line_end_within_quotes_of_a_large_csv_file_is_no_row(tmp_path: Path) -> None:
    line = '1.5,"two\nlines of a cell that is long enough to fill blocks, one after the other"\n'
    rows = (5 << 20) // len(line)
    (tmp_path / "rows.csv").write_text("a,b\n" + line * rows)
    dataset = read_csv([tmp_path / "rows.csv"])
    assert (dataset.rows, dataset.unreadable) == (rows, 0)


def test_text_stays_as_it_is_written_whatever_the_others_are(tmp_path: Path) -> None:
    """Times, dates and codes of digits; and in whichever file of several they are."""
    (tmp_path / "1.csv").write_text("when,day,code\n2013-07-01T05:00:00Z,2013-07-01,007\n")
    (tmp_path / "2.csv").write_text("when,day,code\nlater,2013-07-02,7E\n")
    both = read_csv(sorted(tmp_path.glob("*.csv")))
    assert both.column("when").to_pylist() == ["2013-07-01T05:00:00Z", "later"]
    assert both.column("day").to_pylist() == ["2013-07-01", "2013-07-02"]
    assert both.column("code").to_pylist() == ["007", "7E"]
    alone = read_csv([tmp_path / "1.csv"], texts=["code"])
    assert alone.column("code").to_pylist() == ["007"]
    bodies = [json.dumps([{"when": "2013-07-01T05:00:00Z"}])]
    assert read_captured(bodies, {}).column("when").to_pylist() == ["2013-07-01T05:00:00Z"]


def test_booleans_are_the_same_in_csv_and_json_and_beside_other_words() -> None:
    csv, both = (
        read_captured(["True\n", "False\n"], {}, "CSV"),
        read_captured(["True\n", "?"], {}, "CSV"),
    )
    as_json = read_captured(['[{"a": true}]', '[{"a": false}]'], {})
    for dataset, word in ((csv, "false"), (both, "?"), (as_json, "false")):
        (feature,) = profile(dataset).features
        assert feature.categories == {word: 1, "true": 1}  # type: ignore[union-attr]


def test_one_quoted_number_among_eight_thousand_changes_nothing() -> None:
    bodies = [json.dumps({"instances": [row]}) for row in CLEAN * 38]
    described = profile(read_captured(bodies, TYPES), expected=TYPES)
    baseline = Baseline(described.statistics(), suggest(described))
    bodies[4_000] = (
        bodies[4_000].replace('"temp": ', '"temp": "').replace(', "seats"', '", "seats"')
    )
    dataset = read_captured(bodies, TYPES)
    current = profile(dataset, expected=TYPES)
    assert (dataset.rows, dataset.unreadable) == (len(bodies), 0)
    assert compare(current, baseline).violations == ()
    assert current.statistics() == described.statistics()


@pytest.mark.parametrize(("odd", "violated"), [(3, False), (60, True)])
def test_the_type_check_counts_values(odd: int, violated: bool) -> None:
    described = profile(READERS["an array"](CLEAN * 10, TYPES), expected=TYPES)
    baseline = Baseline(described.statistics(), suggest(described))
    batch = [*with_values("temp", dict.fromkeys(range(odd), "warm")), *CLEAN * 9]
    comparison = compare(profile(READERS["an array"](batch, TYPES), expected=TYPES), baseline)
    (share,) = [s for s in comparison.shares if s.check == "data_type_check" and s.seen]
    assert (share.feature, share.seen, share.rows) == ("temp", odd, 2100)
    assert [(v.feature, v.check) for v in comparison.violations] == (
        [("temp", "data_type_check")] if violated else []
    )
