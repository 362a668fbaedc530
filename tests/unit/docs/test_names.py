"""What the documentation names is there: settings, environment variables, files and modules."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from ratchet.settings.schema import Settings
from ratchet.settings.toml_reader import ANY_NAME, keys_of
from tests.unit.docs.pages import CODE, PROJECT, Page, is_dated, pages

_PAGES = pages()
_TODAY = [page for page in _PAGES if not is_dated(page)]
_ROOTS = "|".join((*CODE, "config", "docs", r"\.github"))
_FILE = re.compile(rf"(?:{_ROOTS})/[\w./-]*")
_MODULES = "|".join(("ratchet", "pipeline_defs", "demo", "stacks", "ratchet_cdk"))
_MODULE = re.compile(rf"(?:{_MODULES})(?:\.[a-z_]\w*)+")
_RUN = re.compile(rf"python3? -m ((?:{_MODULES})(?:\.[a-z_]\w*)*)")
_SUFFIXES = frozenset({"json", "py", "tar.gz", "toml"})
_OF_ANY_KEYS = frozenset({"environment", "hyperparameters", "limits"})
"""Tables whose keys a team chooses."""
_NO_KEYS = frozenset({"environment", "model_name"})
"""The names of files and folders, which no file says."""
_IMPORT_ROOTS = ("", "constructs/", "lambdas/")


@cache
def _setting_names() -> frozenset[str]:
    """Each key with its table, such as `gate.max_regression`, and each table. A step may have any
    name: its keys are those of `steps.*`."""
    keys = [key.name.replace(ANY_NAME, "*") for key in keys_of(Settings)]
    parts = [key.split(".") for key in keys]
    return frozenset(".".join(each[:end]) for each in parts for end in range(1, len(each) + 1))


def _any_step(name: str) -> str:
    return re.sub(r"^steps\.\w+", "steps.*", name)


def _settings_of(text: str) -> Iterator[str]:
    """`[gate] max_regression`, `[steps.train]`, `gate.max_regression`."""
    sections = {name.split(".")[0] for name in _setting_names() if "." in name}
    for section, key in re.findall(r"\[([a-z_.]+)\](?: ([a-z_]+)\b)?", text):
        if section.split(".")[0] in sections and section.split(".")[-1] not in _OF_ANY_KEYS:
            yield f"{section}.{key}" if key else section
    match = re.match(r"([a-z_]+)\.([a-z_.]+)(?= =|$)", text)
    if match and match[1] in sections and match[2] not in _SUFFIXES:
        yield match[0]


def _settings_in_toml(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        yield prefix + key
        if isinstance(value, dict) and key not in _OF_ANY_KEYS:
            yield from _settings_in_toml(value, f"{prefix}{key}.")


@pytest.mark.parametrize("page", _TODAY, ids=[page.name for page in _TODAY])
def test_every_setting_of_a_page_is_a_key_of_the_settings(page: Page) -> None:
    named = {name for text in page.inline for name in _settings_of(text)}
    for block in re.findall(r"```toml\n(.*?)```", page.text, re.DOTALL):
        named.update(_settings_in_toml(tomllib.loads(block)))
    assert not sorted({_any_step(name) for name in named} - _setting_names())


def test_every_setting_is_named_on_some_page() -> None:
    text = "\n".join(page.text for page in _TODAY)
    keys = {name.rpartition(".")[2] for name in _setting_names()} - {"*"}
    assert not sorted(key for key in keys if not re.search(rf"\b{key}\b", text))


@cache
def _source() -> str:
    files = [file for folder in CODE for file in (PROJECT / folder).rglob("*.py")]
    return "\n".join(file.read_text() for file in [*files, PROJECT / "Makefile"])


@pytest.mark.parametrize("page", _TODAY, ids=[page.name for page in _TODAY])
def test_every_environment_variable_of_a_page_is_read_somewhere(page: Page) -> None:
    named = set(re.findall(r"\bRATCHET_[A-Z_]+[A-Z]", page.text))
    assert not sorted(name for name in named if name not in _source())


@pytest.mark.parametrize("page", _PAGES, ids=[page.name for page in _PAGES])
def test_every_path_in_backticks_exists(page: Page) -> None:
    paths = {match[0] for text in page.inline if (match := _FILE.fullmatch(text))}
    assert not sorted(path for path in paths if not (PROJECT / path).exists())


@pytest.mark.parametrize("page", _PAGES, ids=[page.name for page in _PAGES])
def test_every_module_in_backticks_exists(page: Page) -> None:
    modules = {match[0] for text in page.inline if (match := _MODULE.match(text))}
    run = {module for text in page.commands for module in _RUN.findall(text)}
    assert not sorted(name for name in modules | run if not _is_module(name))


def _is_module(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module's text defines."""
    parent, _, last = name.rpartition(".")
    for root in _IMPORT_ROOTS:
        place = PROJECT / root
        if (place / name.replace(".", "/")).is_dir():
            return True
        if (place / f"{name.replace('.', '/')}.py").is_file():
            return True
        file = place / f"{parent.replace('.', '/')}.py"
        if file.is_file() and re.search(rf"\b(?:def|class) {last}\b", file.read_text()):
            return True
        stub = place / parent.replace(".", "/") / "__init__.pyi"
        if stub.is_file() and re.search(rf"\bas {last}\b", stub.read_text()):
            return True
    return False
