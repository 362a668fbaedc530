"""A definition while it is carried over: its document, and the changes that are still to be made.

Every change of a value is noted with its reason. Changes are made together by `apply`; until then
`leaves` shows what each place will hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.definition.document import DefinedParameter, DefinedStep, Document, read
from ratchet.definition.expressions import Keys, Leaf
from ratchet.definition.rewriting import REMOVED, rewritten
from ratchet.imported.notes import Notes


class Edits:
    def __init__(self, body: Mapping[str, Any], notes: Notes) -> None:
        self.document: Document = read(body)
        self.notes = notes
        self._changes: dict[Keys, Any] = {}

    def apply(self) -> None:
        """Makes the changes. Steps of the document before are not steps of it any more."""
        self.document = read(rewritten(self.document.body, self._changes))
        self._changes = {}

    def leaves(self, step: DefinedStep) -> Iterator[Leaf]:
        """Every leaf of a step as it will be, without those that go."""
        for leaf in step.leaves:
            value = self._changes.get((*step.keys, *leaf.keys), leaf.value)
            if value is not REMOVED:
                yield leaf._replace(value=value)

    def put(self, step: DefinedStep, leaf: Leaf, after: Any, why: str) -> None:
        self._changes[(*step.keys, *leaf.keys)] = after
        self.notes.change(step.name, leaf.argument, leaf.value, after, why)

    def remove(
        self,
        step: DefinedStep,
        leaf: Leaf,
        why: str,
        *,
        shown: str = "",
        instead: str | None = None,
    ) -> None:
        """Takes a member away. `shown`: its value in words; `instead`: what stands for it."""
        self._changes[(*step.keys, *leaf.keys)] = REMOVED
        self.notes.change(step.name, leaf.argument, shown or leaf.value, instead, why)

    def put_cache(self, step: DefinedStep, config: Mapping[str, Any] | None) -> None:
        """Another CacheConfig, or none; whoever changes it notes what changed."""
        self._changes[(*step.keys, "CacheConfig")] = REMOVED if config is None else config

    def put_default(self, parameter: DefinedParameter, argument: str, after: Any, why: str) -> None:
        self._changes[(*parameter.keys, "DefaultValue")] = after
        self.notes.change("", argument, parameter.default, after, why)
