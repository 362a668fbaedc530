"""`ratchet deploy`: its own options, and those that it hands to the CDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ratchet.deployment.target import cdk, stacks
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import World
from tests.unit.cli.fake_serving import ServingWorld


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the CDK CLI is called with."""
    ran: list[list[str]] = []

    def run(_: Any, command: Sequence[str]) -> None:
        ran.append(list(command))

    monkeypatch.setattr(cdk, "run", run)
    monkeypatch.setattr(cdk, "bootstrapped", lambda target: True)
    return ran


def test_what_stands_after_two_dashes_goes_to_the_cdk(
    type_: Type, commands: list[list[str]]
) -> None:
    result = type_("deploy", "--local", "--", "--hotswap", "--context", "a=b")
    assert result.exit_code == 0, result.output
    (command,) = commands
    assert command[-3:] == ["--hotswap", "--context", "a=b"]
    assert "--" not in command
    assert type_("deploy").exit_code == 0
    assert "--hotswap" not in commands[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--environment", "staging"], "No such option: --environment. Did you mean --env?"),
        (["--lokal"], "No such option: --lokal. Did you mean --local or --no-local?"),
        (["--env", "dev", "--hotswap"], "No such option: --hotswap"),
        (["staging"], "option: --env staging"),
        (["staging", "--", "--hotswap"], "option: --env staging"),
    ],
)
def test_an_option_that_is_not_ours_deploys_nothing(
    type_: Type, commands: list[list[str]], words: list[str], message: str
) -> None:
    result = type_("deploy", *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "ratchet deploy -- --hotswap" in result.output
    assert commands == []


def test_every_command_names_the_nearest_option(type_: Type) -> None:
    assert "Did you mean --env?" in type_("runs", "--environment", "staging").output
    assert "Did you mean --limit?" in type_("runs", "--limt", "3").output
    assert "Did you mean --folder" in type_("cloud", "up", "--foldr", "x").output
    assert "Did you mean" not in type_("runs", "--xyz").output


def test_ctrl_c_says_what_goes_on_in_the_account(
    type_serving: Type, serving: ServingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cdk, "run", interrupted)
    monkeypatch.setattr(cdk, "bootstrapped", lambda target: True)
    monkeypatch.setattr(
        stacks, "busy", lambda target: [("flights-dev-serving", "UPDATE_IN_PROGRESS")]
    )
    result = type_serving("deploy")
    assert result.exit_code == 130
    words = " ".join(result.stderr.split())
    assert "flights-dev-serving goes on in account 000000000000: UPDATE_IN_PROGRESS" in words
    assert "aws cloudformation describe-stack-events" in words
    assert "--stack-name flights-dev-serving" in words
    assert "Deployed" not in result.output


def test_ctrl_c_leaves_the_cdk_to_end_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same Ctrl-C has reached it; a second signal would keep it from cleaning up."""
    signals: list[str] = []

    class Process:
        stdout = None

        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __enter__(self) -> Process:
            return self

        def __exit__(self, *_: object) -> None: ...
        def wait(self) -> int:
            signals.append("wait")
            if len(signals) == 1:
                raise KeyboardInterrupt
            return 1

        def terminate(self) -> None:
            signals.append("terminate")

    monkeypatch.setattr("ratchet.deployment.target.cdk.subprocess.Popen", Process)
    with pytest.raises(KeyboardInterrupt):
        cdk.run(world.target, ["cdk", "deploy"])
    assert signals == ["wait", "wait"]
