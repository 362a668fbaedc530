"""Settings in layers: a file lays its keys over those of the files before it, table by table, and
each key knows the file that says it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ratchet.settings.toml_reader import SettingsError


@dataclass(frozen=True)
class Layers:
    """The keys of several files as one table."""

    files: list[Path] = field(default_factory=list)
    """Those that are there, the lowest first."""
    table: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)
    """Dotted key → the file whose value counts."""

    def origin(self, key: str) -> Path:
        """The file that says `key`, or else its table; or the highest file."""
        while key and key not in self.origins:
            key = key.rpartition(".")[0]
        return self.origins.get(key, self.files[-1])

    def lay(self, file: Path) -> None:
        """Lays a file over the others.

        Raises:
            SettingsError: it is not TOML, or cannot be read.
        """
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}: this is not valid TOML: {error}") from None
        except OSError as error:
            raise SettingsError(f"{file}: {error.strerror or error}") from None
        self.files.append(file)
        self._lay(table, over=self.table, path="", file=file)

    def _lay(
        self, table: Mapping[str, Any], *, over: dict[str, Any], path: str, file: Path
    ) -> None:
        for key, value in table.items():
            self.origins[path + key] = file
            if isinstance(value, dict):
                below = over.get(key)
                merged = below if isinstance(below, dict) else {}
                over[key] = merged
                self._lay(value, over=merged, path=f"{path}{key}.", file=file)
            else:
                over[key] = value


def layered(files: Iterable[Path]) -> Layers:
    """Those of the files that are there, the lowest first.

    Raises:
        SettingsError: one of them is not TOML, or cannot be read.
    """
    layers = Layers()
    for file in files:
        if file.is_file():
            layers.lay(file)
    return layers
