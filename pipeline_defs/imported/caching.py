"""Which steps may be cached, and how SageMaker wants the period written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline_defs.authoring.checks.caching import CACHE_KEYS
from pipeline_defs.authoring.checks.document import variables
from pipeline_defs.imported.uris import parts
from ratchet.loop import names

_ISO = re.compile(r"P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?")
_SHORT = re.compile(r"(?P<time>T?)(?P<number>\d+)(?P<unit>[dhmsDHMS])")
# What a run reads varies, but never under the same name: a manifest is named by its content.


def period(given: str) -> str | None:
    """`P30D` for "P30d", "30d", `PT30M` for "T30m" …; None: it is no period.

    The developer guide gives "30d" and "T16m", the SDK's documentation "P30d" and "PT1H".
    """
    upper = given.strip().upper()
    if _ISO.fullmatch(upper):
        return upper
    match = _SHORT.fullmatch(given.strip())
    if match is None:
        return None
    unit = match["unit"].upper()
    return f"P{match['number']}D" if unit == "D" else f"PT{match['number']}{unit}"


def is_cacheable(step_type: str) -> bool:
    return step_type in CACHE_KEYS


def doubts(step: dict[str, Any], parameters: dict[str, Any]) -> list[str]:
    """Why a hit could hand out old results: what the step reads by a name that outlives its
    content. Empty: every input is named by its content or by the run that wrote it."""
    found: list[str] = []
    arguments = step.get("Arguments") or {}
    for key in CACHE_KEYS.get(str(step.get("Type")), {}):
        if key not in arguments:
            continue
        found += [f"it reads {uri}, whose content may change" for uri in _uris(arguments[key])]
        for _, got in variables(arguments[key]):
            name = got.removeprefix("Parameters.")
            if got.startswith("Parameters.") and name != names.DATA_PARAMETER:
                default = str(parameters.get(name, {}).get("DefaultValue", "s3://"))
                if default.startswith(("s3://", "${ratchet:")):
                    found.append(f"it reads what parameter {name} names, whose content may change")
            elif got.startswith("Execution.") and got != "Execution.PipelineName":
                found.append(f"{got} differs in every run, so it would never be a hit")
    return list(dict.fromkeys(found))


def _uris(value: Any) -> Iterator[str]:
    found = parts(value)
    if found is not None:
        # Whatever a reference is part of is another text in another run, or has its own writer.
        if len(found) == 1 and isinstance(found[0], str) and _names_data(found[0]):
            yield found[0]
    elif isinstance(value, dict):
        for item in value.values():
            yield from _uris(item)
    elif isinstance(value, list):
        for item in value:
            yield from _uris(item)


def _names_data(text: str) -> bool:
    # Below runs/kept lie debugger's and checkpoints' folders: written, and never a result's source.
    kept = text.startswith("${ratchet:artifacts}/${ratchet:pipeline}/runs/kept/")
    return text.startswith(("s3://", "${ratchet:artifacts}", "${ratchet:data}")) and not kept
