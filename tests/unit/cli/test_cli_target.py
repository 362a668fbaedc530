"""Where a command goes, and what it takes along."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ratchet.cli.place import shown_path, where
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import cdk, endpoints
from ratchet.deployment.target.environment import local_target, open_target
from ratchet.deployment.target.local_clouds import LocalClouds
from ratchet.local_cloud import control, folder
from ratchet.local_cloud.layout import Layout
from ratchet.project import Project
from ratchet.settings.schema import Settings
from tests.unit.cli.fake_deployment import CLOUD, PROJECT, World, world_of

CLOUDS = LocalClouds(PROJECT.root)


@pytest.mark.parametrize(
    ("option", "variable", "setting", "local"),
    [
        (None, None, False, False),
        (None, None, True, True),
        (None, "", True, True),
        (None, "0", True, False),
        (None, "off", True, False),
        (None, "1", False, True),
        (None, "ON", False, True),
        (True, None, False, True),
        (True, "0", False, True),
        (False, None, True, False),
        (False, "1", True, False),
        (False, "a slip", True, False),
    ],
)
def test_the_option_wins_over_the_variable_and_that_over_the_settings(
    option: bool | None, variable: str | None, setting: bool, local: bool
) -> None:
    variables = {} if variable is None else {"RATCHET_LOCAL": variable}
    chosen = CLOUDS.chosen(option, setting=setting, variables=variables)
    assert chosen == (CLOUD if local else None)


@pytest.mark.parametrize("flag", [None, True])
def test_the_variable_names_the_folder_of_a_cloud_that_is_there(
    tmp_path: Path, flag: bool | None
) -> None:
    folder.claim(Layout(tmp_path / "cloud"))
    variables = {"RATCHET_LOCAL": str(tmp_path / "cloud")}
    assert CLOUDS.chosen(flag, setting=False, variables=variables) == tmp_path / "cloud"


@pytest.mark.parametrize("flag", [None, True])
@pytest.mark.parametrize(
    ("value", "hint"), [("of", "Did you mean off?"), ("ture", "Did you mean true?"), ("x", "")]
)
def test_another_value_of_the_variable_is_refused_and_makes_no_cloud(
    value: str, hint: str, flag: bool | None
) -> None:
    with pytest.raises(DeploymentError) as refused:
        CLOUDS.chosen(flag, setting=False, variables={"RATCHET_LOCAL": value})
    message = str(refused.value)
    assert message.startswith(f"RATCHET_LOCAL is {value!r}.")
    assert hint in message
    assert "1, true, yes, on" in message
    assert f"ratchet cloud up --folder {value}" in message
    assert not (PROJECT.root / value).exists()


def test_the_nearest_cloud_is_named_for_a_folder_with_a_slip(tmp_path: Path) -> None:
    folder.claim(Layout(tmp_path / "demo"))
    with pytest.raises(DeploymentError, match=f"Did you mean {tmp_path}/demo?"):
        CLOUDS.chosen(None, setting=True, variables={"RATCHET_LOCAL": f"{tmp_path}/dmo"})


def test_a_folder_of_yours_is_no_cloud(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DeploymentError, match=f"none is in {tmp_path}"):
        CLOUDS.chosen(None, setting=True, variables={"RATCHET_LOCAL": str(tmp_path)})


def test_a_command_to_type_comes_back_to_the_same_place(world: World) -> None:
    default = world.target
    assert default.folder == CLOUD
    assert default.command("runs", {}) == "ratchet runs --local"
    assert default.command("runs", {"RATCHET_LOCAL": "1"}) == "ratchet runs"
    demo = replace(default, folder=PROJECT.root / ".ratchet/demo")
    assert demo.command("runs", {}) == "RATCHET_LOCAL=.ratchet/demo ratchet runs"
    assert demo.command("runs", {"RATCHET_LOCAL": "1"}) == demo.command("runs", {})
    assert demo.command("runs", {"RATCHET_LOCAL": ".ratchet/demo"}) == "ratchet runs"
    assert default.command("runs", {"RATCHET_LOCAL": ".ratchet/demo"}) == (
        "RATCHET_LOCAL=yes ratchet runs"
    )
    prod = replace(default, settings=replace(default.settings, environment="prod"))
    assert prod.command("runs", {}) == "ratchet runs --env prod --local"
    assert prod.command("runs", {"RATCHET_ENV": "prod"}) == "ratchet runs --local"


def test_a_command_to_type_names_no_cloud_that_the_settings_name(world: World) -> None:
    here = replace(world.target, settings=replace(world.target.settings, local=True))
    assert here.command("runs", {}) == "ratchet runs"
    assert here.command("runs", {"RATCHET_LOCAL": "no"}) == "ratchet runs --local"
    there = replace(here, folder=None)
    assert there.command("runs", {}) == "ratchet runs --no-local"
    assert there.command("runs", {"RATCHET_LOCAL": "no"}) == "ratchet runs"


def test_a_command_to_type_names_the_model_where_there_are_several(
    world: World, tmp_path: Path
) -> None:
    project = project_of(tmp_path, "bikes", "demand")
    settings = replace(world.target.settings, model_name="demand")
    target = replace(world.target, project=project, folder=None, settings=settings)
    assert target.command("runs", {}) == "ratchet runs --model demand"
    assert target.command("runs", {"RATCHET_MODEL": "demand"}) == "ratchet runs"
    assert "model demand of flights in" in where(target, width=200)


def project_of(root: Path, *models: str, dev: str = "") -> Project:
    """A project with settings, and no more."""
    for model in models:
        (root / "config" / model).mkdir(parents=True)
        about = '[model]\nproblem = "binary"\nlabel = "late"\n'
        (root / "config" / model / "base.toml").write_text(about)
    (root / "cdk.json").write_text("{}")
    base = 'project = "flights"\nregion = "us-east-1"\nowner = "ml"\ncost_center = "ml-1"\n'
    (root / "config" / "base.toml").write_text(base)
    (root / "config" / "dev.toml").write_text(dev)
    return Project(root)


def test_the_line_about_the_place_tells_aws_from_this_machine(settings: Settings) -> None:
    here = world_of(settings, folder=CLOUD).target
    there = world_of(settings, folder=None).target
    assert where(here, width=200).startswith("dev on the local cloud · account")
    assert where(there, width=200).startswith("dev on AWS · account 000000000000 · us-east-1 · fl")
    other = replace(there, endpoint="http://127.0.0.1:5000")
    assert where(other, width=200).startswith("dev on another endpoint")
    assert "127.0.0.1:5000" in where(other, width=200)


def test_the_line_names_the_project_and_its_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    project = project_of(tmp_path / "work" / "flights", "flights")
    target = replace(world_of(settings, folder=None).target, project=project)
    assert where(target, width=200).endswith(" · flights in ~/work/flights")


def test_the_line_names_a_cloud_that_is_not_in_the_projects_folder(settings: Settings) -> None:
    elsewhere = world_of(settings, folder=Path("/x/.ratchet/cloud")).target
    assert where(elsewhere, width=200).startswith("dev on the local cloud in /x/.ratchet/cloud ·")


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_the_line_breaks_between_names_and_not_in_one(
    settings: Settings, tmp_path: Path, width: int
) -> None:
    root = tmp_path / "a-rather-long-name-of-a-folder" / "and-another-one" / "flights"
    target = replace(
        world_of(settings, folder=root / ".ratchet" / "cloud").target,
        project=project_of(root, "flights"),
    )
    shown = where(target, width=width)
    assert all(len(line) <= width for line in shown.splitlines())
    for name in ("dev on the local cloud", "account 000000000000", "http://127.0.0.1:4566"):
        assert name in shown
    assert shown.endswith("/flights")


def test_a_path_is_shortened_by_whole_names() -> None:
    path = Path("/somewhere/far/away/prices")
    assert shown_path(path, room=40) == "/somewhere/far/away/prices"
    assert shown_path(path, room=20) == "…/far/away/prices"
    assert shown_path(path, room=3) == "…/prices"


def test_the_line_says_where_permissions_are_not_enforced(settings: Settings) -> None:
    here = replace(world_of(settings, folder=CLOUD).target, enforced=False)
    assert where(here, width=200).startswith(
        "dev on the local cloud, permissions not enforced · account"
    )


def test_the_line_says_which_role_acts(settings: Settings) -> None:
    here = replace(world_of(settings, folder=CLOUD).target, role="flights-people")
    assert where(here, width=200).startswith("dev on the local cloud as flights-people · account")


def test_a_role_of_the_local_cloud_is_refused_on_aws(settings: Settings) -> None:
    with pytest.raises(DeploymentError, match="On AWS a profile with"):
        open_target(
            project=PROJECT, environment="dev", local=False, variables={"RATCHET_ROLE": "people"}
        )


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
    client = local_target(project=PROJECT, settings=settings, folder=tmp_path).client("s3")
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
    contexts = [after for word, after in itertools.pairwise(command) if word == "--context"]
    assert contexts == ["environment=dev", "model=flights", "local=true"]


def test_arguments_for_the_cdk_are_passed_on(world: World) -> None:
    command = cdk.deploy_command(world.target, ["--hotswap"])
    assert command[2:4] == ["deploy", "dev/flights/*"]
    assert command[-3:] == ["--require-approval", "never", "--hotswap"]
    asked = cdk.deploy_command(world.target, ["--require-approval", "any-change"])
    assert asked.count("--require-approval") == 1


@pytest.mark.parametrize("value", ["nonsense", "ftp://x", "http://", "http://x:99999", "http://["])
def test_an_endpoint_that_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(DeploymentError, match="expected an address such as") as refused:
        endpoints.named_endpoint({"AWS_ENDPOINT_URL_S3": value}, PROJECT)
    assert str(refused.value).startswith(f"AWS_ENDPOINT_URL_S3 is {value!r}")


def test_the_local_cloud_of_another_project_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, yours = project_of(tmp_path / "a", "flights"), project_of(tmp_path / "b", "flights")
    variables = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    monkeypatch.setattr(endpoints, "_cloud_behind", lambda url: LocalClouds(mine.root).own)
    assert endpoints.named_endpoint(variables, mine) == "http://127.0.0.1:4566"
    with pytest.raises(DeploymentError, match=f"local cloud of the project {mine.root}"):
        endpoints.named_endpoint(variables, yours)


def test_an_environment_of_the_local_cloud_is_opened_there_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(
        "ratchet.deployment.target.environment.local_target",
        lambda **given: opened.append(given["folder"]),
    )
    project = project_of(tmp_path, "flights", dev='account = "local"')
    open_target(project=project, environment="dev", local=None, variables={})
    assert opened == [tmp_path / ".ratchet" / "cloud"]
