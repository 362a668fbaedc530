"""A command in the documentation exists, with the options and the words it is given."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import pairwise
from typing import Any, get_args

import pytest
import typer

from ratchet.cli import main
from tests.unit.docs.pages import PROJECT, Page, is_dated, pages

_PAGES = [page for page in pages() if not is_dated(page)]
_ROOT = typer.main.get_command(main.app)
_CALL = re.compile(r"(?:^|[ (;&|]|\$\()ratchet (?![a-z_]+\.)([^;&()]*)")


def _problems(call: str) -> Iterator[str]:
    """What is wrong with `ratchet <call>`. Brackets and dots of a synopsis are looked through."""
    words = _words(call)
    command = _ROOT
    while words and not words[0].startswith("-") and (below := _below(command)):
        name = words[0]
        if name.isupper():  # such as COMMAND
            return
        if name not in below:
            yield f"{command.name} has no command {name!r}"
            return
        command, words = below[name], words[1:]
    yield from _wrong_options(command, words)


def _below(command: Any) -> Mapping[str, Any]:
    """The commands of a group. (Typer brings a click of its own, so there is no class to name.)"""
    return getattr(command, "commands", {})


def _words(call: str) -> list[str]:
    plain = re.sub(r"[\[\]…]", " ", call.replace("|$", "|"))
    try:
        words = shlex.split(plain)
    except ValueError:  # cut in the middle of a quotation
        words = plain.split()
    return words[: words.index("--")] if "--" in words else words


def _wrong_options(command: Any, words: list[str]) -> Iterator[str]:
    options = {"--help": None, "-h": None} | {
        name: parameter
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    for word, following in pairwise([*words, ""]):
        name = word.partition("=")[0]
        if not re.fullmatch(r"--?[a-z][a-z-]*", name):
            continue
        if name not in options:
            yield f"{command.name} has no option {name}"
            continue
        choices = _choices(options[name])
        if choices and not following.isupper():
            for choice in sorted(set(following.split("|")) - set(choices)):
                yield f"{name} of {command.name} does not take {choice!r}"


def _choices(parameter: Any) -> list[str]:
    annotation = parameter and parameter.type_descriptor.annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            return [str(member.value) for member in kind]
    return []


@pytest.mark.parametrize("page", _PAGES, ids=[page.name for page in _PAGES])
def test_every_ratchet_command_of_a_page_exists_with_its_options(page: Page) -> None:
    calls = [match[1] for text in page.commands for match in _CALL.finditer(text)]
    problems = {call.strip(): found for call in calls if (found := list(_problems(call)))}
    assert not problems


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("runs --lmit 3", "runs has no option --lmit"),
        ("cloud fetch", "cloud has no command 'fetch'"),
        ("graph --format png", "--format of graph does not take 'png'"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(call: str, problem: str) -> None:
    assert list(_problems(call)) == [problem]


def test_the_command_line_page_names_every_command() -> None:
    named = set(_tokens(Page(PROJECT / "docs" / "guides" / "command-line.md")))
    assert not [name for name in _commands(_ROOT) if name not in named]


def test_some_page_names_every_option() -> None:
    named = {token for page in _PAGES for token in _tokens(page)}
    assert not [str(names) for names in _options(_ROOT) if not named & set(names)]


def _commands(command: Any) -> Iterator[str]:
    for name, below in _below(command).items():
        yield name
        yield from _commands(below)


def _options(command: Any) -> Iterator[tuple[str, ...]]:
    """The names of each option: long and short."""
    for below in _below(command).values():
        yield from (p.opts for p in below.params if p.param_type_name == "option")
        yield from _options(below)


def _tokens(page: Page) -> Iterator[str]:
    for text in page.commands:
        yield from re.split(r"[\s\[\]|…]+", text)


@pytest.mark.parametrize("page", _PAGES, ids=[page.name for page in _PAGES])
def test_every_make_target_of_a_page_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {
        match[1]
        for text in page.commands
        for match in re.finditer(r"(?:^|&& )make ([a-z-]+)", text)
    }
    assert named <= targets


def _suggested() -> Iterator[tuple[str, str]]:
    """(file, command) of what the code tells a person to type: `….command("runs training")`."""
    for folder in ("ratchet", "lambdas"):
        for file in sorted((PROJECT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (text := _suggestion(node)):
                    yield file.name, text


def _suggestion(node: ast.Call) -> str:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return _literal(node.args[0]) if name == "command" and node.args else ""


def _literal(node: ast.expr) -> str:
    """The text of a literal, with NAME for what an f-string fills in; "" for anything else."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value if isinstance(part, ast.Constant) else "NAME" for part in parts]
    return "" if texts[0] == "NAME" else "".join(map(str, texts))


def test_every_command_that_a_message_suggests_exists_with_its_options() -> None:
    suggested = list(_suggested())
    assert len(suggested) > 60
    assert not {call: found for call in suggested if (found := list(_problems(call[1])))}
