"""A pipeline's role may do what the kinds of its steps need, and nothing of what they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from config.settings import ComputeSettings, load
from pipeline_defs.authoring import Context, Pipeline, continuous, maximize
from ratchet_cdk.code_bucket import CodeBucket
from ratchet_cdk.ml_pipeline import MlPipeline
from stacks.foundation import Foundation
from tests.infra.assembly import ROOT, context

pytestmark = pytest.mark.synth
SMALL = ComputeSettings()
Define = Callable[[Context], Pipeline]


def role_of(define: Define, folder: Path) -> dict[str, dict[str, Any]]:
    """The statements of a pipeline's role, by their Sid."""
    settings = replace(load("dev"), environment="trial")
    app = cdk.App(context=context(), outdir=str(folder))
    stage = cdk.Stage(app, "trial", env=cdk.Environment(region=settings.region))
    foundation = Foundation(stage, "Foundation", settings=settings)
    stack = cdk.Stack(stage, "Trial")
    MlPipeline(
        stack,
        "Pipeline",
        define=define,
        settings=settings,
        code=CodeBucket(stack, settings=settings),
        source=ROOT,
        artifacts=foundation.artifacts,
        invokes={},
    )
    policies = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    return {
        statement["Sid"]: statement
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    }


def everything(ctx: Context) -> Pipeline:
    p = Pipeline("everything", ctx)
    data = p.string("Data")
    tuned = p.tune(
        "tune",
        "steps/train.py",
        ranges={"eta": continuous(0.1, 0.5)},
        objective=maximize("auc", "auc=([0-9.]+)"),
        channels={"train": data},
        compute=replace(SMALL, spot=True),
    )
    model = p.model("model", artifact=tuned.best_model)
    p.transform("score", model=model, data=data, compute=SMALL)
    p.quality_check("check", data=data, skip=True, register_new_baseline=True)
    p.callback("ask", "https://sqs.us-east-1.amazonaws.com/111122223333/people", returns=[])
    return p


def plain(ctx: Context) -> Pipeline:
    p = Pipeline("plain", ctx)
    p.training("train", "steps/train.py", channels={"train": p.string("Data")}, compute=SMALL)
    return p


def test_each_kind_of_step_brings_the_permissions_that_it_needs(tmp_path: Path) -> None:
    found = role_of(everything, tmp_path)
    tuning = found["RunHyperParameterTuningJobs"]
    assert "sagemaker:CreateHyperParameterTuningJob" in tuning["Action"]
    assert "hyper-parameter-tuning-job/*" in str(tuning["Resource"])
    assert "sagemaker:CreateTransformJob" in found["RunTransformJobs"]["Action"]
    assert "sagemaker:CreateModel" in found["MakeModels"]["Action"]
    assert "sagemaker:ListModelPackages" in str(found["FindBaselines"]["Action"])
    assert ":111122223333:people" in str(found["SendCallbacks"]["Resource"])
    assert "sagemaker-model-monitor-analyzer" in str(found["PullFurtherImages"]["Resource"])
    assert "flights-trial-everything/checkpoints/*" in str(found["WriteRuns"]["Resource"])


def test_a_plain_pipeline_gets_none_of_them(tmp_path: Path) -> None:
    found = role_of(plain, tmp_path)
    assert not set(found) & {
        "RunHyperParameterTuningJobs",
        "RunTransformJobs",
        "MakeModels",
        "FindBaselines",
        "SendCallbacks",
        "PullFurtherImages",
    }
    assert "checkpoints" not in str(found)
