"""Imported pipelines: bringing one into the repository."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from ratchet.imported import Carried
    from ratchet.imported.code import CodeSource


def bring_in(
    file: Path,
    *,
    root: Path,
    model: str,
    name: str | None,
    code: Iterable[CodeSource],
    buckets: Mapping[str, str],
    arns: Mapping[str, str],
    images: Mapping[str, str],
) -> Carried:
    """The definition in a file, carried over and not yet written.

    Raises:
        DeploymentError: no such file, not JSON, or a name that is taken.
        ImportRefusedError: the definition cannot be imported; with every problem.
    """
    from ratchet.imported import Maps, carry
    from ratchet.pipelines.registry import pipelines, same_to_cloudformation

    listed = pipelines(root, model)

    chosen = name or _name(file)
    for other in (name for name, entry in listed.items() if not entry.imported):
        if same_to_cloudformation(chosen, other):
            raise DeploymentError(
                f"{chosen!r} is the name of a pipeline of this project"
                f"{'' if chosen == other else f' but for hyphens and capitals: {other!r}'}; give "
                f"it another name: ratchet import {file} --name {chosen}-imported"
            )
    maps = Maps(buckets=buckets, arns=arns, images=images)
    return carry(_read(file), name=chosen, code=tuple(code), maps=maps)


def _name(file: Path) -> str:
    """`house-prices` for `house_prices.json`, and for `house-prices/definition.json`."""
    stem = file.absolute().parent.name if file.stem == "definition" else file.stem
    return stem.replace("_", "-")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeploymentError(
            f"{file} is not there; expected the JSON that the SDK's `pipeline.definition()` "
            "returned. Write it with: open('pipeline.json', 'w').write(pipeline.definition())"
        ) from None
    except (OSError, ValueError) as problem:
        raise DeploymentError(
            f"{file} is not JSON ({problem}); expected what `pipeline.definition()` returned"
        ) from problem
