"""Modules whose import takes a second: every worker collects every file, and few run its tests."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    """A module that is imported when something of it is first asked for."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "pytestmark":  # pytest asks all that it finds
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)
