"""A pipeline's role may do what the kinds of its steps need, and nothing of what they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from ratchet.authoring import Context, Pipeline, continuous, maximize
from ratchet.pipelines.registry import PipelineEntry
from ratchet.project import load
from ratchet.settings.schema import ComputeSettings, Settings
from ratchet_cdk.loop import Loop
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from stacks.foundation import Foundation
from tests.infra.assembly import context
from tests.projects import ROOT

pytestmark = pytest.mark.synth
SMALL = ComputeSettings()
Define = Callable[[Context], Pipeline]


class Trial(Loop):
    """A foundation, and one pipeline in a stack of its own."""

    def __init__(self, app: cdk.App, *, settings: Settings, source: Path, entry: PipelineEntry):
        self.entry = entry
        super().__init__(app, settings=settings, source=source)

    def compose(self) -> None:
        foundation = Foundation(self)
        self.stack = cdk.Stack(self, "Trial")
        loop = foundation.shared_with(self.stack)
        MlPipeline(self.stack, "Pipeline", entry=self.entry, loop=loop, invokes={})


def role_of(
    define: Define, folder: Path, permissions: Sequence[Mapping[str, Any]] = ()
) -> dict[str, dict[str, Any]]:
    """The statements of a pipeline's role, by their Sid."""
    settings = replace(load("dev"), environment="trial")
    app = cdk.App(context=context(), outdir=str(folder))
    entry = PipelineEntry(define, permissions=permissions)
    trial = Trial(app, settings=settings, source=ROOT, entry=entry)
    policies = Template.from_stack(trial.stack).find_resources("AWS::IAM::Policy").values()
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
        f"{ctx.steps}/train.py",
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
    p.training(
        "train", f"{ctx.steps}/train.py", channels={"train": p.string("Data")}, compute=SMALL
    )
    return p


def test_each_kind_of_step_brings_the_permissions_that_it_needs(tmp_path: Path) -> None:
    allowed = role_of(everything, tmp_path)
    jobs = allowed["RunJobs"]
    assert "sagemaker:CreateHyperParameterTuningJob" in jobs["Action"]
    assert "sagemaker:CreateTransformJob" in jobs["Action"]
    assert "hyper-parameter-tuning-job/*" in str(jobs["Resource"])
    assert "TransformJobs" in str(allowed["WriteLogs"]["Resource"])
    assert "sagemaker:CreateModel" in allowed["MakeModels"]["Action"]
    assert "sagemaker:ListModelPackages" in str(allowed["FindBaselines"]["Action"])
    assert ":111122223333:people" in str(allowed["SendCallbacks"]["Resource"])
    assert "sagemaker-model-monitor-analyzer" in str(allowed["PullImage"]["Resource"])
    assert "flights-trial-everything/checkpoints/*" in str(allowed["WriteRuns"]["Resource"])


def test_a_plain_pipeline_gets_none_of_them(tmp_path: Path) -> None:
    allowed = role_of(plain, tmp_path)
    assert not set(allowed) & {"MakeModels", "FindBaselines", "SendCallbacks", "FindTrainings"}
    assert "Transform" not in str(allowed)
    assert "checkpoints" not in str(allowed)


def private(ctx: Context) -> Pipeline:
    """A job in a private network with a key for its volume, laid over what the helper makes."""
    p = Pipeline("private", ctx)
    over = {
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "ResourceConfig": {"VolumeKmsKeyId": "arn:aws:kms:us-east-1:111122223333:key/volumes"},
    }
    p.training(
        "train",
        f"{ctx.steps}/train.py",
        channels={"train": p.string("Data")},
        compute=SMALL,
        job=over,
    )
    return p


def test_what_is_laid_over_a_job_brings_its_permissions_as_well(tmp_path: Path) -> None:
    allowed = role_of(private, tmp_path)
    assert len(allowed["JoinNetwork"]["Action"]) == 9
    assert "key/volumes" in str(allowed["EncryptVolumes"]["Resource"])
    assert "kms:Encrypt" in allowed["EncryptOutputs"]["Action"]


def asking(ctx: Context) -> Pipeline:
    p = Pipeline("asking", ctx)
    p.step("ask", "Callback", {}, SqsQueueUrl=p.string("Queue"), OutputParameters=[])
    return p


def test_what_a_definition_leaves_open_is_refused_with_the_statement_to_add(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="pipeline flights-trial-asking leaves open") as error:
        role_of(asking, tmp_path)
    assert "step 'ask', SqsQueueUrl" in str(error.value)
    assert '"Sid": "SendCallbacksForAsk"' in str(error.value)


def test_the_statement_that_was_asked_for_is_granted(tmp_path: Path) -> None:
    queue = "arn:aws:sqs:us-east-1:111122223333:people-*"
    statement = {
        "Sid": "SendCallbacksForAsk",
        "Effect": "Allow",
        "Action": ["sqs:SendMessage"],
        "Resource": [queue],
    }
    allowed = role_of(asking, tmp_path, [statement])
    assert allowed["SendCallbacksForAsk"]["Resource"] in (queue, [queue])
