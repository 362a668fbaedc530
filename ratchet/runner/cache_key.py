"""The key of a cached step, and the words for how two keys differ.

What is compared is a column of the table of step types. SageMaker compares URIs only; here what the
URIs point to counts too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.definition.row import ALL, Selection, StepType
from ratchet.runner.manifests import read_manifest
from ratchet.runner.storage import Storage

_SHOWN_DIFFERENCES = 3
_SHOWN_CHARACTERS = 60
EMPTY = "empty"


@dataclass(frozen=True, kw_only=True)
class CacheKeySource:
    """Data or code that a step reads: a key prefix, or a manifest that lists objects."""

    uri: str
    manifest: bool = False


@dataclass(frozen=True, kw_only=True)
class CacheKey:
    """`attributes` by a name that a person reads, and `sources` likewise (an input, the code)."""

    attributes: Mapping[str, Any]
    sources: Mapping[str, CacheKeySource]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """A key with its contents: `digest` names it, `parts` are flat name → text, for comparison."""

    digest: str
    parts: Mapping[str, str]


def compared(arguments: Mapping[str, Any], row: StepType) -> dict[str, Any]:
    """What of resolved arguments SageMaker compares in steps of a type that it caches."""
    beside = dict.fromkeys(row.cache_key_beside, ALL)
    selected: dict[str, Any] = _selected(arguments, {**(row.cache_key or {}), **beside})
    return selected


def _selected(value: Any, selection: Selection) -> Any:
    if not selection or not isinstance(value, Mapping):
        return value
    names = (name for name in selection if name in value)
    return {name: _selected(value[name], selection[name]) for name in names}


def fingerprint(key: CacheKey, storage: Storage) -> Fingerprint:
    """Add to a key the digests of what its URIs point to. Reads listings, not contents."""
    parts: dict[str, str] = {}
    for name, value in key.attributes.items():
        _flatten(name, value, parts)
    for name, source in key.sources.items():
        parts[f"{name}\turi"] = source.uri
        parts[f"{name}\tcontent"] = content_digest(storage, source)
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return Fingerprint(digest=hashlib.sha256(text.encode()).hexdigest(), parts=parts)


def content_digest(storage: Storage, source: CacheKeySource) -> str:
    """One digest over the names and contents of all objects of a source."""
    if source.manifest:
        return _manifest_digest(storage, source.uri)
    listed = storage.list(source.uri)
    return _digest_of({item.uri[len(source.uri) :]: item.digest for item in listed})


def _manifest_digest(storage: Storage, uri: str) -> str:
    try:
        entries = read_manifest(storage, uri)
    except (FileNotFoundError, ValueError):
        return EMPTY  # the step itself will say what is wrong
    relatives = {entry.uri: entry.relative for entry in entries}
    if not relatives:
        return EMPTY
    # One listing instead of one request per object. Keys in a window share a long prefix.
    prefix = _common_prefix(list(relatives))
    listed = {item.uri: item.digest for item in storage.list(prefix)}
    return _digest_of({relative: listed.get(uri, "missing") for uri, relative in relatives.items()})


def _common_prefix(uris: list[str]) -> str:
    """What all URIs begin with, down to the character: an S3 prefix need not end at a slash."""
    first, last = min(uris), max(uris)
    same = next(
        (i for i, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None
    )
    return first if same is None else first[:same]


def _digest_of(contents: Mapping[str, str]) -> str:
    if not contents:
        return EMPTY
    lines = json.dumps(sorted(contents.items()), ensure_ascii=False)
    return hashlib.sha256(lines.encode()).hexdigest()


def _flatten(name: str, value: Any, parts: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _flatten(f"{name}.{key}", item, parts)
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for index, item in enumerate(value):
            _flatten(f"{name}[{index}]", item, parts)
    elif value is not None:
        parts[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def describe_differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """How one fingerprint's parts came to differ from an earlier one's, in a few words."""
    changes: list[str] = []
    for name in [*now, *(name for name in before if name not in now)]:
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        subject, _, aspect = name.partition("\t")
        if aspect == "uri":
            # New content under a new URI is one change, not two.
            content = f"{subject}\tcontent"
            if before.get(content) == now.get(content):
                changes.append(f"{subject} is at another URI, same content ({old} → {new})")
        elif aspect == "content":
            changes.append(_content_change(subject, old, new))
        else:
            changes.append(_value_change(subject, old, new))
    shown = ", ".join(changes[:_SHOWN_DIFFERENCES])
    hidden = len(changes) - _SHOWN_DIFFERENCES
    return f"{shown} and {hidden} more" if hidden > 0 else shown


def _content_change(subject: str, old: str | None, new: str | None) -> str:
    if old is None or new is None:
        return f"{subject} {'added' if old is None else 'removed'}"
    return f"{subject} changed ({_short_digest(old)} → {_short_digest(new)})"


def _value_change(subject: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{subject} added ({_short(new)})"
    if new is None:
        return f"{subject} removed (was {_short(old)})"
    return f"{subject} {_short(old)} → {_short(new)}"


def _short_digest(digest: str) -> str:
    return digest if digest == EMPTY else f"{digest[:8]}…"


def _short(value: str | None) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
