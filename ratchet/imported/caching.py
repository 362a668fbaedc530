"""Which steps may be cached, and how SageMaker wants the period written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.definition.cache_keys import compared
from ratchet.definition.document import DefinedStep, Document
from ratchet.definition.expressions import GET, Leaf, calls, leaves
from ratchet.imported.edits import Edits
from ratchet.imported.uris import parts
from ratchet.loop import names

_ISO = re.compile(r"P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")
_SHORT = re.compile(r"(?P<time>T?)(?P<number>\d+)(?P<unit>[dhmsDHMS])")
_PERIOD = "P30D"


def carry_cache(step: DefinedStep, edits: Edits) -> None:
    """Keeps, adds or removes a step's cache."""
    notes, config = edits.notes, step.body.get("CacheConfig")
    after = _with_period(step, config, edits) if config else config
    if not step.row.is_cached:
        if config:
            edits.put_cache(step, None)
            why = f"a {step.type} step is never cached"
            notes.change(step.name, "CacheConfig", after, None, why)
        return
    reasons = doubts(step, edits.document)
    if config is None and not reasons:
        added = {"Enabled": True, "ExpireAfter": _PERIOD}
        edits.put_cache(step, added)
        why = "everything it reads is named by its content or by the run that wrote it"
        notes.change(step.name, "CacheConfig", None, added, why)
    elif config is None:
        what = f"no cache was added: {'; '.join(reasons)}"
        notes.remark(step.name, "CacheConfig", None, what)
    elif config.get("Enabled") and reasons:
        what = f"its own cache setting stays, but {'; '.join(reasons)}"
        notes.remark(step.name, "CacheConfig", (after or {}).get("ExpireAfter"), what)


def _with_period(step: DefinedStep, config: Mapping[str, Any], edits: Edits) -> Mapping[str, Any]:
    """The setting, with its period as SageMaker wants it."""
    notes, argument, before = edits.notes, "CacheConfig.ExpireAfter", config.get("ExpireAfter")
    if before is None and not config.get("Enabled"):
        return config
    after = _PERIOD if before is None else period(str(before))
    if after is None:
        fix = 'write it as "P30D" or "PT12H"'
        notes.problem(step.name, argument, before, "it is no period", fix)
        return config
    if after == before:
        return config
    why = "as ISO 8601 has it"
    if before is None:
        why = "a cache that never expires outlives what its URIs name"
    notes.change(step.name, argument, before, after, why)
    config = {**config, "ExpireAfter": after}
    edits.put_cache(step, config)
    return config


def period(text: str) -> str | None:
    """`P30D` for "P30d", "30d", `PT30M` for "T30m" …; None: it is no period.

    The developer guide gives "30d" and "T16m", the SDK's documentation "P30d" and "PT1H".
    """
    upper = text.strip().upper()
    if _ISO.fullmatch(upper):
        return upper
    match = _SHORT.fullmatch(text.strip())
    if match is None:
        return None
    unit = match["unit"].upper()
    return f"P{match['number']}D" if unit == "D" else f"PT{match['number']}{unit}"


def doubts(step: DefinedStep, document: Document) -> list[str]:
    """Why a hit could hand out old results: what the step reads by a name that outlives its
    content. Empty: every input is named by its content or by the run that wrote it."""
    reasons = [reason for part in compared(step) for reason in _doubts(part, document)]
    return list(dict.fromkeys(reasons))


def _doubts(part: Leaf, document: Document) -> Iterator[str]:
    for leaf in leaves(part.value):
        texts = parts(leaf.value)
        # Whatever a reference is part of is another text in another run, or has its own writer.
        if texts and len(texts) == 1 and isinstance(texts[0], str) and _names_data(texts[0]):
            yield f"it reads {texts[0]}, whose content may change"
    for call in calls(part.value):
        root, _, name = str(call.operand).partition(".")
        if call.function != GET:
            continue
        # What a run reads varies, but by a new name each time: content names a manifest.
        if root == "Parameters" and name != names.DATA_PARAMETER:
            parameter = document.parameters_by_name.get(name)
            default = "s3://" if parameter is None else _default(parameter.default)
            if default.startswith(("s3://", "${ratchet:")):
                yield f"it reads what parameter {name} names, whose content may change"
        elif root == "Execution" and name != "PipelineName":
            yield f"{call.operand} differs in every run, so it would never be a hit"


def _default(value: Any) -> str:
    return "s3://" if value is None else str(value)


def _names_data(text: str) -> bool:
    # Below runs/kept lie debugger's and checkpoints' folders: written, and never a result's source.
    lasting = text.startswith("${ratchet:artifacts}/${ratchet:pipeline}/runs/kept/")
    return text.startswith(("s3://", "${ratchet:artifacts}", "${ratchet:data}")) and not lasting
