from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import Settings
from ratchet.cli.options import where
from ratchet.deployment import cdk
from ratchet.deployment.target import DEFAULT_FOLDER, cloud_folder
from ratchet.node import PROJECT
from tests.unit.cli.fake_deployment import World, world_of


@pytest.mark.parametrize(
    ("flag", "variable", "folder"),
    [
        (None, None, None),
        (None, "", None),
        (None, "0", None),
        (None, "1", DEFAULT_FOLDER),
        (None, "yes", DEFAULT_FOLDER),
        (None, ".ratchet/demo", PROJECT / ".ratchet/demo"),
        (None, "/somewhere", Path("/somewhere")),
        (True, None, DEFAULT_FOLDER),
        (True, "0", DEFAULT_FOLDER),
        (True, ".ratchet/demo", PROJECT / ".ratchet/demo"),
        (False, "1", None),
        (False, ".ratchet/demo", None),
    ],
)
def test_the_option_wins_over_the_variable_which_may_name_a_folder(
    flag: bool | None, variable: str | None, folder: Path | None
) -> None:
    variables = {} if variable is None else {"RATCHET_LOCAL": variable}
    assert cloud_folder(flag, variables) == folder


def test_a_command_to_type_comes_back_to_the_same_place(world: World) -> None:
    default = replace(world.target, folder=DEFAULT_FOLDER)
    assert default.command("runs", {}) == "ratchet runs --local"
    assert default.command("runs", {"RATCHET_LOCAL": "1"}) == "ratchet runs"
    demo = replace(world.target, folder=PROJECT / ".ratchet/demo")
    assert demo.command("runs", {}) == "RATCHET_LOCAL=.ratchet/demo ratchet runs"
    assert demo.command("runs", {"RATCHET_LOCAL": "1"}) == demo.command("runs", {})
    assert demo.command("runs", {"RATCHET_LOCAL": ".ratchet/demo"}) == "ratchet runs"
    prod = replace(default, settings=replace(default.settings, environment="prod"))
    assert prod.command("runs", {}) == "ratchet runs --env prod --local"
    assert prod.command("runs", {"RATCHET_ENV": "prod"}) == "ratchet runs --local"


def test_the_line_about_the_place_tells_aws_from_this_machine(settings: Settings) -> None:
    here = world_of(settings, folder=Path("/x")).target
    there = world_of(settings, folder=None).target
    assert where(here).startswith("dev on the local cloud · account")
    assert where(there).startswith("dev on AWS · account 000000000000 · us-east-1 · sagemaker.us-")
    other = replace(there, endpoint="http://127.0.0.1:5000")
    assert where(other).startswith("dev on another endpoint")
    assert "127.0.0.1:5000" in where(other)


def test_the_cdk_reaches_the_local_cloud_and_not_a_profile_of_yours(world: World) -> None:
    target = replace(world.target, variables={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    variables = {"PATH": "/usr/bin", "AWS_PROFILE": "mine", "HOME": "/root"}
    environment = cdk.environment(target, variables)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["HOME"] == "/root"
    assert environment["PATH"].endswith("/usr/bin")
    assert environment["CDK_VALIDATION"] == "false"
    assert "AWS_PROFILE" not in environment


def test_on_aws_the_cdk_keeps_your_profile_and_validates(settings: Settings) -> None:
    target = world_of(settings, folder=None).target
    environment = cdk.environment(target, {"AWS_PROFILE": "mine"})
    assert environment["AWS_PROFILE"] == "mine"
    assert "CDK_VALIDATION" not in environment
    assert "never" not in cdk.deploy_command(target), "on AWS a wider permission is asked about"


def test_arguments_for_the_cdk_are_passed_on(world: World) -> None:
    command = cdk.deploy_command(world.target, ["--hotswap"])
    assert command[2:4] == ["deploy", "dev/*"]
    assert command[-3:] == ["--require-approval", "never", "--hotswap"]
    asked = cdk.deploy_command(world.target, ["--require-approval", "any-change"])
    assert asked.count("--require-approval") == 1
