"""`${ratchet:…}`: what an imported definition leaves open until it is deployed somewhere.

${ratchet:role}        the ARN of the pipeline's role
${ratchet:artifacts}   s3://<bucket> that runs write to
${ratchet:data}        s3://<bucket> that data lands in
${ratchet:pipeline}    the pipeline's name in this environment
${ratchet:prefix}      what the names of this environment begin with
${ratchet:account}, ${ratchet:region}
${ratchet:code:F}      s3://<bucket>/<digest>, the files of the folder code/F
${ratchet:archive:F}   the URI of a tar.gz of the folder code/F
${ratchet:image:R:T}   the URI of AWS's image R:T in this region
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_OPEN = re.compile(r"\$\{ratchet:(?P<name>[a-z-]+)(?::(?P<detail>[^}]*))?\}")


def written(name: str, detail: str = "") -> str:
    return f"${{ratchet:{name}:{detail}}}" if detail else f"${{ratchet:{name}}}"


def filled(value: Any, fill: Callable[[str, str], str]) -> Any:
    """The value with every placeholder replaced by `fill(name, detail)`."""
    if isinstance(value, str):
        return _OPEN.sub(lambda match: fill(match["name"], match["detail"] or ""), value)
    if isinstance(value, Mapping):
        return {key: filled(item, fill) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, fill) for item in value]
    return value


def named(value: Any, *names: str) -> Iterator[tuple[str, str]]:
    """(name, detail) of the placeholders in a value that have one of the names."""
    if isinstance(value, str):
        for match in _OPEN.finditer(value):
            if match["name"] in names:
                yield match["name"], match["detail"] or ""
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from named(item, *names)
    elif isinstance(value, list):
        for item in value:
            yield from named(item, *names)


def texts_after(value: Any, name: str) -> Iterator[str]:
    """What follows a placeholder at the beginning of texts, without the slash between: for
    `${ratchet:data}/raw/x` it is `raw/x`."""
    beginning = written(name)
    if isinstance(value, str):
        if value.startswith(beginning) and written("pipeline") not in value:
            yield value.removeprefix(beginning).removeprefix("/")
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_after(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from texts_after(item, name)
