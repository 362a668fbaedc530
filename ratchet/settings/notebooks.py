"""When a step of a notebook is stable enough for a pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ratchet.settings.toml_reader import between


@dataclass(frozen=True, kw_only=True)
class NotebookSettings:
    """What `ratchet notebook status` goes by."""

    promote_after_days: Annotated[int, between(1, 3650)] = 30
    """A marked step whose code has been the same for so many days is due for promotion."""
