"""A project grows by models and environments. Synthesis of one environment does the work of its
loops, whatever else there is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import aws_cdk as cdk
import pytest

from ratchet.authoring import Context
from ratchet.pipelines.registry import CompiledPipeline, PipelineEntry
from ratchet.project import Project
from ratchet_cdk.app import add_chosen, chosen
from stacks.loop import ModelLoop
from tests.infra.assembly import STACKS, context
from tests.projects import add_model, copy_of_project

MODELS = ("bikes", "cars", "demand", "prices")
"""Beside the flights."""


def project(folder: Path, *, environments: set[str]) -> Project:
    """Five models in these environments."""
    copy_of_project(folder)
    for name in MODELS:
        add_model(folder, name)
    for file in (folder / "config").glob("*.toml"):
        if file.stem not in environments | {"base"}:
            file.unlink()
    return Project(folder)


def work(project: Project, out: Path, patch: pytest.MonkeyPatch, **names: str) -> Counter[str]:
    """What a synthesis makes: stacks, and compiled pipelines."""
    compiled: list[str] = []
    compile_ = PipelineEntry.compile

    def counted(entry: PipelineEntry, ctx: Context) -> CompiledPipeline:
        compiled.append(f"{ctx.settings.environment} {entry.model} {entry.name}")
        return compile_(entry, ctx)

    with patch.context() as patched:
        patched.setattr(PipelineEntry, "compile", counted)
        app = cdk.App(outdir=str(out), context={**context(), **names}, analytics_reporting=False)
        add_chosen(app, ModelLoop, project)
        app.synth()
    stacks = [file.name.partition(".")[0] for file in out.rglob("*.template.json")]
    assert len(set(stacks)) == len(stacks)
    return Counter({"stacks": len(stacks), "pipelines": len(compiled)})


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Project:
    environments = {"dev", "staging", "prod"}
    return project(tmp_path_factory.mktemp("grown"), environments=environments)


def test_one_environment_of_five_models_takes_the_work_of_five_loops(
    grown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = project(tmp_path / "alone", environments={"dev"})
    assert len(chosen(cdk.App(), grown)) == 15
    least = work(alone, tmp_path / "least", monkeypatch)
    assert least == Counter(stacks=5 * len(STACKS), pipelines=5 * 3)
    assert work(grown, tmp_path / "dev", monkeypatch, environment="dev") == least


def test_one_model_of_one_environment_takes_the_work_of_one_loop(
    grown: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = work(grown, tmp_path / "bikes", monkeypatch, environment="dev", model="bikes")
    assert made == Counter(stacks=len(STACKS), pipelines=3)
