"""Which loops are synthesized: those of the environment and the model that are named, or all. A
mistake blocks the loops that have it, and no other."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from constructs import Construct

from ratchet.project import Project
from ratchet.settings.schema import Settings, SettingsError
from ratchet_cdk.app import add_chosen, chosen
from tests.projects import add_model, copy_of_project, small_project

pytestmark = pytest.mark.synth


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two models in three environments."""
    return Project(add_model(copy_of_project(tmp_path), "bikes"))


class OneStack(cdk.Stage):
    def __init__(self, scope: Construct, *, settings: Settings, source: Path) -> None:
        super().__init__(scope, settings.model_name)
        cdk.Stack(self, "Training")


def app_of(project: Project, **context: str) -> cdk.App:
    app = cdk.App(context=context)
    add_chosen(app, OneStack, project)
    return app


def stacks(app: cdk.App) -> list[str]:
    return [each.node.path for each in app.node.find_all() if isinstance(each, cdk.Stack)]


def errors(app: cdk.App) -> set[str]:
    return {
        str(entry.data)
        for each in app.node.find_all()
        for entry in each.node.metadata
        if entry.type == "aws:cdk:error"
    }


@pytest.mark.parametrize(
    ("context", "loops"),
    [
        ({"environment": "dev", "model": "bikes"}, [("dev", "bikes")]),
        ({"environment": "dev"}, [("dev", "bikes"), ("dev", "flights")]),
        ({"model": "bikes"}, [("dev", "bikes"), ("prod", "bikes"), ("staging", "bikes")]),
    ],
)
def test_environment_and_model_may_be_named(
    project: Project, context: dict[str, str], loops: list[tuple[str, str]]
) -> None:
    assert chosen(cdk.App(context=context), project) == loops


def test_without_a_name_every_loop_is_synthesized(project: Project) -> None:
    assert len(chosen(cdk.App(), project)) == 6


def test_a_mistake_in_another_environment_does_not_block_the_named_one(project: Project) -> None:
    (project.config / "prod.toml").write_text("no such key = 1\n")
    app = app_of(project, environment="dev")
    assert stacks(app) == ["dev/bikes/Training", "dev/flights/Training"]
    assert errors(app) == set()


def test_a_mistake_blocks_the_loops_that_have_it_and_is_said(project: Project) -> None:
    (project.config / "bikes" / "base.toml").write_text("nothing_of_this_name = 1\n")
    app = app_of(project)
    assert stacks(app) == [
        "dev/flights/Training",
        "dev/bikes/Mistakes",
        "prod/flights/Training",
        "prod/bikes/Mistakes",
        "staging/flights/Training",
        "staging/bikes/Mistakes",
        "Mistakes",
    ]
    (words,) = errors(app)
    assert "nothing_of_this_name" in words
    assert "config/bikes/base.toml" in words


def test_a_mistake_in_every_loop_ends_synth_with_its_words(project: Project) -> None:
    (project.config / "base.toml").write_text("nothing_of_this_name = 1\n")
    with pytest.raises(SystemExit, match=r"settings: .*base\.toml.*nothing_of_this_name"):
        app_of(project)


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
    with pytest.raises(SystemExit, match=message):
        app_of(project, **context)


def test_a_project_without_models_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has nothing to deploy: add a model"):
        chosen(cdk.App(), Project(small_project(tmp_path)))
