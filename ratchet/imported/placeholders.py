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

from ratchet.definition.expressions import leaves
from ratchet.definition.rewriting import rewritten

_OPEN = re.compile(r"\$\{ratchet:(?P<name>[a-z-]+)(?::(?P<detail>[^}]*))?\}")


def written(name: str, detail: str = "") -> str:
    return f"${{ratchet:{name}:{detail}}}" if detail else f"${{ratchet:{name}}}"


def filled(definition: Mapping[str, Any], fill: Callable[[str, str], str]) -> Mapping[str, Any]:
    """The definition with every placeholder replaced by `fill(name, detail)`."""
    changes = {
        leaf.keys: _OPEN.sub(lambda match: fill(match["name"], match["detail"] or ""), leaf.value)
        for leaf in leaves(definition, into_calls=True)
        if isinstance(leaf.value, str) and _OPEN.search(leaf.value)
    }
    after: Mapping[str, Any] = rewritten(definition, changes)
    return after


def details(value: Any, *names: str) -> set[str]:
    """What the placeholders of these names in a value say behind their name."""
    return {
        match["detail"] or ""
        for text in _texts(value)
        for match in _OPEN.finditer(text)
        if match["name"] in names
    }


def texts_after(value: Any, name: str) -> Iterator[str]:
    """What follows a placeholder at the beginning of texts, without the slash between: for
    `${ratchet:data}/raw/x` it is `raw/x`."""
    beginning = written(name)
    for text in _texts(value):
        if text.startswith(beginning) and written("pipeline") not in text:
            yield text.removeprefix(beginning).removeprefix("/")


def _texts(value: Any) -> Iterator[str]:
    for leaf in leaves(value, into_calls=True):
        if isinstance(leaf.value, str):
            yield leaf.value
