"""What of a step SageMaker compares when it looks for an earlier result.

https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html. What that page calls a
check's CheckJobConfig is compared by the parts that the request of its job has in common with any
processing job's; of its instances and its time limit the page is not clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.definition.document import DefinedStep
from ratchet.definition.expressions import Chain, Leaf, function_of
from ratchet.definition.row import Selection


def compared(step: DefinedStep) -> Iterator[Leaf]:
    """The parts of a step that its cache key is made of, each whole; of no cached type, none."""
    row = step.row
    if row.cache_key is None:
        return
    yield from _selected(step.arguments, row.cache_key, ((), "Arguments"))
    for key in row.cache_key_beside:
        if step.body.get(key) is not None:
            yield Leaf(((), key), step.body[key])


def _selected(value: Any, selection: Selection, chain: Chain) -> Iterator[Leaf]:
    if not selection or not isinstance(value, Mapping) or function_of(value):
        yield Leaf(chain, value)
        return
    for name, parts in selection.items():
        if name in value:
            yield from _selected(value[name], parts, (chain, name))
