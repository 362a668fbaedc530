"""`ratchet cloud …` as a person types it, in a real shell where that matters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo.__main__ import app as demo
from ratchet.cli.main import app
from ratchet.cli.shells import Shell
from ratchet.deployment.target.environment import local_target
from ratchet.local_cloud import admin_client, control
from ratchet.local_cloud.admin_client import AdminError, ask
from ratchet.project import current, load
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud
from tests.projects import ROOT

RATCHET = f"{sys.executable} -m ratchet.cli.main"
FOREIGN = {
    "AWS_PROFILE": "none of this name",
    "AWS_SESSION_TOKEN": "of another account",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
}


def shell(script: str, folder: Path, *, program: str = "sh") -> str:
    done = subprocess.run(
        [program, "-ec", script],
        env={**os.environ, **FOREIGN, "RATCHET_LOCAL": str(folder), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.cloud
@pytest.mark.parametrize("program", ["sh", "bash"])
def test_boto3_works_beside_it_after_the_eval(cloud: RunningCloud, program: str) -> None:
    python = (
        "import boto3, json; s3 = boto3.client('s3'); s3.list_buckets(); "
        "print(json.dumps([s3.meta.endpoint_url, s3.meta.region_name, "
        "boto3.client('sts').get_caller_identity()['Account']]))"
    )
    answer = shell(
        f'eval "$({RATCHET} cloud env)"; {sys.executable} -c "{python}"',
        cloud.folder,
        program=program,
    )
    assert json.loads(answer) == [cloud.endpoint.url, REGION, cloud.endpoint.account]


@pytest.mark.cloud
@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_the_aws_cli_works_beside_it_after_the_eval(cloud: RunningCloud) -> None:
    script = f'eval "$({RATCHET} cloud env)"; aws sts get-caller-identity --output json'
    assert json.loads(shell(script, cloud.folder))["Account"] == cloud.endpoint.account


@pytest.mark.cloud
def test_the_environment_as_json_has_null_for_what_is_taken_away(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["cloud", "env", "--json", "--folder", str(cloud.folder)])
    variables = json.loads(result.stdout)
    assert {variables[name] for name in FOREIGN} == {None}
    assert {**variables, **cloud.endpoint.environment()} == variables


def test_the_environment_of_a_cloud_that_is_down_is_nothing_to_eval(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cloud", "env", "--folder", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"ratchet cloud up --folder {tmp_path}" in result.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("syntax", "line"),
    [
        (Shell.sh, """export A='it'"'"'s $(x) `y` \\'"""),
        (Shell.fish, r"set -gx A 'it\'s $(x) `y` \\'"),
        (Shell.powershell, "$Env:A = 'it''s $(x) `y` \\'"),
    ],
)
def test_a_value_is_quoted_for_each_shell(syntax: Shell, line: str) -> None:
    assert syntax.export("A", "it's $(x) `y` \\") == line


@pytest.mark.parametrize("program", ["sh", "bash"])
def test_a_quoted_value_arrives_as_it_is(program: str) -> None:
    value = 'it\'s $(date) `date` \\ "x" $HOME\ttab *'
    script = f'{Shell.sh.export("A", value)}; {Shell.sh.unset("B")}; printf %s "$A${{B-gone}}"'
    done = subprocess.run(
        [program, "-c", script], env={"B": "there"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{value}gone"


@pytest.mark.cloud
def test_status_says_folder_region_and_that_permissions_are_enforced(cloud: RunningCloud) -> None:
    result = CliRunner().invoke(app, ["cloud", "status", "--folder", str(cloud.folder)])
    assert result.exit_code == 0
    assert cloud.endpoint.url in result.stdout
    assert REGION in result.stdout
    assert "permissions enforced" in result.stdout
    assert str(cloud.folder) in result.stdout
    assert cloud.endpoint.keys["secret"] not in result.stdout


@pytest.mark.cloud
def test_commands_ask_their_local_cloud_with_its_secret(cloud: RunningCloud) -> None:
    target = local_target(project=current(), settings=load("dev"), folder=cloud.folder)
    assert target.enforced
    assert target.ask("status")["pid"] == cloud.endpoint.pid
    before = target.ask("settings")
    assert target.ask("settings", {"health_check_seconds": 61})["health_check_seconds"] == 61
    target.ask("settings", before)


def test_refusals_are_those_of_roles_since_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    at = started.timestamp()
    decisions = [
        {"allowed": False, "count": 2, "last": at + 1},
        {"allowed": False, "count": 5, "last": at - 1},
        {"allowed": True, "count": 7, "last": at + 1},
    ]
    endpoint = control.CloudEndpoint(
        url="http://127.0.0.1:1", pid=1, region=REGION, started=started, keys={"secret": "s"}
    )
    monkeypatch.setattr(admin_client, "ask", lambda *_: {"decisions": decisions})
    assert control.refusals(endpoint) == 2

    def unknown(*_: object) -> None:
        raise AdminError("no such path", status=404)

    monkeypatch.setattr(admin_client, "ask", unknown)
    assert control.refusals(endpoint) is None


def test_no_answer_names_the_address() -> None:
    with pytest.raises(AdminError, match=r"no answer from the local cloud at http://127.0.0.1:1 "):
        ask("http://127.0.0.1:1", "s", "status")


def test_reset_refuses_a_folder_of_yours_before_it_asks(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for words in (["cloud", "reset", "--yes"], ["cloud", "reset"], ["cloud", "up"]):
        result = CliRunner().invoke(app, [*words, "--folder", str(tmp_path)])
        assert result.exit_code == 1
        assert "holds thesis.txt and is not a local cloud's folder" in result.stderr
        assert "Traceback" not in result.output
    result = CliRunner().invoke(demo, ["--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "holds thesis.txt" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.cloud
def test_a_new_cloud_is_made_in_a_new_folder_and_reset_leaves_your_files(tmp_path: Path) -> None:
    place = tmp_path / "new"
    try:
        up = CliRunner().invoke(app, ["cloud", "up", "--folder", str(place)])
        assert up.exit_code == 0, up.output
        assert f"export RATCHET_LOCAL={place}" in up.stderr
        assert control.status(place) is not None
    finally:
        control.down(place)
    (place / "notes.txt").touch()
    reset = CliRunner().invoke(app, ["cloud", "reset", "--yes", "--folder", str(place)])
    assert reset.exit_code == 0
    assert "since it is not the local cloud's: notes.txt" in reset.stdout
    assert (place / "notes.txt").exists()
    assert f"RATCHET_LOCAL={place} ratchet deploy" in reset.stdout
