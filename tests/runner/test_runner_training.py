"""Training steps: the container's files and variables, the script convention, the artifacts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runner.workbench import Workbench, definition, get, processing, python, training

CODE = "s3://code/bundle.gz"
SAVE = """
    import os
    with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as file:
        file.write("model")
"""


def train(workbench: Workbench, code: str, **more: Any) -> Any:
    workbench.put_bundle(CODE, train=code)
    result = workbench.run(definition(training("train", code=CODE, **more)))
    assert result.status == "Succeeded", result.failure_reason
    return result.step("train")


def test_hyperparameters_come_as_arguments_as_the_toolkit_makes_them(
    workbench: Workbench,
) -> None:
    given = {"max_depth": "5", "eta": "0.1", "name": '"quoted"', "v": "x", "flag": "true"}
    train(workbench, "import sys, json; print(json.dumps(sys.argv))", hyperparameters=given)
    (line,) = workbench.observer.output("train")
    assert json.loads(line) == [
        *["train.py", "--eta", "0.1", "--flag", "True", "--max_depth", "5"],
        *["--name", "quoted", "-v", "x"],
    ]


def test_a_numeric_parameter_becomes_a_hyperparameters_text(workbench: Workbench) -> None:
    workbench.put_bundle(CODE, train="import sys; print(sys.argv[2])")
    step = training("train", code=CODE, hyperparameters={"depth": get("Parameters.Depth")})
    parameter = {"Name": "Depth", "Type": "Integer", "DefaultValue": 6}
    result = workbench.run(definition(step, parameters=[parameter]))
    assert result.step("train").arguments["HyperParameters"]["depth"] == "6"
    assert workbench.observer.output("train") == ["6"]


def test_variables_are_those_of_the_training_toolkit(
    workbench: Workbench, seen: Callable[[str], str]
) -> None:
    workbench.put("s3://data/train/a.csv", "1")
    show = """
        import json, os
        names = ("SM_", "TRAINING")
        print(json.dumps({k: v for k, v in os.environ.items() if k.startswith(names)}))
    """
    record = train(
        workbench,
        show,
        channels={"train": "s3://data/train/"},
        hyperparameters={"max_depth": "5", "sagemaker_extra": '"on"'},
    )
    (line,) = workbench.observer.output("train")
    variables = json.loads(line)
    ml = seen("train")
    expected = {
        "SM_MODEL_DIR": f"{ml}/model",
        "SM_OUTPUT_DATA_DIR": f"{ml}/output/data",
        "SM_OUTPUT_DIR": f"{ml}/output",
        "SM_INPUT_DIR": f"{ml}/input",
        "SM_INPUT_CONFIG_DIR": f"{ml}/input/config",
        "SM_CHANNELS": '["train"]',
        "SM_CHANNEL_TRAIN": f"{ml}/input/data/train",
        "SM_HPS": '{"max_depth":5}',
        "SM_HP_MAX_DEPTH": "5",
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.xlarge",
        "SM_NUM_CPUS": str(os.cpu_count()),
        "SM_NUM_GPUS": "0",
        "SM_USER_ARGS": '["--max_depth","5"]',
        "SM_USER_ENTRY_POINT": "train.py",
        "SM_MODULE_NAME": "train",
        "SM_MODULE_DIR": CODE,
        "SM_FRAMEWORK_PARAMS": '{"sagemaker_extra":"on"}',
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_LOG_LEVEL": "20",
        "TRAINING_JOB_NAME": record.job_name,
    }
    assert {name: variables.get(name) for name in expected} == expected
    environment = json.loads(variables["SM_TRAINING_ENV"])
    assert environment["channel_input_dirs"] == {"train": f"{ml}/input/data/train"}
    assert environment["hyperparameters"] == {"max_depth": 5}


def test_configuration_files_are_those_of_a_training_container(workbench: Workbench) -> None:
    workbench.put("s3://data/train/a.csv", "1")
    show = """
        import os
        for name in ("hyperparameters", "resourceconfig", "inputdataconfig"):
            print(open(os.path.join(os.environ["SM_INPUT_CONFIG_DIR"], name + ".json")).read())
    """
    train(workbench, show, channels={"train": "s3://data/train/"}, hyperparameters={"a": "1"})
    hyperparameters, resources, channels = map(json.loads, workbench.observer.output("train"))
    assert hyperparameters == {
        "a": "1",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": CODE,
    }
    assert resources["current_host"] == "algo-1"
    assert resources["instance_groups"][0]["instance_type"] == "ml.m5.xlarge"
    assert channels == {
        "train": {
            "ContentType": "text/csv",
            "RecordWrapperType": "None",
            "S3DistributionType": "FullyReplicated",
            "TrainingInputMode": "File",
        }
    }


def test_the_script_runs_where_its_modules_are(workbench: Workbench) -> None:
    workbench.put_bundle(CODE, train="import features; print(features.NAME)", features="NAME = 'x'")
    result = workbench.run(definition(training("train", code=CODE)))
    assert result.status == "Succeeded"
    assert workbench.observer.output("train") == ["x"]


def test_model_and_outputs_are_packed_and_uploaded_under_the_jobs_name(
    workbench: Workbench,
) -> None:
    code = """
        import os
        os.makedirs(os.environ["SM_MODEL_DIR"] + "/code")
        open(os.environ["SM_MODEL_DIR"] + "/code/inference.py", "w").write("pass")
        open(os.environ["SM_MODEL_DIR"] + "/model.json", "w").write("{}")
        open(os.environ["SM_OUTPUT_DATA_DIR"] + "/curve.csv", "w").write("1,2")
    """
    record = train(workbench, code)
    folder = f"s3://artifacts/models/{record.job_name}/output"
    assert record.properties["ModelArtifacts"] == {"S3ModelArtifacts": f"{folder}/model.tar.gz"}
    assert workbench.files_in_archive(f"{folder}/model.tar.gz") == {
        "code/inference.py": "pass",
        "model.json": "{}",
    }
    assert workbench.files_in_archive(f"{folder}/output.tar.gz") == {"curve.csv": "1,2"}


def test_the_same_model_makes_the_same_archive(workbench: Workbench) -> None:
    first, second = train(workbench, SAVE), train(workbench, SAVE)
    archives = [
        workbench.storage.read_bytes(record.properties["ModelArtifacts"]["S3ModelArtifacts"])
        for record in (first, second)
    ]
    assert first.job_name != second.job_name
    assert archives[0] == archives[1]


def test_nothing_is_uploaded_for_outputs_that_are_not_there(workbench: Workbench) -> None:
    record = train(workbench, SAVE)
    uris = [item.uri for item in workbench.storage.list("s3://artifacts/models/")]
    assert uris == [record.properties["ModelArtifacts"]["S3ModelArtifacts"]]


def test_an_uncompressed_model_is_a_prefix(workbench: Workbench) -> None:
    workbench.put_bundle(CODE, train=SAVE)
    step = training("train", code=CODE)
    step["Arguments"]["OutputDataConfig"]["CompressionType"] = "NONE"
    record = workbench.run(definition(step)).step("train")
    uri = record.properties["ModelArtifacts"]["S3ModelArtifacts"]
    assert workbench.text(f"{uri}model.json") == "model"


def test_metrics_are_read_from_the_log_and_can_be_referred_to(workbench: Workbench) -> None:
    workbench.put_bundle(CODE, train="print('train:auc=0.5'); print('train:auc=0.75')")
    metrics = [
        {"Name": "train:auc", "Regex": r"train:auc=([0-9.]+)"},
        {"Name": "unseen", "Regex": r"unseen=(\d+)"},
    ]
    step = training("train", code=CODE, algorithm={"MetricDefinitions": metrics})
    value = get("Steps.train.FinalMetricDataList['train:auc'].Value")
    show = processing("show", python("import sys; print(sys.argv[1])"), arguments=[value])
    result = workbench.run(definition(step, show))
    assert workbench.observer.output("show") == ["0.75"]
    (metric,) = result.step("train").properties["FinalMetricDataList"]
    assert metric["Value"] == 0.75


def test_the_record_is_what_describe_training_job_returns(workbench: Workbench) -> None:
    described = train(workbench, SAVE).properties
    assert described["TrainingJobStatus"] == "Completed"
    assert described["SecondaryStatus"] == "Completed"
    assert described["BillableTimeInSeconds"] == described["TrainingTimeInSeconds"] == 1
    phases = [entry["Status"] for entry in described["SecondaryStatusTransitions"]]
    assert phases == ["Starting", "Training", "Uploading", "Completed"]
    assert described["CreationTime"] <= described["TrainingStartTime"]
    assert described["TrainingStartTime"] <= described["TrainingEndTime"]


def test_a_script_that_fails_is_told_in_the_toolkits_words(workbench: Workbench) -> None:
    workbench.put_bundle(CODE, train="raise ValueError('no rows')")
    step = training("train", code=CODE, hyperparameters={"depth": "5"})
    result = workbench.run(definition(step))
    reason = str(result.step("train").failure_reason)
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ")
    assert "ValueError: no rows" in reason
    assert reason.endswith('Command "python3 train.py --depth 5", exit code: 1')
    assert result.step("train").properties["SecondaryStatus"] == "Failed"


def test_a_failure_file_is_the_failure_reason(workbench: Workbench) -> None:
    code = """
        import os, sys
        open(os.environ["SM_OUTPUT_DIR"] + "/failure", "w").write("label column missing")
        sys.exit(2)
    """
    workbench.put_bundle(CODE, train=code)
    record = workbench.run(definition(training("train", code=CODE))).step("train")
    assert record.failure_reason == "AlgorithmError: label column missing, exit code: 2"


def test_a_missing_code_bundle_fails_the_step(workbench: Workbench) -> None:
    record = workbench.run(definition(training("train", code=CODE))).step("train")
    assert record.failure_reason == f"ClientError: no code bundle at {CODE}"


def test_a_code_bundle_that_is_no_archive_fails_the_step(workbench: Workbench) -> None:
    workbench.put(CODE, "not a tar")
    record = workbench.run(definition(training("train", code=CODE))).step("train")
    assert "is not a code bundle" in str(record.failure_reason)


def test_an_algorithms_own_entry_point_is_run_instead_of_a_script(workbench: Workbench) -> None:
    workbench.put("s3://data/train/a.csv", "rows")
    command = "cat /opt/ml/input/data/train/a.csv > /opt/ml/model/m"
    algorithm = {"ContainerEntrypoint": ["/bin/sh", "-c"], "ContainerArguments": [command]}
    step = training("train", code=CODE, algorithm=algorithm, channels={"train": "s3://data/train/"})
    record = workbench.run(definition(step)).step("train")
    uri = record.properties["ModelArtifacts"]["S3ModelArtifacts"]
    assert workbench.files_in_archive(uri) == {"m": "rows"}


@pytest.mark.parametrize("quoted", [False, True])
def test_the_sdks_quoted_hyperparameters_name_the_same_script(
    workbench: Workbench, quoted: bool
) -> None:
    workbench.put_bundle(CODE, train="print('ran')")
    spell = json.dumps if quoted else str
    step = training("train", code=spell(CODE), program=spell("train.py"))
    assert workbench.run(definition(step)).status == "Succeeded"
    assert workbench.observer.output("train") == ["ran"]


def test_an_archive_that_climbs_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    import io
    import tarfile

    from ratchet.runner.archives import unpack

    archive = tmp_path / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../escaped"), io.BytesIO())
    with pytest.raises(ValueError, match="outside the destination"):
        unpack(archive, tmp_path / "inside")
    assert not (tmp_path / "escaped").exists()


def test_an_archive_that_unpacks_to_more_than_a_volume_holds_is_refused(tmp_path: Path) -> None:
    import tarfile

    from ratchet.runner.archives import unpack

    zeros = tmp_path / "zeros"
    zeros.write_bytes(bytes(5_000_000))
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(zeros, arcname="first")
        tar.add(zeros, arcname="second")
    assert archive.stat().st_size < 50_000
    inside = tmp_path / "inside"
    with pytest.raises(ValueError, match="unpacks to more than 9,999,999 bytes"):
        unpack(archive, inside, largest=9_999_999)
    assert [path.name for path in inside.iterdir()] == ["first"]
    unpack(archive, inside, largest=10_000_000)
    assert (inside / "second").stat().st_size == 5_000_000
