"""The differences of two definitions in words: for a terminal, for a review comment, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ratchet.definition.step import Branch
from ratchet.review.cache_effects import Effect
from ratchet.review.differences import DefinitionComparison, DefinitionDifference
from ratchet.review.flat import shown
from ratchet.review.markdown import code, fenced, prose, single_line

_LONGEST = 72

FilesOf = Callable[[str], Mapping[str, str] | None]
"""URI of a code bundle → its files, name → digest; None when it cannot be had."""


@dataclass(frozen=True, kw_only=True)
class ReviewLine:
    """One line: `mark` is +, -, ~; `subject` a step or a parameter."""

    mark: str
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class PipelineReview:
    """What a reviewer reads of one pipeline."""

    pipeline: str
    parameters: tuple[ReviewLine, ...] = ()
    steps: tuple[ReviewLine, ...] = ()
    cache: tuple[Effect, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What the differences change in what a run costs."""
    heading: str = ""
    """What there is to say of a pipeline as a whole: that it is new, or cannot be compared."""

    @property
    def differs(self) -> bool:
        return bool(self.parameters or self.steps or self.heading)


def report(
    pipeline: str,
    comparison: DefinitionComparison,
    cache: Sequence[Effect],
    *,
    files_of: FilesOf = lambda uri: None,
    notes: Iterable[str] = (),
) -> PipelineReview:
    """The comparison in words."""
    lines = [_line(difference, files_of) for difference in comparison.differences]
    is_parameter = [each.kind.startswith("parameter") for each in comparison.differences]
    return PipelineReview(
        pipeline=pipeline,
        parameters=tuple(line for line, yes in zip(lines, is_parameter, strict=True) if yes),
        steps=tuple(line for line, yes in zip(lines, is_parameter, strict=True) if not yes),
        cache=tuple(cache),
        notes=tuple(notes),
    )


def new(
    pipeline: str, comparison: DefinitionComparison, *, notes: Iterable[str] = ()
) -> PipelineReview:
    """A pipeline that is not deployed yet. Nothing is cached of it, so nothing is lost."""
    count = len(comparison.after.steps)
    heading = f"new: {count} step{'' if count == 1 else 's'}"
    compared = report(pipeline, comparison, (), notes=notes)
    return replace(
        compared,
        heading=heading,
        parameters=_without_added(compared.parameters),
        steps=_without_added(compared.steps),
    )


def _without_added(entries: Sequence[ReviewLine]) -> tuple[ReviewLine, ...]:
    """The heading says that all of it is added."""
    return tuple(replace(entry, text=entry.text.removeprefix("added, ")) for entry in entries)


def text_of(report: PipelineReview) -> str:
    """Plain text; what is not there is not mentioned."""
    if not report.differs:
        return f"{report.pipeline}: the same\n"
    first, *others = report.heading.splitlines() or [""]
    lines = [f"{report.pipeline}: {first}" if first else report.pipeline, *others]
    for title, entries in (("parameters", report.parameters), ("steps", report.steps)):
        if entries:
            lines += [f"  {title}", *_aligned(entries)]
    if report.cache:
        lines.append("  cached results")
        width = max(len(effect.step) for effect in report.cache)
        lines += [f"      {e.step.ljust(width)}  {_effect(e)}" for e in report.cache]
    if report.notes:
        lines += ["  what a run costs", *(f"      {note}" for note in report.notes)]
    return "\n".join(map(single_line, lines)) + "\n"


def markdown_of(report: PipelineReview) -> str:
    """The same for a review comment."""
    if not report.differs:
        return f"**{prose(report.pipeline)}**: the same\n"
    lines = [f"### {prose(report.pipeline)}", ""]
    if "\n" in report.heading:
        lines += [*fenced(report.heading.splitlines(), "text"), ""]
    elif report.heading:
        lines += [prose(report.heading), ""]
    for entries in (report.parameters, report.steps):
        if entries:
            lines += [*fenced((f"{t.mark} {t.subject}: {t.text}" for t in entries), "diff"), ""]
    if report.cache:
        lines += ["| cached step | |", "|---|---|"]
        lines += [f"| {code(e.step)} | {prose(_effect(e))} |" for e in report.cache]
        lines.append("")
    if report.notes:
        lines += ["What a run costs:", "", *(f"- {prose(note)}" for note in report.notes)]
    return "\n".join(lines).rstrip() + "\n"


def json_of(report: PipelineReview, comparison: DefinitionComparison | None) -> dict[str, Any]:
    """For scripts: the facts, not the words. `comparison`: None where there is none."""
    return {
        "pipeline": report.pipeline,
        "differs": report.differs,
        "heading": report.heading or None,
        "differences": [
            {
                "kind": difference.kind,
                "subject": difference.subject,
                "path": difference.path or None,
                "before": difference.before,
                "after": difference.after,
            }
            for difference in (comparison.differences if comparison else ())
        ],
        "cache": [
            {"step": e.step, "keeps": e.keeps, "reasons": list(e.reasons)} for e in report.cache
        ],
        "notes": list(report.notes),
    }


def _aligned(entries: Sequence[ReviewLine]) -> Iterator[str]:
    width = max(len(entry.subject) for entry in entries)
    last = None
    for entry in entries:
        subject = entry.subject if entry.subject != last else ""
        mark = entry.mark if entry.subject != last or entry.mark != "~" else " "
        yield f"    {mark} {subject.ljust(width)}  {entry.text}"
        last = entry.subject


def _effect(effect: Effect) -> str:
    if effect.keeps:
        return "keeps its results"
    return f"runs again: {', '.join(effect.reasons)}"


def _line(difference: DefinitionDifference, files_of: FilesOf) -> ReviewLine:
    mark = {"added": "+", "removed": "-"}.get(difference.kind.rpartition("-")[2], "~")
    return ReviewLine(mark=mark, subject=difference.subject, text=_text(difference, files_of))


def _text(difference: DefinitionDifference, files_of: FilesOf) -> str:
    match difference.kind:
        case "parameter-added" | "step-added":
            return f"added, {difference.after}"
        case "parameter-removed" | "step-removed":
            return f"removed, {difference.before}"
        case "step-renamed":
            return f"was {difference.before}: another name, the same otherwise"
        case "step-moved":
            return f"moved from {_branch(difference.before)} to {_branch(difference.after)}"
        case "code":
            return f"code{_files(str(difference.before), str(difference.after), files_of)}"
    before, after = _sides(difference.before, difference.after)
    if difference.kind == "rewired":
        return f"{difference.path} takes {after} instead of {before}"
    if difference.before is None:
        return f"{difference.path} = {after}, not there before"
    if difference.after is None:
        return f"{difference.path} is gone (was {before})"
    return f"{difference.path}  {before} → {after}"


def _sides(before: Any, after: Any) -> tuple[str, str]:
    """Both values; of long ones the part in which they begin to differ."""
    texts = [
        "nothing" if value is None else shown(list(value) if isinstance(value, tuple) else value)
        for value in (before, after)
    ]
    if max(map(len, texts)) <= _LONGEST:
        return texts[0], texts[1]
    pairs = zip(*texts, strict=False)
    same = next((at for at, (first, second) in enumerate(pairs) if first != second), 0)
    start = max(0, same - _LONGEST // 3)
    cut = [
        ("…" if start else "")
        + text[start : start + _LONGEST]
        + ("…" if len(text) > start + _LONGEST else "")
        for text in texts
    ]
    return cut[0], cut[1]


def _branch(branch: Branch | None) -> str:
    if branch is None:
        return "the top level"
    return f"where {branch.gate} {'passes' if branch.outcome else 'does not pass'}"


def _files(before: str, after: str, files_of: FilesOf) -> str:
    """Names of the files that differ, where both bundles can be had."""
    old, new = files_of(before), files_of(after)
    if old is None or new is None:
        return " changed"
    names = [f"+{name}" for name in new if name not in old]
    names += [f"-{name}" for name in old if name not in new]
    names += [name for name in new if name in old and new[name] != old[name]]
    return f": {', '.join(sorted(names, key=lambda name: name.lstrip('+-')))}"
