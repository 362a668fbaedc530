"""The question before the first change of an environment on AWS, and which commands ask it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ratchet.cli import consent
from ratchet.cli.main import app
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import cdk
from ratchet.settings.schema import Settings
from tests.unit.cli.conftest import typing_at
from tests.unit.cli.fake_deployment import World, world_of

CHANGES = {
    "approve": ["1"],
    "clean": [],
    "costs setup": ["--activate"],
    "deploy": [],
    "land": ["README.md"],
    "monitor labels": ["labels.csv"],
    "monitor run": [],
    "reject": ["1"],
    "retry": ["latest"],
    "run": ["training"],
    "stop": ["latest"],
}
"""Commands that change an environment, with what they need on the line."""

ASK_EACH_TIME = {
    "candidates down": [],
    "candidates try": ["amazon.nova-lite-v1:0"],
}
"""What they do costs money, or cannot be undone, each time anew: no answer is remembered."""

READS = {
    "candidates list",
    "candidates show",
    "costs",
    "costs estimate",
    "costs reconcile",
    "diff",
    "graph",
    "lineage",
    "logs",
    "models",
    "monitor show",
    "notebook run",
    "permissions",
    "predict",
    "pull",
    "runs",
    "show",
    "status",
}

ON_THIS_MACHINE = {
    "check",
    "cloud down",
    "cloud env",
    "cloud logs",
    "cloud reset",
    "cloud status",
    "cloud up",
    "import",
    "init",
    "notebook status",
    "promote",
    "remove",
    "settings",
    "upgrade",
}
"""Commands that go to no environment."""


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", {})
    if name and (not below or command.invoke_without_command):
        yield name, command
    for each in below.values():
        yield from commands(each, f"{name} {each.name}".strip())


COMMANDS = dict(commands(typer.main.get_command(app)))


class Aliases:
    """IAM, which knows the account's name or tells nobody."""

    def __init__(self, *names: str, denied: bool = False) -> None:
        self._names, self._denied = names, denied

    def list_account_aliases(self) -> dict[str, Any]:
        if self._denied:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListAccountAliases")
        return {"AccountAliases": list(self._names)}


@pytest.fixture
def aws(settings: Settings) -> World:
    """dev on AWS; nothing of it answers but the name of the account."""
    world = world_of(settings, folder=None)
    target = replace(
        world.target,
        account="111122223333",
        caller="arn:aws:iam::111122223333:user/ada",
        _clients={"iam": Aliases("prices-prod")},
    )
    return replace(world, target=target)


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(consent, "sys", SimpleNamespace(stdin=Terminal()))


def test_every_command_changes_an_environment_or_does_not() -> None:
    classes = [set(CHANGES), set(ASK_EACH_TIME), READS, ON_THIS_MACHINE]
    assert set().union(*classes) == set(COMMANDS)
    assert sum(map(len, classes)) == len(COMMANDS)


@pytest.mark.parametrize("name", CHANGES)
def test_a_command_that_changes_asks_before_its_first_call(
    name: str, aws: World, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise AssertionError("nobody has agreed")

    monkeypatch.setattr(cdk, "run", nothing)
    result = typing_at(aws, monkeypatch)(*name.split(), *CHANGES[name])
    assert result.exit_code == 1, result.output
    words = " ".join(result.stderr.split())
    assert "This would be the first change of dev in AWS account 111122223333" in words
    assert "account 111122223333 (prices-prod) region us-east-1 you are arn:aws:iam::" in words
    assert "add --yes" in words
    assert not memory.exists()
    option = next(param for param in COMMANDS[name].params if param.name == "yes")
    assert option.opts == ["--yes", "-y"]


@pytest.mark.parametrize("name", ASK_EACH_TIME)
def test_a_command_that_asks_each_time_is_answered_on_its_line_alone(name: str) -> None:
    option = next(param for param in COMMANDS[name].params if param.name == "yes")
    assert option.opts == ["--yes", "-y"]
    assert not option.envvar


@pytest.mark.parametrize("name", sorted(READS))
def test_a_command_that_reads_has_nothing_to_agree_to(name: str) -> None:
    assert "yes" not in [param.name for param in COMMANDS[name].params]


def test_what_was_agreed_to_once_is_not_asked_again(aws: World, memory: Path) -> None:
    consent.ensure(aws.target, "deploy", yes=True)
    assert json.loads(memory.read_text()) == ["flights/dev/111122223333"]
    consent.ensure(aws.target, "deploy", yes=False)
    for other in (
        replace(aws.target, account="444455556666"),
        replace(aws.target, settings=replace(aws.target.settings, environment="prod")),
        replace(aws.target, settings=replace(aws.target.settings, project="prices")),
    ):
        with pytest.raises(DeploymentError, match="Nobody is here to agree"):
            consent.ensure(other, "deploy", yes=False)


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("\n", False), ("n\n", False)])
def test_a_person_answers_and_no_is_the_default(
    aws: World, memory: Path, answer: str, agreed: bool
) -> None:
    asking = typer.Typer()
    asking.command()(lambda: consent.ensure(aws.target, "deploy the stacks", yes=False))
    result = CliRunner().invoke(asking, [], input=answer)
    assert "it will  deploy the stacks" in result.stderr
    assert "Go on? [y/N]" in result.stderr
    assert result.exit_code == (0 if agreed else 1)
    assert memory.exists() == agreed
    assert ("Nothing was changed" in result.stderr) != agreed


def test_the_local_cloud_and_other_servers_of_this_machine_are_not_asked_about(
    world: World, aws: World, memory: Path
) -> None:
    consent.ensure(world.target, "deploy", yes=False)
    consent.ensure(replace(aws.target, endpoint="http://localhost:5000"), "deploy", yes=False)
    with pytest.raises(DeploymentError):
        consent.ensure(replace(aws.target, endpoint="https://proxy.example"), "deploy", yes=False)
    assert not memory.exists()


@pytest.mark.parametrize("content", ["", "[", "{}", "[1]"])
def test_a_memory_that_cannot_be_read_only_means_a_question(
    aws: World, memory: Path, content: str
) -> None:
    memory.write_text(content)
    with pytest.raises(DeploymentError):
        consent.ensure(aws.target, "deploy", yes=False)
    consent.ensure(aws.target, "deploy", yes=True)
    assert json.loads(memory.read_text()) == ["flights/dev/111122223333"]


def test_an_account_without_a_name_that_may_be_read_is_shown_by_its_number(aws: World) -> None:
    target = replace(aws.target, _clients={"iam": Aliases(denied=True)})
    with pytest.raises(DeploymentError, match=r"account  111122223333\n"):
        consent.ensure(target, "deploy", yes=False)
