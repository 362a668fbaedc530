"""What a pipeline's role needs, as its definition says it: authored or imported, the same table.

`steps.py` has a row for each type of step, `arguments.py` for each argument that names a key, a
role, an image, a network or a model, `storage.py` for S3. What a definition leaves open is
`Missing`: a person adds the statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from config.arns import Arns
from pipeline_defs.authoring.checks.document import placed_steps
from pipeline_defs.permissions import arguments, steps, storage
from pipeline_defs.permissions.permission import Missing, Permission, merged
from pipeline_defs.permissions.step import Step
from pipeline_defs.permissions.values import Values, members

__all__ = ["Missing", "Permission", "container", "needs", "registered_images"]


def needs(
    definition: Mapping[str, Any], *, arns: Arns, granted_buckets: Collection[str] = ()
) -> tuple[list[Permission], list[Missing]]:
    """The permissions of a pipeline's role, and what the definition does not tell of them.

    Args:
        definition: as SageMaker takes it; ARNs and buckets may be tokens of the CDK.
        arns: where the pipeline runs.
        granted_buckets: names of buckets whose owners grant what of them may be read and written.
    """
    values = Values(definition)
    placed = [Step(step=p.own, values=values, arns=arns) for p in placed_steps(definition)]
    every = [*steps.jobs(placed), *_by_type(placed), *_by_argument(placed)]
    every += storage.permissions(definition, arns=arns, granted=granted_buckets)
    missing = [need for need in every if isinstance(need, Missing)]
    return merged(need for need in every if isinstance(need, Permission)), missing


def container(arns: Arns, *, images: Iterable[str], log_groups: Iterable[str]) -> list[Permission]:
    """What SageMaker needs of a role to run a container with it: its image, logs and metrics."""
    pulled = [need for need in arguments.pulls(*images) if isinstance(need, Permission)]
    return merged([*steps.container(arns, *log_groups), *pulled])


def registered_images(definition: Mapping[str, Any]) -> list[str]:
    """The images of the versions that a pipeline registers: whoever serves them pulls these."""
    values = Values(definition)
    uris = [
        uri
        for placed in placed_steps(definition)
        if placed.type == "RegisterModel"
        for _, member, value in members(placed.own)
        if member == "Image"
        for uri in values.patterns(value)
    ]
    return sorted(set(uris))


def _by_type(placed: list[Step]) -> list[Permission | Missing]:
    return [
        need
        for step in placed
        if (row := steps.ROWS.get(step.step["Type"], steps.Row(others=steps.undocumented))).others
        for need in row.others(step)
    ]


def _by_argument(placed: list[Step]) -> list[Permission | Missing]:
    return [
        need
        for step in placed
        for path, member, value in members(step.step)
        if member in arguments.NEEDS
        for need in arguments.NEEDS[member](
            arguments.Argument(
                step=step.step, path=path, value=value, values=step.values, arns=step.arns
            )
        )
    ]
