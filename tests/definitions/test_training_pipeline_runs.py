"""The whole training pipeline, run: real scripts, real flights, the definition that deploys."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from ratchet.runner import Result
from ratchet.settings.schema import MonitorSettings
from tests.definitions.laptop import Laptop, after_winter, output, run_training, steps

pytestmark = pytest.mark.jobs


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    return after_winter(tmp_path_factory.mktemp("laptop"))


@pytest.fixture(scope="module")
def first(laptop: Laptop) -> Result:
    return run_training(laptop)


@pytest.fixture(scope="module")
def second(laptop: Laptop, equal: str) -> Result:
    """The same data again, now that a model serves that is as good and is not the same."""
    return run_training(laptop, champion=equal)


@pytest.fixture(scope="module")
def equal(laptop: Laptop, first: Result) -> str:
    """The first model with one more file in it."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(laptop.storage.read_bytes(model_of(first)))) as model,
        tarfile.open(fileobj=packed, mode="w:gz") as tar,
    ):
        for member in model:
            tar.addfile(member, model.extractfile(member))
        tar.addfile(tarfile.TarInfo("note"))
    uri = "s3://artifacts/equal/model.tar.gz"
    laptop.storage.write_bytes(uri, packed.getvalue())
    return uri


def model_of(result: Result) -> str:
    return str(steps(result)["train"].properties["ModelArtifacts"]["S3ModelArtifacts"])


def test_the_first_run_registers_its_model_with_both_baselines(
    laptop: Laptop, first: Result
) -> None:
    assert first.status == "Succeeded", first.failure_reason
    version = laptop.registered[0]
    for kind, step in (("ModelDataQuality", "baseline"), ("ModelQuality", "quality-baseline")):
        folder = output(first, step, "baseline")
        for role, name in (("Statistics", "statistics.json"), ("Constraints", "constraints.json")):
            uri = f"{folder}/{name}"
            assert version["DriftCheckBaselines"][kind][role]["S3Uri"] == uri
            assert version["ModelMetrics"][kind][role]["S3Uri"] == uri
            assert laptop.storage.exists(uri)


def test_the_version_carries_the_digests_of_its_baselines(laptop: Laptop, first: Result) -> None:
    metadata = laptop.registered[0]["CustomerMetadataProperties"]
    for step in ("baseline", "quality-baseline"):
        folder = output(first, step, "baseline")
        documents = [
            laptop.storage.read_bytes(f"{folder}/{name}.json")
            for name in ("statistics", "constraints")
        ]
        assert metadata[f"{step}-digest"] == hashlib.sha256(b"".join(documents)).hexdigest()
    assert metadata["evaluation"] == f"{output(first, 'evaluate', 'report')}/evaluation.json"
    assert all(0 < len(value) <= 256 for value in metadata.values())


def test_the_baselines_are_of_the_rows_and_the_answers_of_the_evaluation(
    laptop: Laptop, first: Result
) -> None:
    report = laptop.document(f"{output(first, 'evaluate', 'report')}/evaluation.json")
    data = laptop.document(f"{output(first, 'baseline', 'baseline')}/statistics.json")
    quality = laptop.document(f"{output(first, 'quality-baseline', 'baseline')}/statistics.json")
    features = {feature["name"]: feature for feature in data["features"]}

    assert data["dataset"]["item_count"] == report["rows"]
    assert "late" not in features, "requests do not carry the label"
    assert features["month"]["numerical_statistics"]["min"] == 2.0, "the newest month"
    assert quality["dataset"]["item_count"] == report["rows"]
    metrics = quality["binary_classification_metrics"]
    assert metrics["auc"]["value"] == pytest.approx(report["candidate"]["score"])
    positives = sum(metrics["confusion_matrix"]["1"].values())
    assert positives == report["classes"]["1"]


def test_the_settings_threshold_stands_in_the_constraints(laptop: Laptop, first: Result) -> None:
    monitor = laptop.context.settings.monitor
    constraints = laptop.document(f"{output(first, 'baseline', 'baseline')}/constraints.json")
    comparison = constraints["monitoring_config"]["distribution_constraints"]
    assert comparison["comparison_threshold"] == monitor.comparison_threshold


def test_a_run_on_the_same_data_takes_the_data_baseline_from_the_cache(
    laptop: Laptop, first: Result, second: Result
) -> None:
    records = steps(second)
    assert second.status == "Succeeded", second.failure_reason
    assert records["baseline"].cache_hit_source is not None
    assert output(second, "baseline", "baseline") == output(first, "baseline", "baseline")
    assert records["evaluate"].cache_hit_source is None, "there is a champion now"
    assert records["quality-baseline"].cache_hit_source is None, "it is of the new evaluation"
    before, after = (version["CustomerMetadataProperties"] for version in laptop.registered[:2])
    assert after["baseline-digest"] == before["baseline-digest"]
    assert after["quality-baseline-digest"] == before["quality-baseline-digest"]


def test_other_settings_of_the_monitor_make_another_baseline_and_train_nothing(
    laptop: Laptop, equal: str, second: Result
) -> None:
    monitor = MonitorSettings(exclude=("month",))

    third = run_training(laptop, champion=equal, monitor=monitor)

    missed = {r.name for r in third.steps if r.type != "Lambda" and not r.cache_hit_source}
    assert missed == {"baseline", "no-regression", "new-model", "register"}
    constraints = laptop.document(f"{output(third, 'baseline', 'baseline')}/constraints.json")
    assert "month" not in {feature["name"] for feature in constraints["features"]}


@pytest.mark.parametrize("serves", [True, False])
def test_a_run_without_a_new_model_succeeds_and_registers_nothing(
    laptop: Laptop, first: Result, serves: bool
) -> None:
    """The first model serves, or waits for approval while nothing does."""
    before = list(laptop.registered)
    digest = before[0]["CustomerMetadataProperties"]["model-digest"]

    if serves:
        again = run_training(laptop, champion=model_of(first))
    else:
        again = run_training(laptop, newest_digest=digest)

    assert again.status == "Succeeded", again.failure_reason
    assert laptop.registered == before
    records = steps(again)
    assert not {"halt", "baseline", "quality-baseline", "register"} & records.keys()
    report = laptop.document(f"{output(again, 'evaluate', 'report')}/evaluation.json")
    assert report["candidate"]["digest"] == digest
    ending = "it is the champion itself" if serves else "it is version 9 already, which waits"
    assert ending in report["verdict"]
    assert "no new model" in report["verdict"]
