import json
from datetime import timedelta
from typing import Any

import pytest

from ratchet.cli.views import lineage_view
from ratchet.deployment.registry import lineage
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.lineage import Lineage
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import PIPELINE_ARN, START, FakeRun, job, report, step
from tests.unit.cli.fake_serving import GROUP, ServingWorld, arn_of, package, refusal
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(hours=6)
MANIFEST = "s3://artifacts/manifests/9f86/manifest.json"


@pytest.fixture
def traced(serving: ServingWorld) -> ServingWorld:
    """Version 2 with all that it was made of; prepare came from the cache."""
    metadata = {
        "execution": "abcdef123456",
        "manifest": MANIFEST,
        "champion": arn_of(1),
        "champion-version": "1",
        "champion-status": "scored",
        "code-prepare": "a" * 64,
        "code-train": "b" * 64,
    }
    run_arn = f"{PIPELINE_ARN}/execution/abcdef123456"
    serving.sagemaker.packages[1] = package(
        2, "Approved", metadata=metadata, MetadataProperties={"GeneratedBy": run_arn}
    )
    cached = {"SourcePipelineExecutionArn": f"{PIPELINE_ARN}/execution/earlier12345"}
    serving.sagemaker.runs.append(
        FakeRun(
            id="abcdef123456",
            name="2013-06-9f86d081884c",
            status="Succeeded",
            description="2013-04 to 2013-06: 9 new objects, drift of temp.",
            parameters={"InputManifest": MANIFEST},
            steps=[
                step("prepare", 0, 0.1, CacheHitResult=cached, **job("ProcessingJob", "prepare-0")),
                step("train", 1, 6.5, **job("TrainingJob", "train-2")),
                step("evaluate", 8, 2.5, **job("ProcessingJob", "evaluate-2")),
            ],
        )
    )
    serving.sagemaker.training_jobs["train-2"] = {
        "HyperParameters": {
            "max_depth": '"6"',
            "num_round": "200",
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://assets/{'b' * 64}.gz",
        },
        "AlgorithmSpecification": {"TrainingImage": "registry/sagemaker-xgboost:3.0-5"},
        "FinalMetricDataList": [{"MetricName": "train:auc", "Value": 0.8354}],
    }
    serving.sagemaker.jobs["prepare-0"] = {
        "ProcessingInputs": [
            {"InputName": "code", "S3Input": {"S3Uri": f"s3://assets/{'a' * 64}.gz"}}
        ]
    }
    objects = serving.world.s3.objects
    keys = [f"raw/2013-0{month}/{name}.csv" for month in (1, 2) for name in ("flights", "planes")]
    objects["artifacts", "manifests/9f86/manifest.json"] = json.dumps(
        [{"prefix": "s3://data/"}, *keys]
    ).encode()
    objects["artifacts", "evaluate-2/evaluation.json"] = json.dumps(
        report(candidate=0.7521, champion=0.7018)
    ).encode()
    return serving


def trace(world: ServingWorld, version: str = "2") -> Lineage:
    versions = registry.versions(world.world.target, GROUP)
    return lineage.trace(world.world.target, registry.find(versions, version))


def test_the_lineage_of_a_version_that_beat_its_champion(traced: ServingWorld) -> None:
    hold("lineage.txt", drawn([lineage_view.tree(trace(traced), now=NOW)]))


def test_lineage_prints_json_for_scripts(type_serving: Type, traced: ServingWorld) -> None:
    shown = json.loads(type_serving("lineage", "2", "--json").stdout)
    assert shown["run"]["id"] == "abcdef123456"
    assert shown["run"]["cached"] == {"prepare": "earlier12345"}
    assert len(shown["data"]["objects"]) == 4
    assert shown["hyperparameters"] == {"max_depth": "6", "num_round": "200"}
    assert shown["code"][1] == {
        "step": "train",
        "digest": "b" * 64,
        "uri": f"s3://assets/{'b' * 64}.gz",
    }
    assert shown["evaluation"]["rows"] == 27004
    assert shown["champion"] == 1


def test_what_is_gone_by_now_is_said_to_be_gone(
    traced: ServingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced.sagemaker.runs.clear()
    traced.world.s3.objects.clear()
    monkeypatch.setattr(traced.sagemaker, "describe_pipeline_execution", gone)
    found = trace(traced)
    assert found.run is None
    text = drawn([lineage_view.tree(found, now=NOW)])
    assert "not there any more" in text
    assert "the manifest is not there any more" in text
    assert "a" * 12 in text, "the digests stay with the version"


def gone(**_: object) -> dict[str, object]:
    raise refusal("ResourceNotFound", "Pipeline execution does not exist")


def test_a_deleted_champion_is_still_named_by_its_number(traced: ServingWorld) -> None:
    del traced.sagemaker.packages[2]
    found = trace(traced)
    assert found.champion is None
    assert "beats version 1 (deleted since)" in drawn([lineage_view.tree(found, now=NOW)])


@pytest.mark.parametrize(
    ("candidate", "regression", "words"),
    [
        (0.7018, 0.0, "ties with version 1: auc 0.7018, the same"),
        (0.70184, -0.00004, "ties with version 1: auc 0.7018, less than 0.0001 better"),
        (0.7000, 0.0018, "is worse than version 1: auc 0.7018, 0.0018 worse"),
        (0.7118, -0.01, "beats version 1: auc 0.7018, 0.0100 better"),
    ],
)
def test_only_a_better_version_beats_its_champion(
    traced: ServingWorld, candidate: float, regression: float, words: str
) -> None:
    assert words in compared(traced, candidate=candidate, regression=regression)


def test_a_copy_of_the_champion_is_said_to_be_one(traced: ServingWorld) -> None:
    same = compared(traced, candidate=0.7018, regression=0.0, digests=("ab", "ab"))
    assert "no new model: it is version 1 itself" in same
    assert "ties" not in same
    assert "ties" in compared(traced, candidate=0.7018, regression=0.0, digests=("none", "none"))


def test_worse_slices_stand_below_the_comparison(traced: ServingWorld) -> None:
    slices = [
        {"column": "shop", "value": "Ulm", "rows": 900, "regression": 0.03, "worse": True},
        {"column": "shop", "value": "Bonn", "rows": 900, "regression": 0.02, "worse": False},
    ]
    text = compared(traced, candidate=0.7118, regression=-0.01, slices=slices)
    assert "worse for shop=Ulm: 0.0300 worse" in text
    assert "Bonn" not in text


def compared(
    world: ServingWorld,
    *,
    candidate: float,
    regression: float,
    digests: tuple[str, str] = ("ab", "cd"),
    slices: list[dict[str, Any]] | None = None,
) -> str:
    made = report(candidate=candidate, champion=0.7018)
    made["candidate"]["digest"], made["champion"]["digest"] = digests
    made |= {"regression": regression, "interval": None, "slices": slices or []}
    objects = world.world.s3.objects
    objects["artifacts", "evaluate-2/evaluation.json"] = json.dumps(made).encode()
    return drawn([lineage_view.tree(trace(world), now=NOW)])


def test_a_version_registered_by_hand_has_what_it_has(traced: ServingWorld) -> None:
    found = trace(traced, "3")
    assert (found.run, found.data, found.code) == (None, None, ())
    assert "run none: registered by hand" in drawn([lineage_view.tree(found, now=NOW)])
