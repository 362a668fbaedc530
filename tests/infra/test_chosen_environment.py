"""Which loops are synthesized: those of the environment and the model that are named, or all."""

from __future__ import annotations

import shutil
from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.project import Project
from ratchet.settings.schema import SettingsError
from ratchet_cdk.app import settings_for
from tests.projects import MODEL, ROOT

pytestmark = pytest.mark.synth
CONFIG = ROOT / "config"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two models in two environments, with a mistake in the settings of prod."""
    config = tmp_path / "config"
    config.mkdir()
    for name in ("base.toml", "dev.toml"):
        shutil.copy(CONFIG / name, config)
    for model in (MODEL, "bikes"):
        shutil.copytree(CONFIG / MODEL, config / model)
    (config / "prod.toml").write_text("no such key = 1\n")
    return Project(tmp_path)


def chosen(project: Project, **context: str) -> list[str]:
    settings = settings_for(cdk.App(context=context), project)
    return [f"{each.environment}/{each.model_name}" for each in settings]


def test_a_mistake_in_another_environment_does_not_block_the_named_one(project: Project) -> None:
    assert chosen(project, environment="dev") == ["dev/bikes", "dev/flights"]


def test_a_model_may_be_named_too(project: Project) -> None:
    assert chosen(project, environment="dev", model="bikes") == ["dev/bikes"]


def test_without_a_name_every_environment_is_read(project: Project) -> None:
    with pytest.raises(SettingsError, match=r"prod\.toml"):
        chosen(project)
    shutil.copy(CONFIG / "prod.toml", project.config)
    assert chosen(project, model=MODEL) == ["dev/flights", "prod/flights"]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"environment": "qa"}, "'qa' is no environment"),
        ({"environment": "dev", "model": "cars"}, "'cars' is no model"),
    ],
)
def test_what_is_not_there_is_refused(
    project: Project, context: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        chosen(project, **context)
