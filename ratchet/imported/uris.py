"""S3 URIs in a definition, spelled out or joined: what they begin with, and what is below them.

A `Std:Join` and the text it makes are one thing here: a sequence of texts and references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from ratchet.definition.expressions import GET, JOIN, JSON_GET, function_of

Part = str | Mapping[str, Any]
Parts = tuple[Part, ...]

SDK_BUCKET = re.compile(r"sagemaker-[a-z]{2}(-[a-z]+)+-\d-\d{12}")
"""The bucket that the SDK makes for itself: `sagemaker-<region>-<account>`."""

_TIMES = re.compile(
    r"[-_]?(\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}(-\d{3})?|\d{14})(?!\d)"  # the SDK's two forms
)


def parts(value: Any) -> Parts | None:
    """The texts and references of a text, neighbouring texts as one; None: it is no text."""
    if isinstance(value, str):
        return (value,)
    function = function_of(value)
    if function in (GET, JSON_GET):
        return (value,)
    join = value[JOIN] if function == JOIN else None
    if not isinstance(join, Mapping):
        return None
    collected: list[Part] = []
    for index, item in enumerate(join.get("Values", ())):
        inside = parts(item if isinstance(item, str | Mapping) else str(item))
        if inside is None:
            return None
        collected += [str(join.get("On", ""))] if index else []
        collected += inside
    return _merged(collected)


def text(of: Sequence[Part]) -> Any:
    """The value again: a text where there is no reference, else a reference or a join."""
    merged = _merged(of)
    if len(merged) == 1:
        return merged[0]
    return {JOIN: {"On": "", "Values": list(merged)}}


def shown(of: Sequence[Part]) -> str:
    """For people: references in angle brackets."""
    return "".join(p if isinstance(p, str) else f"<{_reference(p)}>" for p in of)


def is_s3(of: Parts | None) -> TypeGuard[Parts]:
    return of is not None and isinstance(of[0], str) and of[0].startswith("s3://")


def bucket(of: Parts) -> str:
    first = of[0]
    assert isinstance(first, str)
    return first.removeprefix("s3://").partition("/")[0]


def below(of: Parts, folder: Parts) -> Parts | None:
    """What comes after `folder` in a URI, with its slash; () for the folder; None: not in it."""
    if of == folder:
        return ()
    count = len(folder)
    if of[: count - 1] != folder[:-1] or len(of) < count:
        return None
    last, here = folder[-1], of[count - 1]
    if not isinstance(last, str):
        after = of[count:]
        inside = here == last and bool(after) and isinstance(after[0], str) and after[0][0] == "/"
        return after if inside else None
    if not isinstance(here, str):
        return None
    stem = last.rstrip("/")
    if here == stem and len(of) == count:
        return ()
    if not here.startswith(f"{stem}/"):
        return None
    return _merged([here.removeprefix(stem), *of[count:]])


def stable(path: str) -> str:
    """A path without the times that the SDK writes into it."""
    return "/".join(filter(None, (_TIMES.sub("", name) for name in path.split("/"))))


def _merged(of: Sequence[Part]) -> Parts:
    merged: list[Part] = []
    for part in of:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged) or ("",)


def _reference(part: Mapping[str, Any]) -> str:
    return str(part.get("Get", "a value of a property file"))
