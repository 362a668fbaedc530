"""How a pipeline definition differs from an earlier one, as a list of facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ratchet.definition import references
from ratchet.definition.expressions import GET, calls, function_of
from ratchet.definition.references import STEPS
from ratchet.definition.step import Branch
from ratchet.loop import notebook_jobs
from ratchet.review.flat import flat
from ratchet.runner import validate
from ratchet.runner.definition import Definition, RunnableStep
from ratchet.runner.parameters import RunParameter

Kind = Literal[
    "parameter-added",
    "parameter-removed",
    "parameter-changed",
    "step-added",
    "step-removed",
    "step-renamed",
    "step-moved",
    "rewired",
    "code",
    "argument",
]
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_CODE = (
    "ProcessingInputs[code]",
    "HyperParameters.sagemaker_submit_directory",
    f"InputDataConfig[{notebook_jobs.CHANNEL}].DataSource",
)


@dataclass(frozen=True, kw_only=True)
class DefinitionDifference:
    """One difference. `subject` is a step or a parameter; `path` is below the step.

    `before` and `after` are leaves of the two definitions (None: it was, or is, not there).
    """

    kind: Kind
    subject: str
    path: str = ""
    before: Any = None
    after: Any = None


@dataclass(frozen=True, kw_only=True)
class DefinitionComparison:
    """Two definitions and all differences, parameters first, then step by step."""

    before: Definition
    after: Definition
    differences: tuple[DefinitionDifference, ...]
    renamed: Mapping[str, str]
    """New name → old name."""

    def of(self, step: str) -> list[DefinitionDifference]:
        return [difference for difference in self.differences if difference.subject == step]


def compare(
    before: Mapping[str, Any] | str, after: Mapping[str, Any] | str
) -> DefinitionComparison:
    """Compares two definitions. Raises `ratchet.runner.DefinitionError` for one with mistakes."""
    old, new = validate(before, stand_ins=None), validate(after, stand_ins=None)
    renamed = _renamed(old.steps, new.steps)
    return DefinitionComparison(
        before=old,
        after=new,
        differences=(*_parameters(old, new), *_steps(old.steps, new.steps, renamed)),
        renamed=renamed,
    )


def additions(definition: Mapping[str, Any] | str) -> DefinitionComparison:
    """Compares a definition with none: all of it is new. Raises as `compare` does."""
    after = validate(definition, stand_ins=None)
    before = replace(after, parameters=(), steps={})
    differences = (*_parameters(before, after), *_steps({}, after.steps, {}))
    return DefinitionComparison(before=before, after=after, differences=differences, renamed={})


def is_code(path: str) -> bool:
    """Whether a path below a step names the code that it runs."""
    return any(part in path for part in _CODE)


def _parameters(old: Definition, new: Definition) -> Iterator[DefinitionDifference]:
    before = {parameter.name: parameter for parameter in old.parameters}
    after = {parameter.name: parameter for parameter in new.parameters}
    for name in [*before, *(name for name in after if name not in before)]:
        was, now = before.get(name), after.get(name)
        if was is None:
            yield DefinitionDifference(
                kind="parameter-added", subject=name, after=_described(after[name])
            )
        elif now is None:
            yield DefinitionDifference(
                kind="parameter-removed", subject=name, before=_described(was)
            )
        else:
            for key in ("type", "default", "allowed"):
                earlier, later = getattr(was, key), getattr(now, key)
                if earlier != later:
                    yield DefinitionDifference(
                        kind="parameter-changed",
                        subject=name,
                        path=key,
                        before=earlier,
                        after=later,
                    )


def _described(parameter: RunParameter) -> str:
    default = "" if parameter.default is None else f", default {parameter.default!r}"
    return f"{parameter.type}{default}"


def _renamed(old: Mapping[str, RunnableStep], new: Mapping[str, RunnableStep]) -> dict[str, str]:
    """New name → old name of steps that are the same but for their names, told apart by nothing
    else that they are or that others take of them."""
    gone = [step for name, step in old.items() if name not in new]
    come = [step for name, step in new.items() if name not in old]
    renamed: dict[str, str] = {}
    for step in come:
        like = [
            other
            for other in gone
            if other.name not in renamed.values() and _same_but_for_name(other, step)
        ]
        if len(like) == 1:
            renamed[step.name] = like[0].name
    return renamed


def _same_but_for_name(old: RunnableStep, new: RunnableStep) -> bool:
    mine, other = _without_name(new), _without_name(old)
    mark = "\0"
    return bool(
        old.type == new.type
        and _with_name(mine, new.name, mark) == _with_name(other, old.name, mark)
    )


def _with_name(value: Any, name: str, mark: str) -> Any:
    """A step's JSON in which its own name, in tags and output URIs, is `mark`."""
    if isinstance(value, Mapping):
        return {key: _with_name(item, name, mark) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_name(item, name, mark) for item in value]
    if isinstance(value, str):
        return re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", mark, value)
    return value


def _without_name(step: RunnableStep) -> Mapping[str, Any]:
    return {key: value for key, value in step.body.items() if key != "Name"}


def _steps(
    old: Mapping[str, RunnableStep], new: Mapping[str, RunnableStep], renamed: Mapping[str, str]
) -> Iterator[DefinitionDifference]:
    for name, step in old.items():
        if name not in new and name not in renamed.values():
            yield DefinitionDifference(kind="step-removed", subject=name, before=step.type)
    for name, step in new.items():
        before = old.get(renamed.get(name, name))
        if before is None:
            yield DefinitionDifference(kind="step-added", subject=name, after=step.type)
            continue
        if name in renamed:
            yield DefinitionDifference(
                kind="step-renamed", subject=name, before=before.name, after=name
            )
        if _place(before, renamed) != _place(step, {}):
            yield DefinitionDifference(
                kind="step-moved", subject=name, before=before.branch, after=step.branch
            )
        if name not in renamed:
            yield from _arguments(before, step, renamed)


def _place(step: RunnableStep, renamed: Mapping[str, str]) -> Branch | None:
    if step.branch is None:
        return None
    names = {old: new for new, old in renamed.items()}
    gate = step.branch.gate
    return step.branch._replace(gate=names.get(gate, gate))


def _arguments(
    old: RunnableStep, new: RunnableStep, renamed: Mapping[str, str]
) -> Iterator[DefinitionDifference]:
    before = {path: _follow(leaf, renamed) for path, leaf in flat(_without_name(old)).items()}
    after = flat(_without_name(new))
    for path in _in_order(list(before), list(after)):
        was, now = before.get(path), after.get(path)
        if path in before and path in after and was == now:
            continue
        yield DefinitionDifference(
            kind=_kind(path, was, now),
            subject=new.name,
            path=path.removeprefix("Arguments."),
            before=was,
            after=now,
        )


def _follow(leaf: Any, renamed: Mapping[str, str]) -> Any:
    """A leaf of the earlier definition as it would be with the later names."""
    if function_of(leaf) is None:
        return leaf
    for new, old in renamed.items():
        leaf = _replaced(leaf, old, new)
    return leaf


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in value]
    reference = references.parse(value) if isinstance(value, str) else None
    if reference and (reference.root, reference.name) == (STEPS, old):
        return f"{STEPS}.{new}{value.removeprefix(f'{STEPS}.{old}')}"
    return value


def _kind(path: str, before: Any, after: Any) -> Kind:
    if is_code(path) and _DIGEST.search(str(before)) and _DIGEST.search(str(after)):
        return "code"
    return "rewired" if _refers(before) or _refers(after) else "argument"


def _refers(leaf: Any) -> bool:
    gets = (str(call.operand) for call in calls(leaf) if call.function == GET)
    return any(references.parse(text).root == STEPS for text in gets)


def _in_order(before: Sequence[str], after: Sequence[str]) -> list[str]:
    return [*after, *(path for path in before if path not in set(after))]
