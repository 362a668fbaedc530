"""A person's mistake ends synth with a line or two in the words of what they wrote."""

from __future__ import annotations

from dataclasses import replace

import aws_cdk as cdk
import pytest

from ratchet.authoring import Context, Pipeline
from ratchet.pipelines import instance_types
from ratchet.project import Project, load
from ratchet.settings.schema import Settings, SettingsError
from ratchet_cdk import app
from stacks.loop import ModelLoop
from tests.infra.assembly import context
from tests.projects import list_pipelines

pytestmark = pytest.mark.synth


def with_type(settings: Settings, part: str, instance_type: str) -> Settings:
    if part == "endpoint":
        endpoint = replace(settings.endpoint, instance_type=instance_type)
        return replace(settings, endpoint=endpoint)
    compute = replace(settings.step("train"), instance_type=instance_type)
    if part == "monitor":
        return replace(settings, monitor=replace(settings.monitor, compute=compute))
    return replace(settings, steps={**settings.steps, "train": compute})


@pytest.mark.parametrize(
    ("part", "key", "file"),
    [
        ("endpoint", "endpoint.instance_type", "dev.toml"),
        ("train", "steps.train.instance_type", "flights/base.toml"),
        ("monitor", "monitor.compute.instance_type", "flights/base.toml"),
    ],
)
def test_a_slip_in_an_instance_type_is_one_line_with_the_key_and_the_nearest(
    part: str, key: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = with_type(load("dev"), part, "ml.m5.lagre")
    monkeypatch.setattr(Project, "settings", lambda *_: settings)
    with pytest.raises(SystemExit) as ended:
        app.synth(ModelLoop)
    assert ended.value.code == (
        f"settings: config/{file}: {key} = 'ml.m5.lagre': SageMaker has no such instance type; "
        "did you mean 'ml.m5.large'?"
    )


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_instance_types_of_every_environment_are_sagemakers(environment: str) -> None:
    instance_types.check(load(environment))


def test_an_endpoint_does_not_take_an_instance_type_that_only_jobs_have() -> None:
    with pytest.raises(SettingsError, match=r"endpoint\.instance_type"):
        instance_types.check(with_type(load("dev"), "endpoint", "ml.p3dn.24xlarge"))


def test_a_mistake_in_a_pipeline_is_said_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(ctx: Context) -> Pipeline:
        p = Pipeline("mistaken", ctx)
        p.string("Unused")
        p.halt("stop", "never")
        return p

    list_pipelines(monkeypatch, {"mistaken": mistaken})
    flags = {**context(), "environment": "dev"}
    with_flags = cdk.App(context=flags, analytics_reporting=False)
    monkeypatch.setattr(cdk, "App", lambda **_: with_flags)
    with pytest.raises(SystemExit) as ended:
        app.synth(ModelLoop)
    heading, problem = str(ended.value.code).splitlines()
    assert heading == "pipeline 'flights-dev-mistaken' has 1 problem:"
    assert "parameter 'Unused'" in problem
