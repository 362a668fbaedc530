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

    root: Path
    """The project's folder, which messages leave out of the names of files."""
    files: list[Path] = field(default_factory=list)
    """Those that are there, the lowest first."""
    table: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)
    """Dotted key → the file whose value counts."""

    def origin(self, key: str) -> str:
        """The file that says `key`, or else its table; or the highest file. Relative to the
        project, as one types it."""
        while key and key not in self.origins:
            key = key.rpartition(".")[0]
        return self.shown(self.origins.get(key, self.files[-1]))

    def shown(self, file: Path) -> str:
        """The file as one types it in the project's folder."""
        return str(file.relative_to(self.root) if file.is_relative_to(self.root) else file)

    def lay(self, file: Path) -> None:
        """Lays a file over the others.

        Raises:
            SettingsError: it is not TOML, or cannot be read.
        """
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.shown(file)}: this is not valid TOML: {error}") from None
        except OSError as error:
            raise SettingsError(f"{self.shown(file)}: {error.strerror or error}") from None
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


def layered(files: Iterable[Path], *, root: Path) -> Layers:
    """Those of the files that are there, the lowest first.

    Args:
        root: the project's folder.

    Raises:
        SettingsError: one of them is not TOML, or cannot be read.
    """
    layers = Layers(root)
    for file in files:
        if file.is_file():
            layers.lay(file)
    return layers
