"""The evaluation pipeline, run: a trained model on months that came after it."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.pipelines.evaluation import evaluation
from ratchet.runner import Result
from tests.definitions.laptop import (
    Laptop,
    after_winter,
    champion_answer,
    output,
    run_training,
    steps,
)

pytestmark = pytest.mark.jobs

PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/flights-dev/1"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    laptop = after_winter(tmp_path_factory.mktemp("laptop"))
    laptop.land(3, below="s3://data/labelled/")
    laptop.manifest("s3://artifacts/manifests/march.json", prefix="s3://data/labelled/")
    return laptop


@pytest.fixture(scope="module")
def model(laptop: Laptop) -> str:
    result = run_training(laptop)
    assert result.status == "Succeeded", result.failure_reason
    artifacts = steps(result)["train"].properties["ModelArtifacts"]
    return str(artifacts["S3ModelArtifacts"])


def evaluated(
    laptop: Laptop, *, champion: str, package_arn: str = PACKAGE
) -> tuple[Result, dict[str, Any]]:
    """The run, and the event that `record_evaluation` got."""
    recorded: list[dict[str, Any]] = []

    def record(event: dict[str, Any]) -> dict[str, Any]:
        recorded.append(event)
        return {"outcome": "Completed", "verdict": "as a test has it"}

    answer = champion_answer(champion, package_arn=package_arn)
    laptop.functions["resolve-champion"] = lambda event: answer
    laptop.functions["record-evaluation"] = record
    result = laptop.run(
        evaluation(laptop.context), InputManifest="s3://artifacts/manifests/march.json"
    )
    assert result.status == "Succeeded", result.failure_reason
    (event,) = recorded
    return result, event


def test_the_champion_is_judged_on_every_labelled_row_and_nothing_is_trained(
    laptop: Laptop, model: str
) -> None:
    result, event = evaluated(laptop, champion=model)

    assert set(steps(result)) == {"champion", "deployed", "prepare", "evaluate", "report"}
    report = laptop.document(event["report"])
    rows = laptop.storage.read_bytes(f"{output(result, 'prepare', 'eval')}/eval.csv")
    assert report["rows"] == len(rows.splitlines()) - 1
    days = {line.split(b",")[3] for line in rows.splitlines()[1:]}
    assert len(days) == 31, "all days of the month, not its last fifth"
    assert report["candidate"] is None
    assert report["champion"]["status"] == "scored"
    assert 0.55 < report["champion"]["score"] < 0.8
    low, high = report["interval"]["low"], report["interval"]["high"]
    assert low < report["champion"]["score"] < high


def test_the_record_is_told_which_model_data_and_standards(laptop: Laptop, model: str) -> None:
    _, event = evaluated(laptop, champion=model)

    assert event.pop("report").endswith("/evaluation.json")
    assert event == {
        "package_arn": PACKAGE,
        "execution": f"run{laptop.runs}",
        "manifest": "s3://artifacts/manifests/march.json",
        "floor": 0.5,
        "max_regression": 0.05,
    }


def test_the_same_data_and_champion_again_start_no_job(laptop: Laptop, model: str) -> None:
    _, once = evaluated(laptop, champion=model)
    result, twice = evaluated(laptop, champion=model)

    hits = {step: steps(result)[step].cache_hit_source for step in ("prepare", "evaluate")}
    assert None not in hits.values()
    assert twice["report"] == once["report"]
    assert twice["execution"] != once["execution"]


def test_a_champion_that_cannot_answer_is_reported_and_not_an_error(laptop: Laptop) -> None:
    broken = laptop.put("s3://artifacts/broken/model.tar.gz", "this is no archive")
    _, event = evaluated(laptop, champion=broken)

    report = laptop.document(event["report"])
    assert report["champion"]["status"] == "unscorable"
    assert "cannot be unpacked" in report["verdict"]


def test_with_nothing_deployed_it_ends_well_says_so_and_starts_no_job(laptop: Laptop) -> None:
    result, event = evaluated(laptop, champion="s3://artifacts/champion/none/", package_arn="none")

    assert set(steps(result)) == {"champion", "deployed", "nothing-deployed"}
    assert steps(result)["nothing-deployed"].output_parameters["verdict"] == "as a test has it"
    assert "report" not in event
