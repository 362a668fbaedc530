"""What a job reads: manifests, augmented manifests, shards over several hosts, gzip; and what it
cannot."""

import gzip
import json
from typing import Any

import pytest

from ratchet.runner import CannotRunError, StepRecord, validate
from tests.runner.workbench import Workbench, definition, processing, python, training

LIST = """
    import json, os
    from pathlib import Path
    channel = Path(os.environ["SM_CHANNEL_TRAIN"])
    hosts = os.environ["SM_HOSTS"]
    found = sorted(str(p.relative_to(channel)) for p in channel.rglob("*") if p.is_file())
    print(json.dumps([os.environ["SM_CURRENT_HOST"], hosts, found]))
    host = os.environ["SM_CURRENT_HOST"]
    Path(os.environ["SM_MODEL_DIR"], host).write_text(",".join(found))
    Path(os.environ["SM_MODEL_DIR"], "same").write_text(host)
"""


def train(
    workbench: Workbench, script: str, source: dict[str, Any], count: int = 1, **channel: Any
) -> StepRecord:
    code = workbench.put_bundle("s3://code/1.tar.gz", train=script)
    step = training("train", code=code)
    data = {"S3DataSource": {"S3DataType": "S3Prefix", **source}}
    step["Arguments"]["InputDataConfig"] = [{"ChannelName": "train", "DataSource": data, **channel}]
    step["Arguments"]["ResourceConfig"]["InstanceCount"] = count
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    return result.step("train")


def put_files(workbench: Workbench, *names: str) -> None:
    for name in names:
        workbench.put(f"s3://data/train/{name}", name)


def seen(workbench: Workbench) -> dict[str, list[str]]:
    lines = [json.loads(line) for line in workbench.observer.output("train")]
    assert {hosts for _, hosts, _ in lines} == {
        json.dumps(sorted(h for h, _, _ in lines), separators=(",", ":"))
    }
    return {host: files for host, _, files in lines}


def test_every_host_has_the_whole_channel_unless_it_is_sharded(workbench: Workbench) -> None:
    put_files(workbench, "a", "b", "c")
    train(workbench, LIST, {"S3Uri": "s3://data/train/"}, count=2)
    assert seen(workbench) == {"algo-1": ["a", "b", "c"], "algo-2": ["a", "b", "c"]}


def test_a_sharded_channel_is_dealt_out_to_the_hosts(workbench: Workbench) -> None:
    put_files(workbench, "a", "b", "c")
    source = {"S3Uri": "s3://data/train/", "S3DataDistributionType": "ShardedByS3Key"}
    record = train(workbench, LIST, source, count=2)
    assert seen(workbench) == {"algo-1": ["a", "c"], "algo-2": ["b"]}
    model = record.properties["ModelArtifacts"]["S3ModelArtifacts"]
    assert workbench.files_in_archive(model) == {"algo-1": "a,c", "algo-2": "b", "same": "algo-1"}


def test_outputs_of_all_hosts_of_a_processing_job_are_uploaded(workbench: Workbench) -> None:
    script = """
        import json
        from pathlib import Path
        host = json.loads(Path("/opt/ml/config/resourceconfig.json").read_text())["current_host"]
        Path(f"/opt/ml/processing/output/out/{host}.txt").write_text(host)
    """
    step = processing("s", python(script), outputs=["out"])
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 3
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    listed = [item.uri.rsplit("/", 1)[-1] for item in workbench.storage.list("s3://artifacts/")]
    assert listed == ["algo-1.txt", "algo-2.txt", "algo-3.txt"]


def test_a_host_that_fails_ends_the_others_and_the_job(workbench: Workbench) -> None:
    script = """
        import json, time
        from pathlib import Path
        host = json.loads(Path("/opt/ml/config/resourceconfig.json").read_text())["current_host"]
        if host == "algo-2":
            Path("/opt/ml/output/failure").write_text("the second gives up")
            raise SystemExit(4)
        time.sleep(60)
    """
    step = processing("s", python(script))
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
    record = workbench.run(definition(step)).step("s")
    assert record.failure_reason == "AlgorithmError: the second gives up, exit code: 4"


def test_an_augmented_manifest_brings_its_objects_and_its_lines(workbench: Workbench) -> None:
    put_files(workbench, "1.jpg", "2.jpg")
    lines = [
        {"source-ref": f"s3://data/train/{n}.jpg", "label": n, "note": "left out"} for n in (1, 2)
    ]
    workbench.put("s3://data/list.manifest", "\n".join(map(json.dumps, lines)))
    script = """
        from pathlib import Path
        print(*sorted(str(p) for p in Path("/opt/ml/input/data").rglob("*") if p.is_file()))
        print(Path("/opt/ml/input/data/train-manifest").read_text())
    """
    source = {
        "S3DataType": "AugmentedManifestFile",
        "S3Uri": "s3://data/list.manifest",
        "AttributeNames": ["source-ref", "label"],
    }
    train(workbench, script, source, RecordWrapperType="RecordIO")
    files, *rows = workbench.observer.output("train")
    inside = "/opt/ml/input/data/train"
    assert files == f"{inside}-manifest {inside}/train/1.jpg {inside}/train/2.jpg"
    assert json.loads(rows[0]) == {"source-ref": "s3://data/train/1.jpg", "label": 1}


def test_a_gzip_channel_is_read_plain(workbench: Workbench) -> None:
    workbench.put("s3://data/train/a.csv", gzip.compress(b"1,2"))
    script = "print(open('/opt/ml/input/data/train/a.csv').read())"
    train(workbench, script, {"S3Uri": "s3://data/train/"}, CompressionType="Gzip")
    assert workbench.observer.output("train") == ["1,2"]


def test_fast_file_channels_are_files(workbench: Workbench) -> None:
    put_files(workbench, "a")
    train(workbench, LIST, {"S3Uri": "s3://data/train/"}, InputMode="FastFile")
    assert seen(workbench) == {"algo-1": ["a"]}


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (
            {"InputDataConfig": [{"ChannelName": "t", "DataSource": {"FileSystemDataSource": {}}}]},
            "Steps[0].Arguments.InputDataConfig[0].DataSource",
            "no file systems are mounted",
        ),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "Pipe"}},
            "Steps[0].Arguments.AlgorithmSpecification.TrainingInputMode",
            "Pipe mode cannot run here",
        ),
        (
            {"ResourceConfig": {"InstanceGroups": [{"InstanceType": "ml.m5.large"}]}},
            "Steps[0].Arguments.ResourceConfig.InstanceGroups",
            "heterogeneous clusters cannot run here",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    change: dict[str, Any], place: str, message: str
) -> None:
    step = training("train", code="s3://code/1.tar.gz")
    step["Arguments"].update(change)
    with pytest.raises(CannotRunError) as caught:
        validate(definition(step))
    assert message in {p.place: p.message for p in caught.value.violations}[place]


@pytest.mark.parametrize(
    ("inputs", "place", "message"),
    [
        (
            {"ProcessingInputs": [{"InputName": "q", "DatasetDefinition": {}}]},
            "Steps[0].Arguments.ProcessingInputs[0].DatasetDefinition",
            "Athena and Redshift are not in the local cloud",
        ),
        (
            {
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "f", "FeatureStoreOutput": {}}]
                }
            },
            "Steps[0].Arguments.ProcessingOutputConfig.Outputs[0].FeatureStoreOutput",
            "the local cloud has no Feature Store",
        ),
    ],
)
def test_inputs_and_outputs_of_other_services_are_refused_by_name(
    inputs: dict[str, Any], place: str, message: str
) -> None:
    step = processing("s", ["true"])
    step["Arguments"].update(inputs)
    with pytest.raises(CannotRunError) as caught:
        validate(definition(step))
    assert message in {p.place: p.message for p in caught.value.violations}[place]
