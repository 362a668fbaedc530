"""A file of labels that became known: which request each is of. Pure but for reading the file.

    row,prediction,inference_id,late
    1,0.31,3f9a0c21b7de-1,0
    2,0.87,3f9a0c21b7de-1,1

That is what `ratchet predict --csv` printed, with a column of labels. Lines of Model Monitor's own
format are taken, too (ratchet/monitoring/ground_truth.py).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ratchet.deployment.errors import DeploymentError, nearest
from ratchet.deployment.serving.request_rows import rows_of
from ratchet.judging.answers import LabelRule, class_rule, label_rule, plain, word_rule
from ratchet.loop.problems import BINARY, FALSE, MULTICLASS, REGRESSION, TRUE
from ratchet.settings.schema import ModelSettings

ID_COLUMNS = ("inference_id", "inferenceId", "event_id", "eventId")
LABEL_COLUMN = "label"
_ROW = "row"
_SHOWN = 5
_MOST_NAMES = 10


@dataclass(frozen=True)
class ModelLabels:
    """What a label of the model may be, and how it is written for an analysis."""

    model: ModelSettings
    eval_classes: Sequence[str] = ()
    """The labels of the rows that the champion was judged by; none = they are not known."""
    new_classes: bool = False
    """Whether a multiclass problem takes others, too."""

    @cached_property
    def rule(self) -> LabelRule | None:
        """None: any word may be one."""
        if self.model.problem == REGRESSION:
            return label_rule(REGRESSION, [])
        if self.model.problem == BINARY:
            if not self.words:
                return word_rule("0", "1")
            positive = plain(self.model.positive)
            others = [name for name in map(plain, self.eval_classes) if name != positive]
            return word_rule(others[0], positive) if others else None
        names = self.model.classes or self.eval_classes
        return (
            class_rule([plain(name) for name in names]) if names and not self.new_classes else None
        )

    @property
    def words(self) -> bool:
        """Whether labels are names of classes rather than numbers or truth values."""
        if self.model.problem == BINARY and self.model.positive and not self.model.has_word_labels:
            names = (plain(name).lower() for name in self.eval_classes)
            return not {*TRUE, *FALSE}.issuperset(names)  # 1 beside -1 is a word
        return self.model.problem == MULTICLASS or self.model.has_word_labels

    def write(self, text: str) -> str | None:
        """The label as engines read it that compare letter by letter: 1 or 0, or a class's name
        without a point and zeros. None: it is no label."""
        value = plain(text)
        if self.rule is None:
            return None if "\n" in value else value
        values, wrong = self.rule.values([value])
        if wrong[0]:
            return None
        return self.rule.classes[values[0]] if self.rule.classes else value

    def expected(self, text: str) -> str:
        """What to say of what is no label."""
        if self.rule is None:
            return "expected the name of a class, on one line"
        if not self.words:
            return "expected " + ("1 or 0" if self.model.problem == BINARY else "a finite number")
        names = [name for name in self.rule.classes if name]
        hint = nearest(text, names, limit=1)
        if len(names) <= _MOST_NAMES:
            hint += f" Labels are {', '.join(names)}"
        return f"no row that the champion was judged by has this label{hint}"


@dataclass(frozen=True, kw_only=True)
class RequestLabels:
    """The labels of the rows of one request, in the rows' order."""

    id: str
    labels: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The line of the file that an analysis reads."""
        return {
            "groundTruthData": {"data": _line(self.labels), "encoding": "CSV"},
            "eventMetadata": {"eventId": self.id},
            "eventVersion": "0",
        }


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    requests: list[RequestLabels]
    incomplete: int = 0
    """Requests with a row whose label is empty: not known yet. They are not in `requests`."""
    classes: Mapping[str, int] = field(default_factory=dict)
    """How often each label is there, where labels are classes."""


def read(path: Path, *, model: ModelLabels) -> LabelFile:
    """The labels of a CSV, JSON or JSON lines file, by request.

    Args:
        model: what is a label. Their column is "label", or that of the model's settings.

    Raises:
        DeploymentError: no such file, no such columns, or values that are no labels; with the rows,
            and how many there are.
    """
    label = model.model.label
    rows = list(rows_of(path))
    if not rows:
        raise DeploymentError(f"{path} holds no rows")
    mistakes: list[str] = []
    by_id: dict[str, list[_Row]] = {}
    refused: dict[str, list[str]] = {}
    for row in _read_rows(rows, path, label, mistakes.append):
        by_id.setdefault(row.id, []).append(_checked(row, model, refused))
    mistakes += _refusals(refused, model)
    requests, incomplete = [], 0
    for id_, of_request in by_id.items():
        labels = _in_order(id_, of_request, mistakes.append)
        if all(labels):
            requests.append(RequestLabels(id=id_, labels=tuple(labels)))
        else:
            incomplete += 1
    counts = Counter(label for request in requests for label in request.labels)
    if problem := _third_class(model, counts):
        mistakes.append(problem)
    if mistakes:
        more = [f"… and {len(mistakes) - _SHOWN:,} more"] if len(mistakes) > _SHOWN else []
        shown = "\n".join(f"  {text}" for text in [*mistakes[:_SHOWN], *more])
        wrong, total = sum(map(len, refused.values())), sum(map(len, by_id.values()))
        share = f" {wrong:,} of {total:,} labels are none." if wrong else ""
        raise DeploymentError(f"{path} was not uploaded.{share}\n{shown}")
    is_class = model.model.problem != REGRESSION
    return LabelFile(
        requests=requests, incomplete=incomplete, classes=dict(counts) if is_class else {}
    )


@dataclass(frozen=True)
class _Row:
    id: str
    place: int | None
    """The row's number in the file of its request, where the labels' file says it."""
    label: str
    where: str
    """For people."""


def _checked(row: _Row, model: ModelLabels, refused: dict[str, list[str]]) -> _Row:
    """The row with its label as it is written; `refused` gains what is none."""
    if not row.label:
        return row
    value = model.write(row.label)
    if value is None:
        refused.setdefault(row.label, []).append(row.where)
    return replace(row, label=value or row.label)


def _refusals(refused: Mapping[str, Sequence[str]], model: ModelLabels) -> Iterator[str]:
    """A sentence for each value that is no label, the most frequent first."""
    for text, places in sorted(refused.items(), key=lambda item: -len(item[1])):
        more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
        yield f"{places[0]} = {text!r}{more}; {model.expected(text)}"


def _line(values: Sequence[str]) -> str:
    """A line of CSV: a comma may be in the name of a class."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _third_class(model: ModelLabels, counts: Mapping[str, int]) -> str | None:
    """What to say of two negative classes, where nothing else tells which is the one."""
    positive = plain(model.model.positive)
    if model.model.problem != BINARY or not model.words or model.rule:
        return None
    others = [f"{name!r} ({n:,})" for name, n in counts.items() if name != positive]
    if len(others) < 2:
        return None
    return (
        f"beside {positive!r} there are {', '.join(others)}; a binary problem has one other label"
    )


Say = Callable[[str], None]


def _read_rows(
    rows: Iterable[Mapping[str, Any]], path: Path, label: str, say: Say
) -> Iterator[_Row]:
    for number, row in enumerate(rows, 1):
        where = f"row {number}"
        if "groundTruthData" in row:
            yield from _of_line(row, where, say)
            continue
        columns = [name for name in ID_COLUMNS if name in row]
        labels = [name for name in (LABEL_COLUMN, label) if name in row]
        if not columns or not labels:
            lacking = ID_COLUMNS[0] if not columns else label
            raise DeploymentError(
                f"{path}, {where} has no column {lacking!r}; there are {', '.join(row)}. Expected "
                f"the id of the request, such as `ratchet predict --csv` prints, and {label!r}"
            )
        id_, place = str(row[columns[0]] or "").strip(), str(row.get(_ROW) or "")
        if not id_:
            say(f"{where}: {columns[0]} is empty")
        elif place and not place.isdigit():
            say(f"{where}: row = {place!r} is no number of a row")
        else:
            value = row[labels[0]]
            text = "" if value is None else str(value).strip()
            yield _Row(id_, int(place) if place else None, text, f"{where}: {labels[0]}")


def _of_line(row: Mapping[str, Any], where: str, say: Say) -> Iterator[_Row]:
    """A line that is in Model Monitor's format."""
    try:
        id_, data = row["eventMetadata"]["eventId"], row["groundTruthData"]["data"]
    except (KeyError, TypeError):
        say(f'{where}: expected {{"groundTruthData": {{"data": …}}, "eventMetadata": …}}')
        return
    for value in (cell for line in csv.reader(str(data).splitlines()) for cell in line):
        yield _Row(str(id_), None, value.strip(), f"{where}: data")


def _in_order(id_: str, rows: list[_Row], say: Say) -> list[str]:
    """The labels of a request by the numbers of its rows, or as they stand in the file."""
    places = [row.place for row in rows if row.place is not None]
    if not places:
        return [row.label for row in rows]
    by_place: dict[int, str] = {}
    for row in rows:
        if row.place is None:
            say(f"{id_}: some of its rows have a number and some have none")
        elif by_place.setdefault(row.place, row.label) != row.label:
            say(f"{id_}, row {row.place} has two labels: {by_place[row.place]} and {row.label}")
    return [by_place[place] for place in sorted(by_place)]
