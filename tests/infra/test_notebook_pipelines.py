"""What a pipeline with a notebook is deployed with: the notebook as a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from ratchet.authoring import Context, Pipeline
from ratchet.pipelines.registry import PipelineEntry
from ratchet.project import load
from tests.infra.assembly import context, loop_folder
from tests.infra.loops import add_loops
from tests.infra.readable import text_of
from tests.projects import ROOT, list_pipelines
from tests.runner.notebook_jobs import notebook

pytestmark = pytest.mark.synth


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    (source / "steps").symlink_to(ROOT / "steps")
    (source / "notebooks").mkdir()
    (source / "notebooks" / "explore.ipynb").write_text(json.dumps(notebook("import counting")))
    (source / "notebooks" / "counting.py").write_text("")

    def explored(ctx: Context) -> Pipeline:
        p = Pipeline("explored", replace(ctx, source=source))
        p.notebook("explore", "notebooks/explore.ipynb")
        return p

    def plain(ctx: Context) -> Pipeline:
        p = Pipeline("plain", ctx)
        p.halt("stop", "always with", p.string("Word", default="a word"))
        return p

    out = tmp_path_factory.mktemp("notebooks") / "cdk.out"
    app = cdk.App(outdir=str(out), context=context(), analytics_reporting=False)
    with pytest.MonkeyPatch.context() as patch:
        list_pipelines(patch, {"explored": PipelineEntry(explored), "plain": PipelineEntry(plain)})
        add_loops(app, [load("dev")])
    app.synth()
    return out


def stack(folder: Path, suffix: str) -> dict[str, Any]:
    (file,) = loop_folder(folder, "dev").glob(f"*Pipelines*.{suffix}.json")
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def of_type(folder: Path, kind: str) -> Mapping[str, Any]:
    resources = stack(folder, "template")["Resources"].items()
    return {name: each["Properties"] for name, each in resources if each["Type"] == kind}


def test_the_files_are_published_where_the_definition_looks_for_them(folder: Path) -> None:
    (definition,) = (
        text_of(each["PipelineDefinition"]["PipelineDefinitionBody"])
        for each in of_type(folder, "AWS::SageMaker::Pipeline").values()
        if each["PipelineName"] == "flights-dev-explored"
    )
    keys = {
        destination["objectKey"]: Path(loop_folder(folder, "dev"), asset["source"]["path"])
        for asset in stack(folder, "assets")["files"].values()
        for destination in asset["destinations"].values()
    }
    files = {key: file for key, file in keys.items() if "/" in key}
    (digest,) = {key.partition("/")[0] for key in files}
    assert {key.partition("/")[2] for key in files} == {"explore.ipynb", "counting.py"}
    assert f"/{digest}/" in definition
    published = json.loads(files[f"{digest}/explore.ipynb"].read_text())
    assert published["cells"][0]["source"] == ["import counting"]


def test_its_role_reads_folders_of_code_and_no_other_role_does(folder: Path) -> None:
    statements = {
        name: {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}
        for name, policy in of_type(folder, "AWS::IAM::Policy").items()
    }
    (explored,) = (each for name, each in statements.items() if name.startswith("Explored"))
    (plain,) = (each for name, each in statements.items() if name.startswith("Plain"))
    assert explored["ReadNotebooks"]["Action"] == ["s3:GetObject"]
    assert f"{'?' * 64}/*" in text_of(explored["ReadNotebooks"]["Resource"][0])
    listing = explored["ReadNotebooksList"]["Condition"]["StringLike"]["s3:prefix"]
    assert f"{'?' * 64}/*" in listing
    assert "sagemaker-distribution-prod" in text_of(explored["PullImage"]["Resource"][0])
    assert "ReadNotebooks" not in plain
