"""What a pipeline's role needs, as its definition says it: authored or imported, the same table.

The table of step types says what a step's type needs, `steps.py` what its arguments add to that;
`arguments.py` has a row for each argument that names a key, a role, an image, a network or a model,
and `storage.py` says what S3 needs. What a definition leaves open is `Missing`: a person adds the
statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ratchet.definition.document import Document, read
from ratchet.definition.resources import MODEL_PACKAGE
from ratchet.permissions import arguments, steps, storage
from ratchet.permissions.permission import Missing, Needs, Permission, merged
from ratchet.permissions.values import Values, members
from ratchet.settings.arns import RegionArns

__all__ = ["Missing", "Permission", "container", "needs", "registered_images"]


def needs(
    definition: Mapping[str, Any], *, arns: RegionArns, granted_buckets: Collection[str] = ()
) -> tuple[list[Permission], list[Missing]]:
    """The permissions of a pipeline's role, and what the definition does not tell of them.

    Args:
        definition: as SageMaker takes it; ARNs and buckets may be tokens of the CDK.
        arns: where the pipeline runs.
        granted_buckets: names of buckets whose owners grant what of them may be read and written.
    """
    document = read(definition)
    every = list(_needs(document, arns, granted_buckets))
    missing = [need for need in every if isinstance(need, Missing)]
    return merged(need for need in every if isinstance(need, Permission)), missing


def container(
    arns: RegionArns, *, images: Iterable[str], log_groups: Iterable[str]
) -> list[Permission]:
    """What SageMaker needs of a role to run a container with it: its image, logs and metrics."""
    pulls = [need for need in arguments.pulls(*images) if isinstance(need, Permission)]
    return merged([*steps.container(arns, *log_groups), *pulls])


def registered_images(definition: Mapping[str, Any]) -> list[str]:
    """The images of the versions that a pipeline registers: whoever serves them pulls these."""
    document = read(definition)
    values = Values(document)
    uris = [
        uri
        for step in document.steps
        if step.row.makes is MODEL_PACKAGE
        for leaf in members(step)
        if leaf.name == "Image"
        for uri in values.patterns(leaf.value)
    ]
    return sorted(set(uris))


def _needs(document: Document, arns: RegionArns, granted_buckets: Collection[str]) -> Needs:
    values = Values(document)
    yield from steps.jobs(document.steps, arns)
    for step in document.steps:
        yield from steps.by_type(step, values, arns)
    for step in document.steps:
        for leaf in members(step):
            argument = leaf.name.partition("[")[0]
            if argument in arguments.NEEDS:
                yield from arguments.NEEDS[argument](
                    arguments.Argument(
                        step=step, path=leaf.place, value=leaf.value, values=values, arns=arns
                    )
                )
    yield from storage.permissions(document, values, arns=arns, granted=granted_buckets)
