"""The step cache: when a result is taken again, and why it is or is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ratchet.runner import Result, StepCache
from ratchet.runner.cache import CachedResult
from ratchet.runner.cache_key import (
    CacheKeySource,
    Fingerprint,
    content_digest,
    describe_differences,
)
from tests.runner.workbench import (
    Workbench,
    compare,
    condition,
    definition,
    get,
    invoke,
    output_uri,
    processing,
    training,
)

COPY = "cp /opt/ml/processing/input/raw/* /opt/ml/processing/output/train/"
CODE = "s3://code/train.gz"
TRAIN = """
    import os
    data = open(os.environ["SM_CHANNEL_TRAIN"] + "/a.csv").read()
    open(os.environ["SM_MODEL_DIR"] + "/m", "w").write(data)
"""


def loop(depth: Any = "4", command: str = COPY, **more: Any) -> dict[str, Any]:
    prepare = processing(
        "prepare",
        ["/bin/sh", "-c", command],
        inputs={"raw": "s3://data/raw/"},
        outputs=["train"],
        cached=True,
        **more,
    )
    channels = {"train": output_uri("prepare", "train")}
    hyperparameters = {"max_depth": depth}
    train = training(
        "train", code=CODE, channels=channels, hyperparameters=hyperparameters, cached=True
    )
    return definition(prepare, train)


@pytest.fixture
def ready(workbench: Workbench) -> Workbench:
    workbench.put("s3://data/raw/a.csv", "rows")
    workbench.put_bundle(CODE, train=TRAIN)
    return workbench


def why(result: Result) -> dict[str, str]:
    assert result.status == "Succeeded", result.failure_reason
    return {record.name: record.cache_explanation for record in result.steps}


def test_the_second_run_takes_everything_from_the_first(ready: Workbench) -> None:
    first = ready.run(loop())
    assert why(first) == {"prepare": "miss: first run", "train": "miss: first run"}
    second = ready.run(loop())
    assert why(second) == dict.fromkeys(("prepare", "train"), "hit: same as run run1")
    for name in ("prepare", "train"):
        before, after = first.step(name), second.step(name)
        assert after.properties == before.properties
        assert after.job_name == before.job_name
        assert before.cache_hit_source is None
        assert str(after.cache_hit_source).endswith("/execution/run1")
    assert not (ready.workdir / "prepare").exists()


def test_a_hit_of_a_hit_still_names_the_run_that_did_the_work(ready: Workbench) -> None:
    for _ in range(2):
        ready.run(loop())
    assert str(ready.run(loop()).step("train").cache_hit_source).endswith("/execution/run1")


def test_a_changed_hyperparameter_runs_training_only_and_says_so(ready: Workbench) -> None:
    ready.run(loop())
    assert why(ready.run(loop(depth="5"))) == {
        "prepare": "hit: same as run run1",
        "train": "miss: hyperparameters.max_depth 4 → 5",
    }


def test_changed_data_under_the_same_uri_runs_again(ready: Workbench) -> None:
    ready.run(loop())
    ready.put("s3://data/raw/a.csv", "other rows")
    explanations = why(ready.run(loop()))
    assert explanations["prepare"].startswith("miss: input raw changed (")
    assert explanations["train"].startswith("miss: channel train changed (")


def test_another_object_under_the_prefix_runs_again(ready: Workbench) -> None:
    ready.run(loop())
    ready.put("s3://data/raw/b.csv", "more")
    assert why(ready.run(loop()))["prepare"].startswith("miss: input raw changed (")


def test_changed_code_runs_its_step_only(ready: Workbench) -> None:
    ready.run(loop())
    ready.put_bundle(CODE, train=TRAIN + "\n    # edited")
    explanations = why(ready.run(loop()))
    assert explanations["prepare"] == "hit: same as run run1"
    assert explanations["train"].startswith("miss: code bundle changed (")


def test_prepare_run_anew_with_the_same_output_moves_trainings_input(ready: Workbench) -> None:
    # SageMaker's key holds the URI, which names the run; the words say that nothing else changed.
    ready.run(loop())
    explanations = why(ready.run(loop(command=COPY + " # edited")))
    assert explanations["prepare"].startswith("miss: entry point ")
    assert explanations["train"] == (
        "miss: channel train is at another URI, same content "
        "(s3://artifacts/runs/run1/prepare/train → s3://artifacts/runs/run2/prepare/train)"
    )


def test_tags_resources_and_role_do_not_count(ready: Workbench) -> None:
    ready.run(loop())
    document = loop()
    arguments = document["Steps"][0]["Arguments"]
    arguments["Tags"] = [{"Key": "run", "Value": get("Execution.PipelineExecutionId")}]
    arguments["RoleArn"] = "arn:aws:iam::123456789012:role/other"
    arguments["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.m5.24xlarge"
    assert why(ready.run(document))["prepare"] == "hit: same as run run1"


def test_an_environment_variable_counts(ready: Workbench) -> None:
    ready.run(loop(environment={"LEVEL": "1"}))
    explanations = why(ready.run(loop(environment={"LEVEL": "2"})))
    assert explanations["prepare"] == "miss: environment.LEVEL 1 → 2"
    explanations = why(ready.run(loop()))
    assert explanations["prepare"] == "miss: environment.LEVEL removed (was 2)"


def test_going_back_to_an_earlier_value_hits_again(ready: Workbench) -> None:
    for depth in ("4", "5"):
        ready.run(loop(depth=depth))
    assert why(ready.run(loop(depth="4")))["train"] == "hit: same as run run1"


def test_a_lost_output_makes_a_miss(ready: Workbench) -> None:
    ready.run(loop())
    ready.storage.path("s3://artifacts/runs/run1/prepare/train/a.csv").unlink()
    assert why(ready.run(loop()))["prepare"] == (
        "miss: output s3://artifacts/runs/run1/prepare/train/ of run run1 is gone or changed"
    )


def test_a_changed_output_makes_a_miss(ready: Workbench) -> None:
    ready.run(loop())
    ready.put("s3://artifacts/runs/run1/prepare/train/a.csv", "tampered")
    assert "is gone or changed" in why(ready.run(loop()))["prepare"]


def test_a_failed_step_is_never_taken(ready: Workbench) -> None:
    flag = ready.folder / "fixed"
    command = f"test -e {flag} && {COPY}"
    assert ready.run(loop(command=command)).status == "Failed"
    flag.touch()
    assert why(ready.run(loop(command=command)))["prepare"] == "miss: first run"


def test_without_cache_config_every_run_does_the_work(workbench: Workbench) -> None:
    document = definition(processing("a", ["true"]))
    workbench.run(document)
    assert why(workbench.run(document)) == {"a": "off"}


def test_types_that_sagemaker_never_caches_say_so(workbench: Workbench) -> None:
    workbench.services.functions["f"] = lambda payload: {}
    config = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}
    gate = condition("gate", compare("Equals", 1, 1))
    document = definition({**invoke("f", {}), **config}, {**gate, **config})
    workbench.run(document)
    assert why(workbench.run(document)) == {
        "f": "off: Lambda steps are never cached",
        "gate": "off: Condition steps are never cached",
    }


def test_a_manifests_key_is_what_it_lists(workbench: Workbench) -> None:
    workbench.put("s3://data/raw/a b.csv", "1")
    workbench.put("s3://data/raw/b.csv", "2")
    uri = workbench.put("s3://m/x.json", [{"prefix": "s3://data/raw/"}, "a b.csv"])
    source = {"S3Uri": uri, "S3DataType": "ManifestFile"}
    document = definition(processing("a", ["true"], inputs={"raw": source}, cached=True))
    workbench.run(document)
    workbench.put("s3://data/raw/b.csv", "changed, but not listed")
    assert why(workbench.run(document))["a"].startswith("hit")
    workbench.put("s3://data/raw/a b.csv", "changed")
    assert why(workbench.run(document))["a"].startswith("miss: input raw changed")


def test_a_manifests_digest_is_the_same_whatever_order_it_lists_in(workbench: Workbench) -> None:
    for name in ("a", "b"):
        workbench.put(f"s3://data/{name}", name)
    digests = {
        content_digest(
            workbench.storage,
            CacheKeySource(
                uri=workbench.put("s3://m/x", [{"prefix": "s3://data/"}, *order]), manifest=True
            ),
        )
        for order in (("a", "b"), ("b", "a"))
    }
    assert len(digests) == 1


@pytest.fixture
def kept(workbench: Workbench) -> Callable[..., Any]:
    """Puts one result and looks it up again."""
    key = Fingerprint(digest="k", parts={"image": "i"})
    result = CachedResult(
        execution_arn="arn:x/execution/run9", job_name="j", properties={"a": 1}, outputs={}
    )
    workbench.cache.put(pipeline_arn="p", step="s", key=key, result=result)

    def look_up(**more: Any) -> Any:
        given = {
            "pipeline_arn": "p",
            "step": "s",
            "key": key,
            "no_older_than": timedelta(days=30),
            "storage": workbench.storage,
            **more,
        }
        return workbench.cache.look_up(**given)

    return look_up


def test_a_result_expires(kept: Callable[..., Any]) -> None:
    now = datetime.now(UTC)
    assert kept(now=now + timedelta(days=29)).result is not None
    late = kept(now=now + timedelta(days=31))
    assert late.result is None
    assert late.explanation == (
        "miss: expired, run run9 was 31 days ago and results count for 30 days"
    )


def test_a_result_counts_for_its_pipeline_and_step_only(kept: Callable[..., Any]) -> None:
    assert kept().result.properties == {"a": 1}
    assert kept(pipeline_arn="other").explanation == "miss: first run"
    assert kept(step="other").explanation == "miss: first run"


def test_the_most_recent_result_is_taken_and_old_ones_are_dropped(tmp_path: Path) -> None:
    workbench = Workbench(tmp_path)
    key = Fingerprint(digest="k", parts={})
    for number in range(60):
        arn = f"x/execution/run{number}"
        result = CachedResult(execution_arn=arn, job_name=None, properties={}, outputs={})
        workbench.cache.put(pipeline_arn="p", step="s", key=key, result=result)
    found = workbench.cache.look_up(
        pipeline_arn="p",
        step="s",
        key=key,
        no_older_than=timedelta(days=1),
        storage=workbench.storage,
    )
    assert found.explanation == "hit: same as run run59"
    (count,) = workbench.cache._query("SELECT count(*) FROM results", ())[0]
    assert count == 50


def test_results_are_there_for_another_process(ready: Workbench) -> None:
    ready.run(loop())
    ready.cache.close()
    other = StepCache(ready.folder / "cache.sqlite3")
    assert why(ready.run(loop(), cache=other))["train"] == "hit: same as run run1"


def test_caches_of_several_runs_at_once_do_not_hinder_each_other(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def put(number: int) -> None:
        cache = StepCache(tmp_path / "cache.sqlite3")
        for step in range(20):
            key = Fingerprint(digest=f"{number}", parts={})
            result = CachedResult(execution_arn="x", job_name=None, properties={}, outputs={})
            cache.put(pipeline_arn="p", step=f"s{step}", key=key, result=result)
        cache.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    cache = StepCache(tmp_path / "cache.sqlite3")
    assert cache._query("SELECT count(*) FROM results", ()) == [(80,)]


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"a": "1"}, {"a": "2"}, "a 1 → 2"),
        ({}, {"a": "2"}, "a added (2)"),
        ({"a": "1"}, {}, "a removed (was 1)"),
        (
            {"code bundle\turi": "s3://a", "code bundle\tcontent": "ab12cd34ee"},
            {"code bundle\turi": "s3://b", "code bundle\tcontent": "cd34ab12ee"},
            "code bundle changed (ab12cd34… → cd34ab12…)",
        ),
        (
            {f"a{n}": "1" for n in range(5)},
            {f"a{n}": "2" for n in range(5)},
            "a0 1 → 2, a1 1 → 2, a2 1 → 2 and 2 more",
        ),
    ],
)
def test_differences_are_told_in_a_persons_words(
    before: dict[str, str], now: dict[str, str], words: str
) -> None:
    assert describe_differences(before, now) == words
