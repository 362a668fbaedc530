"""The guide of the settings lists every key with the default that it has, and every key is read."""

from __future__ import annotations

import ast
import dataclasses
import re
from functools import cache
from typing import Any

import pytest

from ratchet.settings.schema import Settings
from ratchet.settings.toml_reader import SettingsKey, keys_of, toml
from tests.unit.docs.pages import PROJECT

GUIDE = (PROJECT / "docs/guides/settings.md").read_text(encoding="utf-8")
KEYS = keys_of(Settings)


@cache
def documented() -> dict[tuple[str, str], str]:
    """Table and key → default, as the guide has them."""
    rows = {}
    for heading, body in re.findall(r"^##+ ([^\n]*)\n(.*?)(?=^##+ |\Z)", GUIDE, re.M | re.S):
        table = {"Above all tables": "", "Steps": "steps.<name>"}.get(heading, heading.strip("`[]"))
        for key, default in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", body, re.M):
            rows[table, key] = default.strip("` ")
    return rows


def default_of(key: SettingsKey) -> str:
    if key.default is dataclasses.MISSING:
        return "required"
    return "not set" if key.default is None else toml(key.default)


def test_the_guide_lists_the_keys_that_there_are() -> None:
    assert set(documented()) == {(key.table, key.last) for key in KEYS}


@pytest.mark.parametrize("key", KEYS, ids=[key.name for key in KEYS])
def test_the_guide_says_the_default_of_each_key(key: SettingsKey) -> None:
    assert documented()[key.table, key.last] == default_of(key)


@cache
def read_attributes() -> frozenset[str]:
    """The attributes that the installed packages read of anything."""
    files = [
        file
        for package in ("ratchet", "constructs/ratchet_cdk")
        for file in (PROJECT / package).rglob("*.py")
        if "template" not in file.parts
    ]
    return frozenset(
        node.attr
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    )


def test_every_key_is_read_somewhere() -> None:
    # A key that nothing reads changes nothing, and a team would not hear of it.
    by_contract: set[Any] = {"hyperparameters"}  # a project's own pipeline reads it
    assert {key.last for key in KEYS} - by_contract <= read_attributes()
