"""What the local cloud keeps of transform, tuning and quality check steps, and of stand-ins."""

from __future__ import annotations

import io
import tarfile
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker import stand_ins
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.pipelines import STEP
from ratchet.local_cloud.sagemaker.recording import Recorder
from ratchet.runner import StepRecord
from tests.local_cloud.sagemaker_calls import (
    IMAGE,
    ROLE,
    SCOPE,
    Caller,
    RunningCloud,
    definition,
    wait_for_end,
)

PIPELINE = f"{SCOPE.arn('pipeline/training')}"
EXECUTION = {"Id": "abc", "PipelineArn": PIPELINE, "PipelineExecutionArn": f"{PIPELINE}/e/abc"}


def record(call: Caller, kind: str, **more: Any) -> dict[str, Any]:
    """Follow a step that is being executed; its record in the store."""
    step = StepRecord(
        name="step", type=kind, status="Executing", start_time=datetime.now(UTC), **more
    )
    Recorder(call.sagemaker.api, SCOPE, EXECUTION, {}).step_changed(step)
    return call.sagemaker.store.get(SCOPE, STEP, "abc/step") or {}


def child(number: int, status: str, loss: float | None) -> dict[str, Any]:
    name = f"tune-00{number}"
    objective = {"Type": "Minimize", "MetricName": "loss", "Value": loss}
    found = {} if loss is None else {"FinalHyperParameterTuningJobObjectiveMetric": objective}
    return {
        "TrainingJobName": name,
        "TrainingJobArn": SCOPE.arn(f"training-job/{name}"),
        "TrainingJobStatus": status,
        "SecondaryStatus": "Training",
        "CreationTime": float(number),
        "LastModifiedTime": 2.0,
        "TuningJobArn": SCOPE.arn("hyper-parameter-tuning-job/tune"),
        "TunedHyperParameters": {"depth": str(number)},
        "ObjectiveStatus": "Succeeded",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {},
        "ModelArtifacts": {"S3ModelArtifacts": "s3://m/m.tar.gz"},
        **found,
    }


def test_a_tuning_job_and_its_children_are_described_listed_and_failed_together(
    call: Caller,
) -> None:
    config = {
        "Strategy": "Random",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
    }
    children = [
        child(1, "Completed", 0.5),
        child(2, "Completed", 0.1),
        child(3, "InProgress", None),
    ]
    body = record(
        call,
        "Tuning",
        job_name="tune",
        arguments={"HyperParameterTuningJobConfig": config},
        properties={"TrainingJobSummaries": children},
    )
    arn = SCOPE.arn("hyper-parameter-tuning-job/tune")
    assert body["Metadata"] == {"TuningJob": {"Arn": arn}}
    described = call("DescribeHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    assert described["HyperParameterTuningJobStatus"] == "InProgress"
    (summary,) = call("ListHyperParameterTuningJobs")["HyperParameterTuningJobSummaries"]
    assert summary["Strategy"] == "Random"
    listed = call(
        "ListTrainingJobsForHyperParameterTuningJob",
        HyperParameterTuningJobName="tune",
        SortBy="FinalObjectiveMetricValue",
        SortOrder="Ascending",
    )["TrainingJobSummaries"]
    assert [one["TrainingJobName"] for one in listed] == ["tune-002", "tune-001"]
    assert call("DescribeTrainingJob", TrainingJobName="tune-001")["TuningJobArn"] == arn


def test_a_transform_job_is_described_tagged_and_told_of(call: Caller) -> None:
    tags = [{"Key": "project", "Value": "flights"}]
    arguments = {
        "ModelName": "m",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "Tags": tags,
    }
    body = record(call, "Transform", job_name="predict", arguments=arguments)
    arn = SCOPE.arn("transform-job/predict")
    assert body["Metadata"] == {"TransformJob": {"Arn": arn}}
    job = call("DescribeTransformJob", TransformJobName="predict")
    assert (job["TransformJobStatus"], job["ModelName"]) == ("InProgress", "m")
    assert tags[0] in call("ListTags", ResourceArn=arn)["Tags"]
    told = [event["type"] for event in call.cloud.events]
    assert "SageMaker Transform Job State Change" in told


def test_a_quality_checks_metadata_names_its_baselines_and_its_job(call: Caller) -> None:
    properties = {
        "CheckType": "DATA_QUALITY",
        "CalculatedBaselineStatistics": "s3://b/statistics.json",
        "SkipCheck": True,
        "ProcessingJobArn": SCOPE.arn("processing-job/check"),
    }
    body = record(call, "QualityCheck", job_name="check", properties=properties)
    assert body["Metadata"] == {
        "QualityCheck": {
            "CheckType": "DATA_QUALITY",
            "CalculatedBaselineStatistics": "s3://b/statistics.json",
            "SkipCheck": True,
            "CheckJobArn": SCOPE.arn("processing-job/check"),
        }
    }


def test_a_step_that_cannot_run_needs_a_stand_in_of_its_own_start(call: Caller) -> None:
    step = {"Name": "cluster", "Type": "EMR", "Arguments": {}}
    call("CreatePipeline", PipelineName="p", RoleArn=ROLE, PipelineDefinition=definition(step))
    with pytest.raises(ApiError, match="--stand-in cluster=FILE") as refused:
        call("StartPipelineExecution", PipelineName="p")
    assert refused.value.code == "ValidationException"
    token = uuid.uuid4().hex
    stand_ins.keep(call.sagemaker.api, SCOPE, token, {"cluster": {"ClusterId": "j-1"}})
    execution = call.run(PipelineName="p", ClientRequestToken=token)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    (told,) = call(
        "ListPipelineExecutionSteps", PipelineExecutionArn=execution["PipelineExecutionArn"]
    )["PipelineExecutionSteps"]
    assert told["StepDescription"].startswith("stand-in")
    with pytest.raises(ApiError, match="--stand-in cluster=FILE"):
        call("StartPipelineExecution", PipelineName="p")


@pytest.mark.cloud
def test_a_created_model_exists_and_predicts_a_batch(cloud: RunningCloud) -> None:
    s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
    bucket = f"batch-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    script = (
        b"model_fn = lambda folder: 7\n"
        b"input_fn = lambda body, kind: body\n"
        b"predict_fn = lambda body, model: body.strip() + ',' + str(model)\n"
        b"output_fn = lambda answer, accept: answer\n"
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(script)
        tar.addfile(member, io.BytesIO(script))
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=archive.getvalue())
    s3.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1,2\n")
    url = f"s3://{bucket}"
    container = {"Image": IMAGE, "ModelDataUrl": f"{url}/model.tar.gz"}
    model = {"PrimaryContainer": container, "ExecutionRoleArn": ROLE}
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{url}/in/"}}
    transform = {
        "ModelName": {"Get": "Steps.model.ModelName"},
        "TransformInput": {"DataSource": data, "ContentType": "text/csv"},
        "TransformOutput": {"S3OutputPath": f"{url}/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    name = f"batch-{uuid.uuid4().hex[:8]}"
    text = definition(
        {"Name": "model", "Type": "Model", "Arguments": model},
        {"Name": "predict", "Type": "Transform", "Arguments": transform},
    )
    sagemaker.create_pipeline(PipelineName=name, RoleArn=ROLE, PipelineDefinition=text)
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    end = wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
    assert end["PipelineExecutionStatus"] == "Succeeded", end.get("FailureReason")
    newest = sagemaker.list_transform_jobs(SortBy="CreationTime", SortOrder="Descending")
    job = newest["TransformJobSummaries"][0]
    described = sagemaker.describe_transform_job(TransformJobName=job["TransformJobName"])
    assert described["TransformJobStatus"] == "Completed"
    assert sagemaker.describe_model(ModelName=described["ModelName"])["PrimaryContainer"]
    answer = s3.get_object(Bucket=bucket, Key="out/a.csv.out")["Body"].read()
    assert answer == b"1,2,7"
