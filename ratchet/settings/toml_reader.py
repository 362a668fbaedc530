"""Reads a TOML table into a frozen dataclass, and refuses everything that the dataclass does
not declare.

The dataclass is the schema: its fields are the keys, its annotations the types, and an annotation
may carry a rule: `Annotated[int, Between(0, 900)]`. A mistake in the file becomes one
`SettingsError` that names the file, the key, the value, what is expected and the nearest known key.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

T = TypeVar("T")
_UNIONS = (types.UnionType, typing.Union)
Rule = Callable[[Any], str | None]  # → what is expected, or None where the value is accepted


NOT_A_KEY: Mapping[str, Any] = types.MappingProxyType({"key": False})
"""The metadata of a field that no file says."""

SAID = "said"
"""A field of this name gets the names of the keys that its table holds."""


class SettingsError(ValueError):
    """A settings file holds something that this project does not understand."""


def between(low: float, high: float) -> Rule:
    return lambda value: None if low <= value <= high else f"a number from {low} to {high}"


def finite(value: float) -> str | None:
    """TOML has `inf` and `nan`."""
    return None if math.isfinite(value) else "a finite number"


def at_least(low: float) -> Rule:
    """A finite number from `low` on."""
    return lambda value: (
        None if math.isfinite(value) and value >= low else f"a finite number of at least {low:g}"
    )


def matching(pattern: str, description: str) -> Rule:
    """The whole value matches the regular expression; `description` says so in words."""
    compiled = re.compile(pattern)
    return lambda value: None if compiled.fullmatch(value) else description


def read(
    cls: type[T], table: Mapping[str, Any], *, where: Callable[[str], str], **preset: Any
) -> T:
    """Reads a table into the dataclass `cls`; `preset` are fields that are not in it.

    Args:
        where: dotted key → the file that says it, for messages.

    Raises:
        SettingsError: the table holds a key or value that `cls` refuses, or lacks one.
    """
    return _Table(where, preset, cls).dataclass(cls, table, "")


@dataclass(frozen=True, kw_only=True)
class SettingsKey:
    """A key that a file may hold."""

    name: str
    """Dotted, with `<name>` where a table has entries of any name: `steps.<name>.volume_gb`."""
    default: Any
    """`dataclasses.MISSING` where a file must say it."""

    @property
    def table(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]


ANY_NAME = "<name>"
"""Stands in a key for a name that the file chooses."""


def keys_of(cls: type[Any], *, path: str = "") -> list[SettingsKey]:
    """Every key of the dataclass and of the tables in it, in their order.

    `path`: what stands before each, with its dot.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    every: list[SettingsKey] = []
    for each in _fields(cls):
        name, below = path + each.name, _table_below(hints[each.name])
        if below is None:
            every.append(SettingsKey(name=name, default=_default(each)))
        elif dataclasses.is_dataclass(hints[each.name]):
            every += keys_of(below, path=f"{name}.")
        else:
            every += keys_of(below, path=f"{name}.{ANY_NAME}.")
    return every


def _table_below(hint: Any) -> type[Any] | None:
    """The dataclass of a table, or of the tables of any name in it."""
    if typing.get_origin(hint) is Annotated:
        hint = hint.__origin__
    if isinstance(typing.get_origin(hint), type) and issubclass(typing.get_origin(hint), Mapping):
        hint = typing.get_args(hint)[1]
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


def _fields(cls: type[Any]) -> list[dataclasses.Field[Any]]:
    return [
        each
        for each in dataclasses.fields(cls)
        if each.metadata.get("key", True) and each.name != SAID
    ]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@dataclass(frozen=True)
class _Table:
    where: Callable[[str], str]
    preset: Mapping[str, Any]
    root: type[Any]

    def dataclass(self, cls: type[T], table: Mapping[str, Any], path: str) -> T:
        hints = typing.get_type_hints(cls, include_extras=True)
        preset = self.preset if not path else {}
        fields = {f.name: f for f in _fields(cls)}
        keys = list(fields)
        for key, value in table.items():
            if key not in keys:
                raise self._unknown(path, key, value, keys)
        values = {name: self._value(hints[name], value, name) for name, value in preset.items()}
        for name in keys:
            if name in table:
                values[name] = self._value(hints[name], table[name], path + name)
            elif _required(fields[name]):
                raise SettingsError(
                    f"{self.where(path + name)}: {path + name} is missing; expected "
                    f"{_example(hints[name], path + name)}"
                )
        if SAID in hints:
            values[SAID] = frozenset(table)
        return cls(**values)

    def _value(self, hint: Any, value: Any, path: str) -> Any:
        origin = typing.get_origin(hint)
        if origin is Annotated:
            return self._ruled(hint, value, path)
        if origin in _UNIONS:
            hint = next((o for o in typing.get_args(hint) if _accepts(o, value)), hint)
            return self._plain(hint, value, path)
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self.dataclass(hint, self._table(value, path), f"{path}.")
        if origin is tuple:
            of = typing.get_args(hint)[0]
            if not isinstance(value, list):
                raise self._refused(path, value, _describe(hint))
            return tuple(self._value(of, item, f"{path}[{n}]") for n, item in enumerate(value))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            of = typing.get_args(hint)[1]
            items = self._table(value, path).items()
            return types.MappingProxyType({k: self._value(of, v, f"{path}.{k}") for k, v in items})
        return self._plain(hint, value, path)

    def _plain(self, hint: Any, value: Any, path: str) -> Any:
        if typing.get_origin(hint) is Annotated:
            return self._ruled(hint, value, path)
        if not _accepts(hint, value):
            raise self._refused(path, value, _describe(hint))
        return float(value) if hint is float else value

    def _ruled(self, hint: Any, value: Any, path: str) -> Any:
        plain, *rules = typing.get_args(hint)
        accepted = self._value(plain, value, path)
        for rule in rules:
            if expected := rule(accepted):
                raise self._refused(path, value, expected)
        return accepted

    def _table(self, value: Any, path: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._refused(path, value, f"a table, written [{path}]")
        return value

    def _refused(self, path: str, value: Any, expected: str) -> SettingsError:
        return SettingsError(f"{self.where(path)}: {path} = {toml(value)}; expected {expected}")

    def _unknown(self, path: str, key: str, value: Any, keys: list[str]) -> SettingsError:
        is_table = isinstance(value, dict)
        said = f"[{path}{key}]" if is_table else f"{path}{key} = {toml(value)}"
        elsewhere = [each.name for each in keys_of(self.root) if each.last == key]
        near = difflib.get_close_matches(key, keys, n=1, cutoff=0.8 if elsewhere else 0.5)
        if near:
            hint = f"did you mean {path}{near[0]}?"
        elif elsewhere:
            hint = f"did you mean {' or '.join(elsewhere)}?"
        else:
            hint = f"known keys: {', '.join(path + name for name in sorted(keys))}"
        return SettingsError(
            f"{self.where(path + key)}: {said}: there is no such "
            f"{'table' if is_table else 'key'}; {hint}"
        )


def _accepts(hint: Any, value: Any) -> bool:
    """Whether a TOML value has the annotated type. TOML's booleans are no numbers."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _accepts(hint.__origin__, value)
    if origin is Literal:
        return any(type(value) is type(option) and value == option for option in hint.__args__)
    if origin in _UNIONS:
        return any(_accepts(option, value) for option in hint.__args__)
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint


def _describe(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _describe(hint.__origin__)
    if origin is Literal:
        return " or ".join(toml(option) for option in hint.__args__)
    if origin in _UNIONS:
        options = [option for option in hint.__args__ if option is not type(None)]
        return " or ".join(_describe(option) for option in options)
    if origin is tuple:
        return f"a list, each {_describe(typing.get_args(hint)[0])}"
    names = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(hint, "a table")


def _example(hint: Any, path: str) -> str:
    """What to write for a key that is missing."""
    if not dataclasses.is_dataclass(hint):
        return f"{_describe(hint)}, for example: {path.rpartition('.')[2]} = …"
    hints = typing.get_type_hints(hint, include_extras=True)
    keys = [f.name for f in dataclasses.fields(hint) if _required(f)]
    return "\n".join(
        ["a table such as", f"[{path}]", *(f"{key} = {_describe(hints[key])}" for key in keys)]
    )


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def toml(value: Any) -> str:
    """The value as a file says it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping) and value:
        return f"{{ {', '.join(f'{key} = {toml(item)}' for key, item in value.items())} }}"
    return "{}" if isinstance(value, Mapping) else str(value)
