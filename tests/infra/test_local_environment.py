"""An environment that lives on the local cloud, as it is synthesized."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.local_account import LOCAL_ACCOUNT
from ratchet.project import Project
from ratchet_cdk.app import settings_of
from tests.unit.cli.test_cli_target import project_of

pytestmark = pytest.mark.synth


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of(tmp_path, "flights", dev='account = "local"\n')


def test_its_account_is_one_that_nobody_has_credentials_for_on_aws(project: Project) -> None:
    settings = settings_of(cdk.App(), project, "dev", "flights")
    assert settings.local
    stack = cdk.Stack(
        cdk.App(), "X", env=cdk.Environment(account=settings.account, region=settings.region)
    )
    assert stack.environment == "aws://000000000000/us-east-1"


def test_the_context_overrules_the_settings_in_both_directions(project: Project) -> None:
    (project.config / "prod.toml").write_text('account = "111122223333"\n')
    away = settings_of(cdk.App(context={"local": "false"}), project, "dev", "flights")
    assert away.account is None
    assert settings_of(cdk.App(), project, "prod", "flights").account == "111122223333"
    here = settings_of(cdk.App(context={"local": "true"}), project, "prod", "flights")
    assert here.account == LOCAL_ACCOUNT
