"""The values of a model's settings in an environment, each with the file that says it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ratchet.settings import loading
from ratchet.settings.layers import Layers, layered
from ratchet.settings.schema import Settings
from ratchet.settings.toml_reader import ANY_NAME, SettingsError, keys_of, toml

_STEPS = "steps"


@dataclass(frozen=True, kw_only=True)
class SettingValue:
    """One key."""

    key: str
    """Dotted, its table first."""
    value: Any
    file: str | None
    """Where it is said; None: nowhere, and it is the default."""
    beneath: tuple[tuple[str, Any], ...] = ()
    """Files that say it too and do not count, with their values, the highest first."""

    @property
    def table(self) -> str:
        return self.key.rpartition(".")[0]

    @property
    def line(self) -> str:
        """As a file says it below the heading of its table."""
        name = self.key.rpartition(".")[2]
        return f"# {name} is not set" if self.value is None else f"{name} = {toml(self.value)}"


def listed(
    config: Path,
    *,
    environment: str,
    model: str,
    key: str = "",
    defaults: bool = False,
    steps: Callable[[], Iterable[str]] = tuple,
) -> list[SettingValue]:
    """The values, table by table in the order of the schema. They may hold mistakes.

    Args:
        config: the folder of the files.
        key: only this one, or those of this table, with defaults.
        defaults: also what no file says.
        steps: the names of steps that a table may be for, asked only for such a `key`.

    Raises:
        SettingsError: a file cannot be read, or there is no such key.
    """
    said = loading.layers(config, environment=environment, model=model)
    below = [
        layered([file], root=config.parent)
        for file in reversed(loading.files(config, environment=environment, model=model))
        if file.is_file()
    ]
    takers = set(steps()) if key.startswith(f"{_STEPS}.") else set()
    wanted = _steps_of(said) | ({key.split(".")[1]} & takers if takers else set())
    every = {name: _said(name, value, below) for name, value in _leaves(said.table)}
    for name, default in _defaults(wanted):
        if not any(_is_in(each, name) for each in every):
            every[name] = SettingValue(key=name, value=default, file=None)
    order = {name: place for place, name in enumerate(_tables(every, wanted))}
    shown = [each for each in every.values() if _is_in(each.key, key)] if key else [*every.values()]
    if key and not shown:
        raise SettingsError(f"there is no key or table {key!r}; {_nearest(key, every, takers)}")
    if not (defaults or key):
        shown = [each for each in shown if each.file is not None]
    return sorted(shown, key=lambda each: order[each.table])


def _said(name: str, value: Any, below: Iterable[Layers]) -> SettingValue:
    sayers = [
        (layers.shown(layers.files[0]), found)
        for layers in below
        if (found := _at(layers.table, name)) is not None
    ]
    (file, _), *others = sayers
    return SettingValue(key=name, value=value, file=file, beneath=tuple(others))


def _at(table: Mapping[str, Any], name: str) -> Any:
    value: Any = table
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield path + name, value


def _defaults(steps: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Every key of the schema that has a default, for these steps."""
    for each in keys_of(Settings):
        if each.default is dataclasses.MISSING:
            continue
        value = _plain(each.default)
        if ANY_NAME in each.name:
            yield from ((each.name.replace(ANY_NAME, step), value) for step in sorted(steps))
        elif not isinstance(value, Mapping) or value or each.table:
            yield each.name, value


def _plain(default: Any) -> Any:
    """A default as TOML and JSON have it."""
    if isinstance(default, Mapping):
        return dict(default)
    return list(default) if isinstance(default, tuple) else default


def _tables(every: Iterable[str], steps: Iterable[str]) -> list[str]:
    """Every table in the order of the schema, those that it does not have at the end."""
    schema: dict[str, None] = {"": None}
    for each in keys_of(Settings):
        if ANY_NAME not in each.name:
            schema[each.table] = None
            continue
        for step in sorted(steps):
            schema[each.table.replace(ANY_NAME, step)] = None
    names = (name.rpartition(".")[0] for name in every)
    return list(schema | dict.fromkeys(names))


def _steps_of(said: Layers) -> set[str]:
    tables = said.table.get(_STEPS)
    return set(tables) if isinstance(tables, Mapping) else set()


def _is_in(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")


def _nearest(key: str, every: Iterable[str], steps: Iterable[str]) -> str:
    tables = {name.rpartition(".")[0] for name in every} - {""}
    tables |= {f"{_STEPS}.{name}" for name in steps}
    known = [*every, *sorted(tables)]
    same = [name for name in known if name.rpartition(".")[2] == key]
    near = same or get_close_matches(key, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"tables: {', '.join(sorted(tables))}"
