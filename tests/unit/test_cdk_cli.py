"""The CDK CLI comes by itself when it is first needed, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet import cdk_cli, node
from ratchet.machinery import PACKAGES

NPM = """
import os, pathlib, sys, time
if sys.argv[1] == "config":
    print("https://registry.example/")
    sys.exit(0)
pathlib.Path(os.environ["CALLS"]).open("a").write(" ".join(sys.argv[1:]) + "\\n")
time.sleep(float(os.environ.get("SECONDS", "0")))
script = pathlib.Path("node_modules/aws-cdk/bin/cdk")
script.parent.mkdir(parents=True)
if os.environ.get("FAILS"):
    print("npm error code ENOTFOUND")
    sys.exit(1)
script.write_text("the pinned one")
"""
"""In place of npm, which needs a network: a line in CALLS for each install."""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with an empty cache, outside of any project."""
    folder = tmp_path / "anywhere"
    folder.mkdir()
    (tmp_path / "npm.py").write_text(NPM)
    monkeypatch.chdir(folder)
    monkeypatch.delenv(cdk_cli.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(node, "npm_command", lambda: [sys.executable, str(tmp_path / "npm.py")])
    return tmp_path / "calls"


def installs(calls: Path) -> int:
    return len(calls.read_text().splitlines()) if calls.exists() else 0


def test_the_cdk_command_of_the_environment_is_the_pinned_one() -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name("cdk"), "--version"], capture_output=True, text=True
    )
    assert said.stdout.split()[0] == cdk_cli.version()


def test_what_is_pinned_is_what_the_lock_installs() -> None:
    lock = json.loads((PACKAGES / "package-lock.json").read_text())
    assert lock["packages"]["node_modules/aws-cdk"]["version"] == cdk_cli.version()
    assert lock["packages"]["node_modules/aws-cdk"]["integrity"].startswith("sha512-")


def test_it_is_installed_once_and_the_first_time_says_so(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = cdk_cli.command()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"Installing the CDK CLI {cdk_cli.version()}, once for all projects" in said.err
    assert cdk_cli.command() == first
    assert capsys.readouterr().err == ""
    assert installs(calls) == 1
    assert Path(first[1]).read_text() == "the pinned one"


def test_two_that_need_it_at_once_install_it_once(calls: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from ratchet import cdk_cli, node; "
        f"node.npm_command = lambda: [sys.executable, {str(tmp_path / 'npm.py')!r}]; "
        "print(open(cdk_cli.command()[1]).read())"
    )
    variables = {**os.environ, "SECONDS": "0.5"}
    both = [
        subprocess.Popen([sys.executable, "-c", program], env=variables, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [each.communicate()[0].strip() for each in both] == [b"the pinned one"] * 2
    assert installs(calls) == 1


def test_what_a_killed_install_left_is_never_used(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = Path(cdk_cli.command()[1]).parents[3]
    draft = folder.with_suffix(".draft")
    folder.rename(draft)
    (draft / "node_modules/aws-cdk/bin/cdk").write_text("half of it")
    assert Path(cdk_cli.command()[1]).read_text() == "the pinned one"
    assert installs(calls) == 2


def test_a_cache_that_lost_its_script_is_made_anew(calls: Path) -> None:
    Path(cdk_cli.command()[1]).unlink()
    assert Path(cdk_cli.command()[1]).is_file()
    assert installs(calls) == 2


def test_without_a_network_the_error_says_what_was_tried_and_how_to_give_it(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAILS", "1")
    with pytest.raises(node.NodeMissingError) as problem:
        cdk_cli.command()
    message = str(problem.value)
    for words in (
        "from https://registry.example/",
        "npm error code ENOTFOUND",
        "npm_config_registry=",
        f"npm pack aws-cdk@{cdk_cli.version()}",
        "RATCHET_CDK=$PWD/package/bin/cdk",
    ):
        assert words in message
    monkeypatch.delenv("FAILS")
    assert Path(cdk_cli.command()[1]).is_file(), "the failure leaves nothing that is in the way"


def test_a_named_cdk_cli_is_used_and_nothing_is_installed(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cdk").write_text("")
    monkeypatch.setenv(cdk_cli.VARIABLE, str(tmp_path / "cdk"))
    assert cdk_cli.command() == [node.program(), str(tmp_path / "cdk")]
    assert installs(calls) == 0


def test_a_named_cdk_cli_that_is_not_there_is_refused(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cdk_cli.VARIABLE, "/nowhere/cdk")
    with pytest.raises(node.NodeMissingError, match="'/nowhere/cdk', which is no file; expected"):
        cdk_cli.command()


def test_a_project_with_a_cdk_cli_of_its_own_has_that(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "project" / "node_modules" / "aws-cdk" / "bin" / "cdk"
    for file in (own, tmp_path / "project" / "cdk.json", tmp_path / "project/config/base.toml"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    inside = tmp_path / "project" / "steps" / "bikes"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert cdk_cli.command() == [node.program(), str(own)]
    assert installs(calls) == 0


def test_a_cache_that_cannot_be_written_is_said_with_the_way_out(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(node.NodeMissingError, match="XDG_CACHE_HOME=/FOLDER"):
        cdk_cli.command()
