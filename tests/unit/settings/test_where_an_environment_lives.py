"""`account` in the files: a number, the local cloud, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.project import find
from ratchet.settings.toml_reader import SettingsError
from tests.unit.cli.test_cli_target import project_of


@pytest.mark.parametrize(
    ("text", "account", "local"),
    [
        ("", None, False),
        ('account = "123456789012"', "123456789012", False),
        ('account = "local"', None, True),
    ],
)
def test_the_account_of_an_environment_may_be_the_local_cloud(
    tmp_path: Path, text: str, account: str | None, local: bool
) -> None:
    settings = project_of(tmp_path, "flights", dev=text).settings("dev")
    assert (settings.account, settings.local) == (account, local)


def test_the_highest_file_says_where_an_environment_lives(tmp_path: Path) -> None:
    project = project_of(tmp_path, "flights", dev='account = "local"\n')
    base = project.config / "base.toml"
    base.write_text(f'{base.read_text()}account = "123456789012"\n')
    (project.config / "prod.toml").touch()
    assert project.settings("dev").local
    assert project.settings("prod").account == "123456789012"


@pytest.mark.parametrize("text", ['account = "lokal"', 'account = "123"', 'account = ""'])
def test_another_account_is_refused_with_both_choices(tmp_path: Path, text: str) -> None:
    project = project_of(tmp_path, "flights", dev=text)
    with pytest.raises(SettingsError, match='expected twelve digits, or "local"'):
        project.settings("dev")


def test_whether_it_is_local_is_no_key_of_its_own(tmp_path: Path) -> None:
    project = project_of(tmp_path, "flights", dev="local = true")
    with pytest.raises(SettingsError, match="local = true: there is no such key"):
        project.settings("dev")


def test_nobody_needs_a_variable_to_stay_on_this_machine_with_dev_of_this_repository() -> None:
    project = find(Path(__file__))
    assert project.settings("dev", "flights").local
    for environment in ("staging", "prod"):
        assert not project.settings(environment, "flights").local
