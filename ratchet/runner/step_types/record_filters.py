"""The JSONPath subset of DataProcessing, and how predictions are joined with their inputs.

Developer guide, "Associate Prediction Results with Input Records": operators `$`, `.<name>`,
`*`, `['<name>' (, '<name>')]`, `[<number> (, <number>)]` and `[<start>:<end>]`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

WHOLE = "$"
_DOT = re.compile(r"\.([A-Za-z0-9_\-]+|\*)")
_BRACKET = re.compile(r"\[([^\]]*)\]")
_NAME = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")
_INDEXES = re.compile(r"\s*-?\d+\s*(,\s*-?\d+\s*)*")
_INPUT, _OUTPUT = "SageMakerInput", "SageMakerOutput"

Selector = str | slice | tuple[str, ...] | tuple[int, ...]


def parse(path: str) -> list[Selector]:
    """The selectors of a filter. ValueError, naming the filter, when it cannot be read."""
    if not path.startswith("$"):
        raise ValueError(f"{path!r} is no filter: expected a JSONPath that begins with $")
    selectors: list[Selector] = []
    position = 1
    while position < len(path):
        if match := _DOT.match(path, position):
            selectors.append("*" if match[1] == "*" else (match[1],))
        elif match := _BRACKET.match(path, position):
            selectors.append(_bracket(match[1], path))
        else:
            raise ValueError(f"the filter {path!r} cannot be read from {path[position:]!r} on")
        position = match.end()
    return selectors


def _bracket(inside: str, path: str) -> Selector:
    if inside.strip() == "*":
        return "*"
    if match := _SLICE.fullmatch(inside):
        start, end = (None if text is None else int(text) for text in match.groups())
        return slice(start, end)
    if _INDEXES.fullmatch(inside):
        return tuple(int(number) for number in inside.split(","))
    names = [match[1] or match[2] or "" for match in _NAME.finditer(inside)]
    if names and not _NAME.sub("", inside).replace(",", "").strip():
        return tuple(names)
    raise ValueError(f"the filter {path!r} has an index that cannot be read: [{inside}]")


def select(path: str, value: Any) -> Any:
    """What a filter takes of a record. ValueError when the record has no such part.

    Several names give an object of those names, several indexes and a slice give a list.
    """
    for selector in parse(path):
        value = _select(selector, value, path)
    return value


def _select(selector: Selector, value: Any, path: str) -> Any:
    if selector == "*":
        if isinstance(value, Mapping):
            return list(value.values())
        if isinstance(value, list):
            return value
    elif isinstance(selector, slice):
        if isinstance(value, list):
            return value[selector]
    elif isinstance(selector[0], int):
        if isinstance(value, list):
            return _at([int(index) for index in selector], value, path)
    elif isinstance(value, Mapping):
        return _named([str(name) for name in selector], value, path)
    kind = "object" if isinstance(value, Mapping) else type(value).__name__
    raise ValueError(f"{path} does not fit a record that is a {kind}")


def _at(indexes: list[int], row: list[Any], path: str) -> Any:
    try:
        cells = [row[index] for index in indexes]
    except IndexError:
        raise ValueError(f"{path} finds nothing in a row of {len(row)} values") from None
    return cells[0] if len(cells) == 1 else cells


def _named(names: list[str], record: Mapping[str, Any], path: str) -> Any:
    missing = [name for name in names if name not in record]
    if missing:
        members = ", ".join(map(str, record)) or "none"
        raise ValueError(f"{path} finds no {missing[0]!r} in a record; its names are {members}")
    return record[names[0]] if len(names) == 1 else {name: record[name] for name in names}


def is_csv(content_type: str) -> bool:
    return content_type.split(";")[0].strip() == "text/csv"


def is_json(content_type: str) -> bool:
    kind = content_type.split(";")[0].strip()
    return kind in ("application/json", "application/jsonlines", "application/x-jsonlines")


def records(text: str, content_type: str, *, lines: bool) -> list[Any]:
    """The records of a payload: CSV rows as lists, JSON documents; ``lines``: one on each line."""
    if is_csv(content_type):
        return [row for row in csv.reader(io.StringIO(text)) if row]
    if lines:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(_documents(text))


def _documents(text: str) -> Iterator[Any]:
    """JSON documents one after the other, as servers answer several records."""
    decoder, position = json.JSONDecoder(), 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            return
        value, position = decoder.raw_decode(text, position)
        yield value


def predictions(text: str, accept: str, *, count: int) -> list[Any]:
    """The answers to ``count`` records. A model may answer them as one JSON list."""
    answers = records(text, accept, lines=False)
    if len(answers) != count and len(answers) == 1 and isinstance(answers[0], list):
        return list(answers[0])
    return answers


def write(record: Any, content_type: str) -> str:
    """One record as a line without its end."""
    if not is_csv(content_type):
        return json.dumps(record, ensure_ascii=False)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(record if isinstance(record, list) else [record])
    return buffer.getvalue()


def join(record: Any, prediction: Any) -> Any:
    """A record and its prediction as one, before OutputFilter."""
    if isinstance(record, Mapping):
        return {**record, _OUTPUT: prediction}
    return {_INPUT: record, _OUTPUT: prediction}


def join_rows(record: list[Any], prediction: Any) -> list[Any]:
    """The same of CSV: the columns of the answer after those of the record."""
    return [*record, *(prediction if isinstance(prediction, list) else [prediction])]
