"""A file of labels that became known: which request each is of. Pure but for reading the file.

    row,prediction,inference_id,late
    1,0.31,3f9a0c21b7de-1,0
    2,0.87,3f9a0c21b7de-1,1

That is what `ratchet predict --csv` printed, with a column of labels. Lines of Model Monitor's own
format are taken as they are (ratchet/monitoring/ground_truth.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.serving.request_rows import rows_of

ID_COLUMNS = ("inference_id", "inferenceId", "event_id", "eventId")
LABEL_COLUMN = "label"
_ROW = "row"
_SHOWN = 5
_LABELS = ("1", "0", "1.0", "0.0", "true", "false")
"""In any case: what an analysis reads as a label of a binary problem."""


@dataclass(frozen=True, kw_only=True)
class RequestLabels:
    """The labels of the rows of one request, in the rows' order."""

    id: str
    labels: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The line of the file that an analysis reads."""
        return {
            "groundTruthData": {"data": ",".join(self.labels), "encoding": "CSV"},
            "eventMetadata": {"eventId": self.id},
            "eventVersion": "0",
        }


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    requests: list[RequestLabels]
    incomplete: int = 0
    """Requests with a row whose label is empty: not known yet. They are not in `requests`."""


def read(path: Path, *, label: str) -> LabelFile:
    """The labels of a CSV, JSON or JSON lines file, by request.

    Args:
        label: the column of the labels, where there is none of the name "label".

    Raises:
        DeploymentError: no such file, no such columns, or values that are no labels; with the rows.
    """
    rows = list(rows_of(path))
    if not rows:
        raise DeploymentError(f"{path} holds no rows")
    mistakes: list[str] = []
    by_id: dict[str, list[_Row]] = {}
    for row in _read_rows(rows, path, label, mistakes.append):
        by_id.setdefault(row.id, []).append(row)
    requests, incomplete = [], 0
    for id_, of_request in by_id.items():
        labels = _in_order(id_, of_request, mistakes.append)
        if all(labels):
            requests.append(RequestLabels(id=id_, labels=tuple(labels)))
        else:
            incomplete += 1
    if mistakes:
        more = [f"… and {len(mistakes) - _SHOWN:,} more"] if len(mistakes) > _SHOWN else []
        shown = "\n".join(f"  {text}" for text in [*mistakes[:_SHOWN], *more])
        raise DeploymentError(f"{path} was not uploaded:\n{shown}")
    return LabelFile(requests=requests, incomplete=incomplete)


@dataclass(frozen=True)
class _Row:
    id: str
    place: int | None
    """The row's number in the file of its request, where the labels' file says it."""
    label: str


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
            value = _label(row[labels[0]], f"{where}: {labels[0]}", say)
            yield _Row(id_, int(place) if place else None, value)


def _of_line(row: Mapping[str, Any], where: str, say: Say) -> Iterator[_Row]:
    """A line that is in Model Monitor's format."""
    try:
        id_, data = row["eventMetadata"]["eventId"], row["groundTruthData"]["data"]
    except (KeyError, TypeError):
        say(f'{where}: expected {{"groundTruthData": {{"data": …}}, "eventMetadata": …}}')
        return
    for value in str(data).replace("\n", ",").split(","):
        yield _Row(str(id_), None, _label(value, f"{where}: data", say))


def _label(value: Any, what: str, say: Say) -> str:
    text = "" if value is None else str(value).strip()
    if text and text.lower() not in _LABELS:
        say(f"{what} = {text!r}; expected 1 or 0, or nothing where it is not known yet")
    return text


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
