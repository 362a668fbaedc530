"""What `[steps.<name>]` says becomes arguments of the step's job; what the code says wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from ratchet.authoring import Context, Pipeline, maximize
from ratchet.authoring.search import integer
from ratchet.permissions import needs, registered_images
from ratchet.pipelines import step_settings
from ratchet.settings.arns import RegionArns
from ratchet.settings.schema import (
    ComputeSettings,
    InstanceSettings,
    Settings,
    SettingsError,
    StepSettings,
)

StepOf = Callable[[Pipeline, str], dict[str, Any]]

OWN = "111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1"
OTHER = "111122223333.dkr.ecr.us-east-1.amazonaws.com/other:2"
NETWORK = {"SecurityGroupIds": ["sg-0123456789abcdef0"], "Subnets": ["subnet-0123456789abcdef0"]}
VALUES: dict[str, Any] = {
    "instance_type": "ml.c5.xlarge",
    "instance_count": 3,
    "volume_gb": 77,
    "max_runtime_seconds": 7200,
    "spot": True,
    "max_wait_seconds": 9000,
    "keep_alive_seconds": 600,
    "image_uri": OWN,
    "environment": {"DEPTH": "3"},
    "subnets": ("subnet-0123456789abcdef0",),
    "security_groups": ("sg-0123456789abcdef0",),
}
"""A value of each key that is not its default."""


def said(**values: Any) -> StepSettings:
    return StepSettings(**values, said=frozenset(values))


def with_steps(ctx: Context, **steps: StepSettings) -> Context:
    settings = replace(
        ctx.settings, steps={name.replace("_", "-"): step for name, step in steps.items()}
    )
    return replace(ctx, settings=settings)


def trained(ctx: Context, **options: Any) -> Pipeline:
    p = Pipeline("trial", ctx)
    train = p.training("train", "steps/train.py", channels={}, **options)
    p.register("register", train.model)
    return p


def prepared(ctx: Context, **options: Any) -> Pipeline:
    p = Pipeline("trial", ctx)
    p.processing("prepare", "steps/prepare.py", inputs={}, outputs=["rows"], **options)
    return p


@pytest.mark.parametrize("key", sorted({each.name for each in fields(StepSettings)} - {"said"}))
def test_each_key_of_a_step_changes_its_job(ctx: Context, step_of: StepOf, key: str) -> None:
    # Spot has a longest wait and subnets have security groups: the key alone differs.
    pairs = {"max_wait_seconds": "spot", "subnets": "security_groups", "security_groups": "subnets"}
    beside = {pairs[key]: VALUES[pairs[key]]} if key in pairs else {}
    if key == "security_groups":
        with_key, without = {"security_groups": ("sg-0aaaaaaa",)}, {"security_groups": VALUES[key]}
    else:
        with_key, without = {key: VALUES[key]}, {}
    jobs = [
        step_of(trained(with_steps(ctx, train=said(**beside, **values))), "train")["Arguments"]
        for values in (with_key, without)
    ]
    assert jobs[0] != jobs[1]


def test_a_training_has_all_that_its_table_says(ctx: Context, step_of: StepOf) -> None:
    values = {key: value for key, value in VALUES.items() if key != "keep_alive_seconds"}
    job = step_of(trained(with_steps(ctx, train=said(**values))), "train")["Arguments"]
    assert job["AlgorithmSpecification"]["TrainingImage"] == OWN
    assert job["Environment"] == {"DEPTH": "3"}
    assert job["VpcConfig"] == NETWORK
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 9000}
    assert job["ResourceConfig"]["InstanceCount"] == 3


def test_a_processing_job_joins_its_network_by_its_network_config(
    ctx: Context, step_of: StepOf
) -> None:
    names = ("image_uri", "environment", "subnets", "security_groups")
    table = said(**{name: VALUES[name] for name in names})
    job = step_of(prepared(with_steps(ctx, prepare=table)), "prepare")["Arguments"]
    assert job["AppSpecification"]["ImageUri"] == OWN
    assert job["Environment"] == {"DEPTH": "3"}
    assert job["NetworkConfig"] == {"VpcConfig": NETWORK}


def test_the_image_and_the_network_of_a_step_are_granted_to_the_role(ctx: Context) -> None:
    names = ("image_uri", "subnets", "security_groups")
    table = said(**{name: VALUES[name] for name in names})
    definition = prepared(with_steps(ctx, prepare=table)).definition()
    arns = RegionArns(region="us-east-1", account="111122223333")
    permissions, missing = needs(definition, arns=arns, granted_buckets=["code", "artifacts"])
    by_sid = {permission.sid: permission for permission in permissions}
    assert by_sid["PullImage"].resources == ["arn:aws:ecr:us-east-1:111122223333:repository/own"]
    assert "ec2:CreateNetworkInterface" in by_sid["JoinNetwork"].actions
    assert not missing


def test_what_the_code_of_a_step_says_wins(ctx: Context, step_of: StepOf) -> None:
    table = said(image_uri=OWN, environment={"DEPTH": "3", "SEED": "0"}, volume_gb=77)
    p = prepared(
        with_steps(ctx, prepare=table),
        image=OTHER,
        environment={"DEPTH": "9"},
        compute=ComputeSettings(volume_gb=50),
        job={"NetworkConfig": {"EnableNetworkIsolation": True}},
    )
    job = step_of(p, "prepare")["Arguments"]
    assert job["AppSpecification"]["ImageUri"] == OTHER
    assert job["Environment"] == {"DEPTH": "9", "SEED": "0"}
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == 50
    assert job["NetworkConfig"] == {"EnableNetworkIsolation": True}


def test_a_search_trains_in_the_image_and_the_network_of_its_table(
    ctx: Context, step_of: StepOf
) -> None:
    names = ("image_uri", "subnets", "security_groups", "environment")
    p = Pipeline("trial", with_steps(ctx, search=said(**{name: VALUES[name] for name in names})))
    p.tune(
        "search",
        "steps/train.py",
        ranges={"depth": integer(1, 3)},
        objective=maximize("auc", "auc=(.*)"),
        channels={},
    )
    job = step_of(p, "search")["Arguments"]["TrainingJobDefinition"]
    assert job["AlgorithmSpecification"]["TrainingImage"] == OWN
    assert job["VpcConfig"] == NETWORK
    assert job["Environment"] == {"DEPTH": "3"}


def test_a_model_serves_with_the_image_the_variables_and_the_network_of_its_table(
    ctx: Context, step_of: StepOf
) -> None:
    names = ("image_uri", "subnets", "security_groups", "environment")
    p = Pipeline("trial", with_steps(ctx, model=said(**{name: VALUES[name] for name in names})))
    p.model("model", artifact="s3://artifacts/model.tar.gz")
    arguments = step_of(p, "model")["Arguments"]
    assert arguments["PrimaryContainer"]["Image"] == OWN
    assert arguments["PrimaryContainer"]["Environment"]["DEPTH"] == "3"
    assert arguments["VpcConfig"] == NETWORK


def test_a_step_of_the_analyzer_has_the_instances_of_monitoring_unless_its_table_says_others(
    ctx: Context, step_of: StepOf
) -> None:
    monitor = replace(
        ctx.settings.monitor, compute=InstanceSettings(instance_type="ml.m5.4xlarge", volume_gb=99)
    )
    ctx = replace(ctx, settings=replace(ctx.settings, monitor=monitor))

    def cluster(table: StepSettings) -> dict[str, Any]:
        p = Pipeline("trial", with_steps(ctx, baseline=table))
        p.baseline("baseline", of="s3://artifacts/rows", cache="")
        job = step_of(p, "baseline")["Arguments"]
        found: dict[str, Any] = job["ProcessingResources"]["ClusterConfig"]
        return found

    assert cluster(said())["InstanceType"] == "ml.m5.4xlarge"
    # Also where what the table says is what a job has by default.
    default = cluster(said(instance_type="ml.m5.large"))
    assert (default["InstanceType"], default["VolumeSizeInGB"]) == ("ml.m5.large", 99)


@pytest.mark.parametrize(
    ("serving", "training", "image"),
    [(None, None, None), (None, OWN, OWN), (OTHER, OWN, OTHER), (OTHER, None, OTHER)],
)
def test_a_version_is_served_by_the_endpoints_image_or_else_the_one_it_was_trained_in(
    ctx: Context, serving: str | None, training: str | None, image: str | None
) -> None:
    endpoint = replace(ctx.settings.endpoint, image_uri=serving)
    ctx = replace(ctx, settings=replace(ctx.settings, endpoint=endpoint))
    definition = trained(with_steps(ctx, train=said(image_uri=training))).definition()
    # The role of the endpoint may pull these.
    assert registered_images(definition) == [image or ctx.image]


def refusal(settings: Settings, *pipelines: Pipeline) -> str:
    with pytest.raises(SettingsError) as refused:
        step_settings.check(settings, pipelines)
    return str(refused.value)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (
            {"trian": said(volume_gb=50)},
            "config/dev.toml: [steps.trian]: no pipeline of flights has such a step; "
            "did you mean [steps.train]?",
        ),
        ({"zzz": said(volume_gb=50)}, "[steps.zzz]: no pipeline of flights has such a step; there"),
        (
            {"register": said(image_uri=OWN)},
            "[steps.register]: this step takes no settings",
        ),
        (
            {"prepare": said(spot=True)},
            "steps.prepare.spot: this step's job has no such choice, which trainings have; it has:",
        ),
        ({"other": said(image_uri=OWN)}, "or its code names the image; it has: environment,"),
    ],
)
def test_a_table_that_would_change_nothing_is_refused(
    ctx: Context, tables: dict[str, StepSettings], words: str
) -> None:
    ctx = with_steps(ctx, **tables)
    p = trained(ctx)
    p.processing("prepare", "steps/prepare.py", inputs={}, outputs=["rows"])
    p.container("other", OTHER)
    assert words in refusal(ctx.settings, p)


def test_a_table_may_be_for_a_step_of_any_pipeline_and_the_rest_is_compiled_only_then(
    ctx: Context,
) -> None:
    ctx = with_steps(ctx, train=said(volume_gb=50))
    compiled: list[str] = []

    def others() -> list[Pipeline]:
        compiled.append("others")
        return [trained(ctx)]

    step_settings.check(ctx.settings, [prepared(ctx)], others=others)
    assert compiled == ["others"]
    step_settings.check(ctx.settings, [trained(ctx)], others=others)
    assert compiled == ["others"]


def test_two_pipelines_with_a_step_of_one_name_take_what_either_takes(ctx: Context) -> None:
    ctx = with_steps(ctx, train=said(spot=True))
    other = Pipeline("other", ctx)
    other.processing("train", "steps/prepare.py", inputs={}, outputs=["rows"])
    step_settings.check(ctx.settings, [other, trained(ctx)])
    assert "steps.train.spot" in refusal(ctx.settings, other)


def test_a_step_of_an_imported_pipeline_is_as_the_sdk_wrote_it(ctx: Context) -> None:
    class Imported:
        def definition(self) -> dict[str, Any]:
            return {"Steps": [{"Name": "fit", "Type": "Training", "Arguments": {}}]}

    ctx = with_steps(ctx, fit=said(volume_gb=50))
    assert "or its own definition says all of it; those that do: train" in refusal(
        ctx.settings,
        trained(ctx),
        Imported(),  # type: ignore[arg-type]
    )
