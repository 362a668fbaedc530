"""Which environments are synthesized: the one that is named, or all."""

from __future__ import annotations

import shutil
from pathlib import Path

import aws_cdk as cdk
import pytest

from app import settings_for
from ratchet.settings.schema import SettingsError

pytestmark = pytest.mark.synth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings with a mistake in those of prod."""
    shutil.copy(FOLDER / "dev.toml", tmp_path)
    (tmp_path / "prod.toml").write_text("no such key = 1\n")
    return tmp_path


def test_a_mistake_in_another_environment_does_not_block_the_named_one(folder: Path) -> None:
    app = cdk.App(context={"environment": "dev"})
    assert [each.environment for each in settings_for(app, folder)] == ["dev"]


def test_without_a_name_every_environment_is_read(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"prod\.toml"):
        settings_for(cdk.App(), folder)
    (folder / "prod.toml").write_text((FOLDER / "prod.toml").read_text())
    assert [each.environment for each in settings_for(cdk.App(), folder)] == ["dev", "prod"]


def test_an_environment_that_has_no_file_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="'qa' is no environment"):
        settings_for(cdk.App(context={"environment": "qa"}), folder)
