"""Where a command goes, and what it takes along."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ratchet.cli.options import where
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import cdk
from ratchet.deployment.target.environment import (
    cloud_folder,
    default_folder,
    local_target,
    open_target,
)
from ratchet.local_cloud import control, folder
from ratchet.local_cloud.layout import Layout
from ratchet.machinery import PACKAGES as PROJECT
from ratchet.settings.schema import Settings
from tests.unit.cli.fake_deployment import World, world_of


@pytest.mark.parametrize(
    ("flag", "variable", "expected"),
    [
        (None, None, None),
        (None, "", None),
        (None, "0", None),
        (None, "off", None),
        (None, "No", None),
        (None, "1", default_folder()),
        (None, "yes", default_folder()),
        (None, "ON", default_folder()),
        (True, None, default_folder()),
        (True, "0", default_folder()),
        (False, "1", None),
        (False, "a slip", None),
    ],
)
def test_the_option_wins_over_the_words_of_the_variable(
    flag: bool | None, variable: str | None, expected: Path | None
) -> None:
    variables = {} if variable is None else {"RATCHET_LOCAL": variable}
    assert cloud_folder(flag, variables) == expected


@pytest.mark.parametrize("flag", [None, True])
def test_the_variable_names_the_folder_of_a_cloud_that_is_there(
    tmp_path: Path, flag: bool | None
) -> None:
    folder.claim(Layout(tmp_path / "cloud"))
    variables = {"RATCHET_LOCAL": str(tmp_path / "cloud")}
    assert cloud_folder(flag, variables) == tmp_path / "cloud"


@pytest.mark.parametrize("flag", [None, True])
@pytest.mark.parametrize(
    ("value", "hint"), [("of", "Did you mean off?"), ("ture", "Did you mean true?"), ("x", "")]
)
def test_another_value_of_the_variable_is_refused_and_makes_no_cloud(
    value: str, hint: str, flag: bool | None
) -> None:
    with pytest.raises(DeploymentError) as refused:
        cloud_folder(flag, {"RATCHET_LOCAL": value})
    message = str(refused.value)
    assert message.startswith(f"RATCHET_LOCAL is {value!r}.")
    assert hint in message
    assert "1, true, yes, on" in message
    assert f"ratchet cloud up --folder {value}" in message
    assert not (PROJECT / value).exists()


def test_the_nearest_cloud_is_named_for_a_folder_with_a_slip(tmp_path: Path) -> None:
    folder.claim(Layout(tmp_path / "demo"))
    with pytest.raises(DeploymentError, match=f"Did you mean {tmp_path}/demo?"):
        cloud_folder(None, {"RATCHET_LOCAL": f"{tmp_path}/dmo"})


def test_a_folder_of_yours_is_no_cloud(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DeploymentError, match=f"none is in {tmp_path}"):
        cloud_folder(None, {"RATCHET_LOCAL": str(tmp_path)})


def test_a_command_to_type_comes_back_to_the_same_place(world: World) -> None:
    default = replace(world.target, folder=default_folder())
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


def test_the_line_says_where_permissions_are_not_enforced(settings: Settings) -> None:
    here = replace(world_of(settings, folder=Path("/x")).target, enforced=False)
    assert where(here).startswith("dev on the local cloud, permissions not enforced · account")


def test_the_line_says_which_role_acts(settings: Settings) -> None:
    here = replace(world_of(settings, folder=Path("/x")).target, role="flights-people")
    assert where(here).startswith("dev on the local cloud as flights-people · account")


def test_a_role_of_the_local_cloud_is_refused_on_aws(settings: Settings) -> None:
    with pytest.raises(DeploymentError, match="On AWS a profile with"):
        open_target(environment="dev", local=False, variables={"RATCHET_ROLE": "people"})


def test_nothing_of_a_profile_reaches_the_local_cloud(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = control.CloudEndpoint(
        url="http://127.0.0.1:4566",
        pid=1,
        region=settings.region,
        started=datetime.now(UTC),
        keys={"key": "AKIA0", "secret": "s"},
    )
    config = tmp_path / "config"
    config.write_text("[default]\nretry_mode = adaptive\nservices = mine\n")
    monkeypatch.setattr(control, "status", lambda folder: endpoint)
    monkeypatch.setenv("AWS_PROFILE", "none of this name")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://example.com")
    client = local_target(settings=settings, folder=tmp_path).client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client._request_signer._credentials.access_key == "AKIA0"


def test_the_cdk_reaches_the_local_cloud_and_not_a_profile_of_yours(world: World) -> None:
    target = replace(world.target, variables={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    mine = {"AWS_PROFILE": "mine", "AWS_ENDPOINT_URL_S3": "https://example.com"}
    variables = {"PATH": "/usr/bin", "HOME": "/root", **mine}
    environment = cdk.environment(target, variables)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["HOME"] == "/root"
    assert environment["PATH"].endswith("/usr/bin")
    assert environment["CDK_VALIDATION"] == "false"
    assert not mine.keys() & environment.keys()


def test_on_aws_the_cdk_keeps_your_profile_and_validates(settings: Settings) -> None:
    target = world_of(settings, folder=None).target
    environment = cdk.environment(target, {"AWS_PROFILE": "mine"})
    assert environment["AWS_PROFILE"] == "mine"
    assert "CDK_VALIDATION" not in environment
    assert "never" not in cdk.deploy_command(target), "on AWS a wider permission is asked about"


def test_a_deployment_synthesizes_its_own_environment_alone(world: World) -> None:
    command = cdk.deploy_command(world.target)
    assert command[command.index("--context") + 1] == "environment=dev"


def test_arguments_for_the_cdk_are_passed_on(world: World) -> None:
    command = cdk.deploy_command(world.target, ["--hotswap"])
    assert command[2:4] == ["deploy", "dev/flights/*"]
    assert command[-3:] == ["--require-approval", "never", "--hotswap"]
    asked = cdk.deploy_command(world.target, ["--require-approval", "any-change"])
    assert asked.count("--require-approval") == 1
