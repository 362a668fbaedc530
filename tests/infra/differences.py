"""How an environment's template differs from prod's, as lines to read in review."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

COMPARED_WITH = "prod"

_NAMES = ("Id", "Sid", "Key", "Name")
"""What entries of a template's lists are told apart by."""


def differences(environment: str, template: Any, prod: Any) -> str:
    """One line a place: `~` where both have a value, `-` only prod, `+` only the environment.

    Takes readable templates. The environment's name counts as the name prod, so that only what is
    decided for the environment is left. An entry that is added to a list stands before prod's entry
    of that number. Raises ``ValueError`` for a template that names prod itself.
    """
    return "".join(f"{line}\n" for line in _between("", prod, _as_prod(environment, template)))


def _as_prod(environment: str, template: Any) -> Any:
    text = _dumped(template)
    if _word(COMPARED_WITH).search(text):
        raise ValueError(f"a template of {environment} names {COMPARED_WITH}")
    return json.loads(_word(environment).sub(COMPARED_WITH, text))


def _word(name: str) -> re.Pattern[str]:
    """A name by itself, or in the id of an export, which the CDK writes without the hyphens."""
    return re.compile(rf"(?<![A-Za-z0-9]){name}(?![A-Za-z0-9])|(?<=Exportflights){name}")


def _between(path: str, prod: Any, here: Any) -> Iterator[str]:
    if _dumped(prod) == _dumped(here):
        return
    if isinstance(prod, dict) and isinstance(here, dict):
        yield from _between_objects(path, prod, here)
    elif isinstance(prod, list) and isinstance(here, list):
        yield from _between_lists(path, prod, here)
    else:
        yield f"~ {path}: {_dumped(prod)} → {_dumped(here)}"


def _between_objects(path: str, prod: dict[str, Any], here: dict[str, Any]) -> Iterator[str]:
    for key in sorted({*prod, *here}):
        inner = f"{path}.{key}" if path else key
        if key not in here:
            yield f"- {inner}"
        elif key not in prod:
            yield f"+ {inner}: {_dumped(here[key])}"
        else:
            yield from _between(inner, prod[key], here[key])


def _between_lists(path: str, prod: list[Any], here: list[Any]) -> Iterator[str]:
    before, after = [_label(item) for item in prod], [_label(item) for item in here]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        both = min(end - start, last - first)
        for offset in range(both):
            yield from _between(
                f"{path}[{start + offset}]", prod[start + offset], here[first + offset]
            )
        yield from (f"- {path}[{position}]" for position in range(start + both, end))
        yield from (f"+ {path}[{end}]: {_dumped(item)}" for item in here[first + both : last])


def _label(item: Any) -> str:
    """What makes two entries of lists the same entry: their name, else all that they hold."""
    names = (item[name] for name in _NAMES if name in item) if isinstance(item, dict) else ()
    return _dumped(next(iter(names), item))


def _dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
