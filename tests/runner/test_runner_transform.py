"""Transform and Model steps: batch inference through the code that a model carries."""

from __future__ import annotations

import gzip
import json
import threading
from typing import Any

import pytest

from ratchet.runner import CannotRunError, StopSignal
from ratchet.runner.step_types import record_filters
from ratchet.runner.step_types.batches import BatchPlan
from tests.runner.workbench import Recording, Workbench, definition, get

ARCHIVE = "s3://models/model.tar.gz"
SUMS = """
    import json

    def model_fn(model_dir):
        return 100

    def input_fn(body, content_type):
        assert content_type == "text/csv", content_type
        return [[float(cell) for cell in line.split(",")] for line in body.splitlines()]

    def predict_fn(rows, model):
        print("rows", len(rows))
        return [sum(row) + model for row in rows]

    def output_fn(sums, accept):
        return "\\n".join(f"{value:g}" for value in sums), accept
"""


def model() -> dict[str, Any]:
    container = {"Image": "image", "ModelDataUrl": ARCHIVE}
    arguments = {"PrimaryContainer": container, "ExecutionRoleArn": "arn:aws:iam::1:role/r"}
    return {"Name": "model", "Type": "Model", "Arguments": arguments}


def transform(source: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    data = {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in/"}
    output = {"S3OutputPath": "s3://data/out", "Accept": "text/csv", "AssembleWith": "Line"}
    return {
        "Name": "predict",
        "Type": "Transform",
        "Arguments": {
            "ModelName": get("Steps.model.ModelName"),
            "TransformInput": {
                "DataSource": {"S3DataSource": data},
                "ContentType": "text/csv",
                "SplitType": "Line",
                **(source or {}),
            },
            "TransformOutput": output,
            **more,
        },
    }


@pytest.fixture
def bench(workbench: Workbench) -> Workbench:
    workbench.put_bundle(ARCHIVE, **{"code/inference": SUMS})
    workbench.put("s3://data/in/deep/a.csv", "1,2\n3,4\n")
    return workbench


def test_every_object_is_predicted_by_the_models_own_code(bench: Workbench) -> None:
    bench.put("s3://data/in/b.csv", "5,5\n")
    result = bench.run(definition(model(), transform()))
    assert result.status == "Succeeded", result.failure_reason
    assert bench.text("s3://data/out/deep/a.csv.out") == "103\n107\n"
    assert bench.text("s3://data/out/b.csv.out") == "110\n"
    properties = result.step("predict").properties
    assert properties["TransformJobStatus"] == "Completed"
    assert properties["ModelName"] == result.step("model").properties["ModelName"]
    assert "rows 2" in bench.observer.output("predict")


def test_a_join_puts_predictions_beside_their_rows_and_filters_choose_columns(
    bench: Workbench,
) -> None:
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    bench.put("s3://data/in/deep/a.csv", "id1,1,2\nid2,3,4\n")
    result = bench.run(definition(model(), transform(DataProcessing=processing)))
    assert result.status == "Succeeded", result.failure_reason
    assert bench.text("s3://data/out/deep/a.csv.out") == "id1,103\nid2,107\n"


def test_single_records_are_sent_one_by_one(bench: Workbench) -> None:
    bench.run(definition(model(), transform(BatchStrategy="SingleRecord")))
    assert bench.observer.output("predict") == ["rows 1", "rows 1"]
    assert bench.text("s3://data/out/deep/a.csv.out") == "103\n107\n"


def test_gzip_and_a_manifest_are_read(bench: Workbench) -> None:
    bench.put("s3://data/z/a.csv", gzip.compress(b"1,1\n"))
    bench.put("s3://data/m.json", [{"prefix": "s3://data/z/"}, "a.csv"])
    data = {"S3DataType": "ManifestFile", "S3Uri": "s3://data/m.json"}
    source = {"DataSource": {"S3DataSource": data}, "CompressionType": "Gzip"}
    result = bench.run(definition(model(), transform(source)))
    assert result.status == "Succeeded", result.failure_reason
    assert bench.text("s3://data/out/a.csv.out") == "102\n"


def test_a_record_that_the_model_refuses_fails_the_job_and_says_which(bench: Workbench) -> None:
    bench.put("s3://data/in/deep/a.csv", "1,x\n")
    result = bench.run(definition(model(), transform()))
    step = result.step("predict")
    assert step.status == "Failed"
    assert "s3://data/in/deep/a.csv: the model answered 500" in (step.failure_reason or "")
    assert step.properties["TransformJobStatus"] == "Failed"


def test_a_model_without_an_archive_fails_with_its_uri(bench: Workbench) -> None:
    step = model()
    step["Arguments"]["PrimaryContainer"]["ModelDataUrl"] = "s3://models/none.tar.gz"
    result = bench.run(definition(step, transform()))
    assert "there is no object s3://models/none.tar.gz" in (result.failure_reason or "")


SECOND = """
    def model_fn(model_dir):
        return -100

    def input_fn(body, content_type):
        assert content_type == "text/csv; of the first", content_type
        return [float(line) for line in body.splitlines()]

    def predict_fn(rows, model):
        if 1e6 in rows:
            raise ValueError("too much")
        return [value + model for value in rows]

    def output_fn(values, accept):
        return "\\n".join(f"{value:g}" for value in values), accept
"""


def chain(bench: Workbench, **more: Any) -> dict[str, Any]:
    """A model whose second container takes off what the first puts on."""
    first = SUMS.replace("in sums), accept", 'in sums), accept + "; of the first"')
    bench.put_bundle("s3://models/first.tar.gz", **{"code/inference": first})
    bench.put_bundle("s3://models/second.tar.gz", **{"code/inference": SECOND})
    containers = [
        {
            "Image": "image",
            "ModelDataUrl": f"s3://models/{name}.tar.gz",
            "Environment": {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"},
        }
        for name in ("first", "second")
    ]
    step = model()
    step["Arguments"] = {"Containers": containers, "ExecutionRoleArn": "arn:aws:iam::1:role/r"}
    step["Arguments"].update(more)
    return step


def test_a_chain_of_containers_predicts_by_all_of_them(bench: Workbench) -> None:
    result = bench.run(definition(chain(bench), transform()))
    assert result.status == "Succeeded", result.failure_reason
    assert bench.text("s3://data/out/deep/a.csv.out") == "3\n7\n"
    bench.put("s3://data/in/deep/a.csv", "1,2\n999900,0\n")
    reason = str(bench.run(definition(chain(bench), transform())).step("predict").failure_reason)
    assert "a.csv: container-2 answered 500: too much" in reason


def test_a_direct_model_cannot_be_transformed(bench: Workbench) -> None:
    step = chain(bench, InferenceExecutionConfig={"Mode": "Direct"})
    reason = str(bench.run(definition(step, transform())).step("predict").failure_reason)
    assert "Mode Direct: no record says which of its containers it is for" in reason


def test_a_stop_ends_the_model_in_the_middle_of_a_request(bench: Workbench) -> None:
    endless = SUMS.replace(
        "        print(", "        print('asked'); __import__('time').sleep(60)\n        print("
    )
    bench.put_bundle(ARCHIVE, **{"code/inference": endless})
    observer, stop = Recording(), StopSignal(grace_seconds=1.0)

    def on_line(line: str) -> None:
        if line == "asked":
            threading.Thread(target=stop.request).start()

    observer.on_line = on_line
    result = bench.run(definition(model(), transform()), observer=observer, stop=stop)
    assert result.status == "Stopped"
    assert result.step("predict").properties["TransformJobStatus"] == "Stopped"


@pytest.mark.parametrize("split", ["RecordIO", "TFRecord"])
def test_binary_records_are_refused_by_name(bench: Workbench, split: str) -> None:
    with pytest.raises(CannotRunError, match=f"'{split}' cannot run here"):
        bench.run(definition(model(), transform({"SplitType": split})))


@pytest.mark.parametrize(
    ("path", "record", "taken"),
    [
        ("$", [1, 2], [1, 2]),
        ("$[1:]", [1, 2, 3], [2, 3]),
        ("$[:-1]", [1, 2, 3], [1, 2]),
        ("$[0,2]", [1, 2, 3], [1, 3]),
        ("$[-1]", [1, 2, 3], 3),
        ("$.a.b", {"a": {"b": 5}}, 5),
        ("$['a','c']", {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}),
        ("$.a[*]", {"a": [1, 2]}, [1, 2]),
    ],
)
def test_a_filter_takes_what_the_guide_says(path: str, record: Any, taken: Any) -> None:
    assert record_filters.select(path, record) == taken


@pytest.mark.parametrize("path", ["a", "$..a", "$[?(@.a)]", "$[a]", "$.a("])
def test_a_filter_outside_of_the_subset_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="filter"):
        record_filters.parse(path)


def plan(content_type: str, **more: Any) -> BatchPlan:
    return BatchPlan.of(
        {
            "TransformInput": {"ContentType": content_type, "SplitType": "Line"},
            "TransformOutput": {"Accept": content_type, "AssembleWith": "Line"},
            **more,
        }
    )


def test_a_json_join_adds_the_output_to_an_object_and_wraps_anything_else() -> None:
    joined = plan("application/jsonlines", DataProcessing={"JoinSource": "Input"})
    text = joined.result(b'{"a": 1}\n[2]\n', b'{"p": 0.5}\n{"p": 0.7}').decode()
    assert [json.loads(line) for line in text.splitlines()] == [
        {"a": 1, "SageMakerOutput": {"p": 0.5}},
        {"SageMakerInput": [2], "SageMakerOutput": {"p": 0.7}},
    ]


def test_lines_are_packed_up_to_the_payload_and_never_torn() -> None:
    line = b"x" * (600 * 1024) + b"\n"
    sizes = [len(part) for part in plan("text/csv", MaxPayloadInMB=1).payloads(line * 3)]
    assert sizes == [len(line)] * 3
    with pytest.raises(ValueError, match="MaxPayloadInMB"):
        list(plan("text/csv", MaxPayloadInMB=1).payloads(line[:-1] * 2 + b"\n"))


def test_too_few_predictions_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="2 records were sent and 1 predictions"):
        plan("text/csv", DataProcessing={"JoinSource": "Input"}).result(b"1\n2\n", b"5\n")
