"""What an import did to a definition, and what it left for a person: in words for a review."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ratchet.authoring.errors import DefinitionError, Problem


@dataclass(frozen=True, kw_only=True)
class ArgumentChange:
    """One argument that was rewritten. `step` "" means the pipeline itself."""

    step: str
    argument: str
    before: Any
    """None: it was not there."""
    after: Any
    """None: it is gone."""
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something that stays as it is and needs a person: a network, a secret, another account."""

    step: str
    argument: str
    value: Any
    """None where it must not be shown, as a secret."""
    what: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class ImportRefusedError(DefinitionError):
    """A definition that cannot be taken in as it is; nothing was written."""

    def __init__(self, pipeline: str, problems: Iterable[Problem]) -> None:
        super().__init__(pipeline, problems)
