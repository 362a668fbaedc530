"""The differences of two definitions in words: for a terminal, for a review comment, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ratchet.review.cache_effects import Effect
from ratchet.review.differences import Comparison, Difference
from ratchet.review.flat import shown
from ratchet.review.markdown import code, fenced, one_line, prose

_LONGEST = 72

FilesOf = Callable[[str], Mapping[str, str] | None]
"""URI of a code bundle → its files, name → digest; None when it cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """One line: `mark` is +, -, ~; `subject` a step or a parameter."""

    mark: str
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a reviewer reads of one pipeline."""

    pipeline: str
    parameters: tuple[Told, ...] = ()
    steps: tuple[Told, ...] = ()
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
    comparison: Comparison,
    cache: Sequence[Effect],
    *,
    files_of: FilesOf = lambda uri: None,
    notes: Iterable[str] = (),
) -> Report:
    """The comparison in words."""
    told = [(one, _told(one, files_of)) for one in comparison.differences]
    is_parameter = [one.kind.startswith("parameter") for one, _ in told]
    return Report(
        pipeline=pipeline,
        parameters=tuple(t for (_, t), yes in zip(told, is_parameter, strict=True) if yes),
        steps=tuple(t for (_, t), yes in zip(told, is_parameter, strict=True) if not yes),
        cache=tuple(cache),
        notes=tuple(notes),
    )


def new(pipeline: str, comparison: Comparison, *, notes: Iterable[str] = ()) -> Report:
    """A pipeline that is not deployed yet. Nothing is cached of it, so nothing is lost."""
    count = len(comparison.after.steps)
    heading = f"new: {count} step{'' if count == 1 else 's'}"
    return replace(report(pipeline, comparison, (), notes=notes), heading=heading)


def text_of(found: Report) -> str:
    """Plain text; what is not there is not mentioned."""
    if not found.differs:
        return f"{found.pipeline}: the same\n"
    first, *others = found.heading.splitlines() or [""]
    lines = [f"{found.pipeline}: {first}" if first else found.pipeline, *others]
    for title, told in (("parameters", found.parameters), ("steps", found.steps)):
        if told:
            lines += [f"  {title}", *_aligned(told)]
    if found.cache:
        lines.append("  cached results")
        width = max(len(effect.step) for effect in found.cache)
        lines += [f"      {e.step.ljust(width)}  {_effect(e)}" for e in found.cache]
    if found.notes:
        lines += ["  what a run costs", *(f"      {note}" for note in found.notes)]
    return "\n".join(map(one_line, lines)) + "\n"


def markdown_of(found: Report) -> str:
    """The same for a review comment."""
    if not found.differs:
        return f"**{prose(found.pipeline)}**: the same\n"
    lines = [f"### {prose(found.pipeline)}", ""]
    if "\n" in found.heading:
        lines += [*fenced(found.heading.splitlines(), "text"), ""]
    elif found.heading:
        lines += [prose(found.heading), ""]
    for told in (found.parameters, found.steps):
        if told:
            lines += [*fenced((f"{t.mark} {t.subject}: {t.text}" for t in told), "diff"), ""]
    if found.cache:
        lines += ["| cached step | |", "|---|---|"]
        lines += [f"| {code(e.step)} | {prose(_effect(e))} |" for e in found.cache]
        lines.append("")
    if found.notes:
        lines += ["What a run costs:", "", *(f"- {prose(note)}" for note in found.notes)]
    return "\n".join(lines).rstrip() + "\n"


def json_of(found: Report, comparison: Comparison | None) -> dict[str, Any]:
    """For scripts: the facts, not the words. `comparison`: None where there is none."""
    return {
        "pipeline": found.pipeline,
        "differs": found.differs,
        "heading": found.heading or None,
        "differences": [
            {
                "kind": one.kind,
                "subject": one.subject,
                "path": one.path or None,
                "before": one.before,
                "after": one.after,
            }
            for one in (comparison.differences if comparison else ())
        ],
        "cache": [
            {"step": e.step, "keeps": e.keeps, "reasons": list(e.reasons)} for e in found.cache
        ],
        "notes": list(found.notes),
    }


def _aligned(told: Sequence[Told]) -> Iterator[str]:
    width = max(len(one.subject) for one in told)
    last = None
    for one in told:
        subject = one.subject if one.subject != last else ""
        mark = one.mark if one.subject != last or one.mark != "~" else " "
        yield f"    {mark} {subject.ljust(width)}  {one.text}"
        last = one.subject


def _effect(effect: Effect) -> str:
    if effect.keeps:
        return "keeps its results"
    return f"runs again: {', '.join(effect.reasons)}"


def _told(one: Difference, files_of: FilesOf) -> Told:
    mark = {"added": "+", "removed": "-"}.get(one.kind.rpartition("-")[2], "~")
    return Told(mark=mark, subject=one.subject, text=_text(one, files_of))


def _text(one: Difference, files_of: FilesOf) -> str:
    match one.kind:
        case "parameter-added" | "step-added":
            return f"added, {one.after}"
        case "parameter-removed" | "step-removed":
            return f"removed, {one.before}"
        case "step-renamed":
            return f"was {one.before}: another name, the same otherwise"
        case "step-moved":
            return f"moved from {_branch(one.before)} to {_branch(one.after)}"
        case "code":
            return f"code{_files(str(one.before), str(one.after), files_of)}"
    before, after = _sides(one.before, one.after)
    if one.kind == "rewired":
        return f"{one.path} takes {after} instead of {before}"
    if one.before is None:
        return f"{one.path} = {after}, not there before"
    if one.after is None:
        return f"{one.path} is gone (was {before})"
    return f"{one.path}  {before} → {after}"


def _sides(before: Any, after: Any) -> tuple[str, str]:
    """Both values; of long ones the part in which they begin to differ."""
    texts = [
        "nothing" if value is None else shown(list(value) if isinstance(value, tuple) else value)
        for value in (before, after)
    ]
    if max(map(len, texts)) <= _LONGEST:
        return texts[0], texts[1]
    pairs = zip(*texts, strict=False)
    same = next((at for at, (one, other) in enumerate(pairs) if one != other), 0)
    start = max(0, same - _LONGEST // 3)
    cut = [
        ("…" if start else "")
        + text[start : start + _LONGEST]
        + ("…" if len(text) > start + _LONGEST else "")
        for text in texts
    ]
    return cut[0], cut[1]


def _branch(branch: tuple[str, bool] | None) -> str:
    if branch is None:
        return "the top level"
    return f"where {branch[0]} {'passes' if branch[1] else 'does not pass'}"


def _files(before: str, after: str, files_of: FilesOf) -> str:
    """Names of the files that differ, where both bundles can be had."""
    old, new = files_of(before), files_of(after)
    if old is None or new is None:
        return " changed"
    names = [f"+{name}" for name in new if name not in old]
    names += [f"-{name}" for name in old if name not in new]
    names += [name for name in new if name in old and new[name] != old[name]]
    return f": {', '.join(sorted(names, key=lambda name: name.lstrip('+-')))}"
