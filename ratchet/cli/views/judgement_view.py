"""Draws the report of an evaluation: a candidate beside the champion, or the champion alone. Pure.

Which metrics there are, which way is better and what decides is read from the report itself, whose
machinery reads it in ratchet/loop/problems.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.wording import count, number
from ratchet.loop import names
from ratchet.loop.evaluations import as_of_now
from ratchet.loop.numbers import difference_text, interval_text, score_text
from ratchet.views.metrics import SIDES, metric_of, regression_of, reported, values

MOST_CLASSES = 8
"""A confusion matrix of more classes is no longer read: its worst confusions are listed."""
WORST = 10
"""Confusions of a large matrix, and slices, that are shown; `--json` has all of them."""

_DRAWN = {
    "problem", "metric", "better", "rows", "classes", "regression", "interval", "verdict", "slices",
    "worse_slices", "slices_left_out", "refused", "confusion_matrix", *SIDES,
}  # fmt: skip
_OF_MODEL = {
    "status", "score", "metrics", "undefined", "reason", "threshold", "digest", "confusion_matrix",
}  # fmt: skip


def judgement(name: str, report: Mapping[str, Any], *, label: str = "") -> RenderableType:
    """All of a report that a person wants to read.

    Args:
        label: the column with the true answers, whose unit some metrics have; "": not known.
    """
    report = as_of_now(report)
    parts: list[RenderableType] = [_about(report, label)]
    if models := _models(report):
        parts.append(_metrics(report, models))
    parts += [_line(text) for text in _remarks(report)]
    if slices := _slices(report):
        parts.append(slices)
    for side in models:  # of two models the candidate's: --json has both
        if drawn := _confusions(side, report):
            parts.append(drawn)
            break
    if report.get("verdict"):
        parts.append(_line(escape(str(report["verdict"]))))
    return Group(Text(f"report {name}", style="bold"), Padding(Group(*parts), (0, 0, 0, 2)))


def _line(markup: str) -> Text:
    return Text.from_markup(markup, overflow="fold")


def _columns(*, header: bool = False) -> Table:
    return Table(
        box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", show_header=header
    )


def _about(report: Mapping[str, Any], label: str) -> RenderableType:
    rows = report.get("rows")
    decides = f"{escape(str(report['metric']))} decides, {report['better']} is better"
    metric = metric_of(report, str(report["metric"]))
    if metric and metric.in_label_unit and label:
        decides += f", in the unit of {escape(label)}"
    return _line(
        f"[dim]{decides}"
        + (f" · {count(rows, 'row')}" if isinstance(rows, int) else "")
        + _classes(report.get("classes"))
        + "[/]"
    )


def _classes(classes: Any) -> str:
    if not isinstance(classes, Mapping) or not classes:
        return ""
    if len(classes) > MOST_CLASSES:
        sizes = [int(size) for size in classes.values()]
        return f" · {len(classes)} classes of {min(sizes):,} to {max(sizes):,} rows"
    listed = ", ".join(f"{escape(str(name))} {number(size)}" for name, size in classes.items())
    return f" · classes {listed}"


def _models(report: Mapping[str, Any]) -> list[str]:
    """The sides that have numbers."""
    return [side for side in SIDES if any(v is not None for v in values(report, side).values())]


def _metrics(report: Mapping[str, Any], models: Sequence[str]) -> Table:
    """A line for each metric, the one that decides first, with the difference in words."""
    drawn = _columns(header=True)
    drawn.add_column("", no_wrap=True)
    for side in models:
        drawn.add_column(side, justify="right", no_wrap=True)
    drawn.add_column("", overflow="fold")
    deciding = str(report["metric"])
    for name in reported(report):
        scores = [values(report, side).get(name) for side in models]
        if all(score is None for score in scores):
            continue  # the reason follows
        style = "bold" if name == deciding else ""
        smallest = min((abs(score) for score in scores if score), default=None)
        cells = [_score(score, like=smallest) for score in scores]
        drawn.add_row(escape(name), *cells, _difference(report, name), style=style)
    thresholds = [report[side].get("threshold") for side in models]
    if any(threshold is not None for threshold in thresholds):
        drawn.add_row("threshold", *map(_score, thresholds), "", style="dim")
    return drawn


def _score(value: Any, *, like: float | None = None) -> str:
    if isinstance(value, float):
        return score_text(value, like=like).replace("-", "−")
    return number(value)


def _difference(report: Mapping[str, Any], name: str) -> str:
    regression = regression_of(report, name)
    if regression is None:
        return ""
    theirs = values(report, "champion")[name]
    text = difference_text(regression, like=theirs)
    deciding = name == report["metric"]
    within = interval_text(report.get("interval"), like=theirs) if deciding else ""
    return f"{text}, {within}" if within else text


def _remarks(report: Mapping[str, Any]) -> Iterator[str]:
    """What is missing and why, then everything that this version has no better place for."""
    for side in SIDES:
        if isinstance(report.get(side), Mapping):
            yield from _remarks_on(side, report[side])
    refused = (report.get("refused") or {}).get("labels")
    if refused:
        yield f"[yellow]{count(refused, 'label')} refused and left out[/]"
    for key, value in report.items():
        if key in _DRAWN:
            continue
        text = _listed(value) if isinstance(value, Mapping) else _scalar(value)
        if text:
            yield f"{escape(key)}: {text}"


def _remarks_on(side: str, part: Mapping[str, Any]) -> Iterator[str]:
    status = part.get("status")
    if status == names.UNSCORABLE:
        yield f"[yellow]{side} cannot be scored[/]: {escape(str(part.get('reason') or ''))}"
    elif status == names.NONE:
        yield f"[dim]there is no {side} to compare with[/]"
    for name, reason in (part.get("undefined") or {}).items():
        yield f"{side} has no {escape(str(name))}: {escape(str(reason))}"
    if rest := _listed({k: v for k, v in part.items() if k not in _OF_MODEL}):
        yield f"{side}: {rest}"


def _listed(values: Mapping[str, Any]) -> str:
    texts = {key: _scalar(value) for key, value in values.items()}
    return " · ".join(f"{escape(str(key))} {text}" for key, text in texts.items() if text)


def _scalar(value: Any) -> str:
    return "" if value is None or isinstance(value, Mapping | list) else escape(_score(value))


# -- slices ----------------------------------------------------------------------------------------


def _slices(report: Mapping[str, Any]) -> RenderableType | None:
    slices = report.get("slices")
    if not isinstance(slices, Sequence) or not slices:
        return None
    remarkable = worst_first(slices)
    small = int(report.get("slices_left_out") or 0)
    about = [count(len(slices), "slice"), f"{sum(map(_worse, slices))} worse"]
    if others := len(remarkable) - sum(map(_worse, slices)):
        about.append(f"{others} to look at")
    if small:
        about.append(f"{small} too small to say")
    drawn = _columns()
    drawn.add_column(overflow="fold")
    drawn.add_column(justify="right", no_wrap=True)
    drawn.add_column(no_wrap=True)
    drawn.add_column(no_wrap=True)
    score = (report.get("champion") or {}).get("score")
    for part in remarkable[:WORST]:
        drawn.add_row(
            escape(slice_name(part)),
            count(part["rows"], "row"),
            difference_text(part["regression"], like=score),
            "[red]worse[/]" if _worse(part) else "[yellow]look at it[/]",
        )
    hidden = len(remarkable) - WORST
    more = [_line(f"[dim]… and {hidden} more: --json[/]")] if hidden > 0 else []
    return Group(_line(" · ".join(about)), *([drawn] if remarkable else []), *more)


def worst_first(slices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The slices that are worse, then those to look at, each with the largest regression first."""
    remarkable = [part for part in slices if _worse(part) or part.get("look_at")]
    return sorted(remarkable, key=lambda part: (not _worse(part), -(part.get("regression") or 0)))


def slice_name(part: Mapping[str, Any]) -> str:
    return f"{part['column']}={part['value'] or '(empty)'}"


def _worse(part: Mapping[str, Any]) -> bool:
    return bool(part.get("worse"))


# -- the confusion matrix --------------------------------------------------------------------------


def _confusions(side: str, report: Mapping[str, Any]) -> RenderableType | None:
    part = report.get(side)
    matrix = part.get("confusion_matrix") if isinstance(part, Mapping) else None
    if not isinstance(matrix, Mapping) or not matrix:
        return None
    classes = list(dict.fromkeys([*matrix, *(name for row in matrix.values() for name in row)]))
    if len(classes) > MOST_CLASSES:
        return _worst(side, matrix)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    drawn.add_column(f"{side} answered", style="dim", no_wrap=True)
    for name in classes:
        drawn.add_column(escape(name), justify="right", overflow="fold")
    for actual in classes:
        row = matrix.get(actual, {})
        cells = [
            f"[bold]{number(row.get(name, 0))}[/]" if name == actual else number(row.get(name, 0))
            for name in classes
        ]
        drawn.add_row(f"is {escape(actual)}", *cells)
    return drawn


def _worst(side: str, matrix: Mapping[str, Mapping[str, int]]) -> RenderableType:
    drawn = _columns()
    drawn.add_column(overflow="fold")
    drawn.add_column(justify="right", no_wrap=True)
    for actual, answered, rows in worst_confusions(matrix)[:WORST]:
        total = sum(matrix[actual].values())
        share = f"{rows:,} of {total:,} ({100 * rows / total:.1f} %)"
        drawn.add_row(f"{escape(actual)} answered as {escape(answered)}", share)
    wrong = sum(rows for _, _, rows in worst_confusions(matrix))
    title = f"[dim]the {WORST} most frequent confusions of the {side}, of {count(wrong, 'row')}[/]"
    return Group(_line(title), drawn)


def worst_confusions(matrix: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    """(class, answer, rows) of the wrong answers, the most frequent first."""
    wrong = [
        (actual, answered, rows)
        for actual, row in matrix.items()
        for answered, rows in row.items()
        if answered != actual and rows
    ]
    return sorted(wrong, key=lambda confusion: -confusion[2])
