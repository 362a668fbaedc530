"""Every kind of child of a local cloud tries to reach the person's own accounts, and cannot.

What is planted in the environment of the cloud's server and in the person's home folder holds the
word PLANTED; what a child finds of it is written to the cloud's own S3.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ratchet.local_cloud import control
from tests.local_cloud.sagemaker_calls import (
    IMAGE,
    REGION,
    ROLE,
    RunningCloud,
    definition,
    make_role,
    wait_for_end,
)

pytestmark = pytest.mark.cloud

JOBS = ROLE.replace("role/pipeline", "role/jobs")
KINDS = ("processing", "training", "tuning", "transform", "endpoint", "function")
PLANTED = {
    "AWS_PROFILE": "default",
    "HTTP_PROXY": "http://PLANTED@127.0.0.1:9",
    "HTTPS_PROXY": "http://PLANTED@127.0.0.1:9",
    "ALL_PROXY": "http://PLANTED@127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
    "GOOGLE_APPLICATION_CREDENTIALS": "/PLANTED",
    "AZURE_CLIENT_SECRET": "PLANTED",
    "SSH_AUTH_SOCK": "/PLANTED",
    "PIP_INDEX_URL": "https://PLANTED@index",
    "GITHUB_TOKEN": "PLANTED",
}
PROBE = """
def probe(kind):
    import json, netrc, os, urllib.request
    from pathlib import Path
    import boto3
    import botocore.exceptions

    def tried(look):
        try:
            return look()
        except (OSError, botocore.exceptions.BotoCoreError) as error:
            return type(error).__name__

    def key_of_profile():
        return boto3.Session(profile_name="default").get_credentials().access_key

    found = {
        "endpoint": boto3.client("s3").meta.endpoint_url,
        "region": boto3.client("s3").meta.region_name,
        "caller": boto3.client("sts").get_caller_identity()["Arn"],
        "profile": tried(key_of_profile),
        "profiles": boto3.Session().available_profiles,
        "netrc": tried(lambda: netrc.netrc().hosts),
        "proxies": sorted(set(urllib.request.getproxies()) - {"no"}),
        "planted": [name for name, value in os.environ.items() if "PLANTED" in value],
        "home": [file.name for file in Path.home().iterdir()],
        "aws": sorted(name for name in os.environ if name.startswith("AWS_")),
    }
    body = json.dumps(found).encode()
    boto3.client("s3").put_object(Bucket="probes", Key=kind, Body=body)
"""
SERVED = f"""
{PROBE}
def model_fn(folder):
    return 1
def input_fn(body, content_type):
    return body
def predict_fn(body, model):
    import os
    probe("transform" if os.environ.get("SAGEMAKER_BATCH") else "endpoint")
    return body
def output_fn(answer, accept):
    return answer
"""


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/") + ".py")
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A local cloud whose server has the person's home folder and environment."""
    home = tmp_path_factory.mktemp("person")
    (home / ".aws").mkdir()
    keys = "[default]\naws_access_key_id = PLANTED\naws_secret_access_key = PLANTED\n"
    (home / ".aws" / "credentials").write_text(keys)
    (home / ".netrc").write_text("machine s3.amazonaws.com login PLANTED password PLANTED\n")
    (home / ".netrc").chmod(0o600)
    environment = control._environment
    folder = tmp_path_factory.mktemp("sealed")
    with pytest.MonkeyPatch.context() as patch:
        person = {**PLANTED, "HOME": str(home)}
        patch.setattr(control, "_environment", lambda: {**environment(), **person})
        running = RunningCloud(control.up(folder, region=REGION), folder)
    make_role(running)
    make_role(running, "jobs")
    yield running
    control.down(folder)


@pytest.fixture(scope="module")
def findings(planted: RunningCloud) -> Mapping[str, dict[str, Any]]:
    """What each kind of child found."""
    s3 = planted.client("s3")
    for bucket in ("probes", "bucket"):
        s3.create_bucket(Bucket=bucket)
    train = f"{PROBE}\nimport sys\nprobe('tuning' if '--width' in sys.argv else 'training')\n"
    train += "print('loss=1')\n"
    s3.put_object(Bucket="bucket", Key="train.tar.gz", Body=archive(train=train))
    s3.put_object(Bucket="bucket", Key="v1/model.tar.gz", Body=archive(code__inference=SERVED))
    s3.put_object(Bucket="bucket", Key="in/a.csv", Body=b"1\n")
    run_pipeline(planted)
    serve(planted)
    call_function(planted)
    return {
        kind: json.loads(s3.get_object(Bucket="probes", Key=kind)["Body"].read()) for kind in KINDS
    }


def run_pipeline(cloud: RunningCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    words = ["python3", "-c", f"{PROBE}\nprobe('processing')"]
    processing = {
        "RoleArn": JOBS,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": words},
    }
    code = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "s3://bucket/train.tar.gz",
    }
    metric = {"Name": "loss", "Regex": "loss=([0-9]+)"}
    job = {
        "RoleArn": JOBS,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [metric],
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": cluster,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    tuning = {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "width", "Values": ["1"]}]},
        },
        "TrainingJobDefinition": {**job, "StaticHyperParameters": code},
    }
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/v1/model.tar.gz"}
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}}
    transform = {
        "ModelName": {"Get": "Steps.model.ModelName"},
        "TransformInput": {"DataSource": data, "ContentType": "text/csv"},
        "TransformOutput": {"S3OutputPath": "s3://bucket/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    model = {"PrimaryContainer": container, "ExecutionRoleArn": JOBS}
    text = definition(
        {"Name": "processing", "Type": "Processing", "Arguments": processing},
        {"Name": "training", "Type": "Training", "Arguments": {**job, "HyperParameters": code}},
        {"Name": "tuning", "Type": "Tuning", "Arguments": tuning},
        {"Name": "model", "Type": "Model", "Arguments": model},
        {"Name": "transform", "Type": "Transform", "Arguments": transform},
    )
    sagemaker.create_pipeline(PipelineName="probes", RoleArn=ROLE, PipelineDefinition=text)
    arn = sagemaker.start_pipeline_execution(PipelineName="probes")["PipelineExecutionArn"]
    end = wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn), 90)
    assert end["PipelineExecutionStatus"] == "Succeeded", end.get("FailureReason")


def serve(cloud: RunningCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/v1/model.tar.gz"}
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=JOBS)
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(
        EndpointConfigName="e", ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}]
    )
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="e")
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName="e", WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="e", Body=b"1", ContentType="text/csv"
    )


def call_function(cloud: RunningCloud) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        handler = f"{PROBE}\ndef handler(event, context):\n    probe('function')\n"
        package.writestr("function.py", handler)
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName="probe",
        Runtime="python3.11",
        Role=JOBS,
        Handler="function.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
        Environment={"Variables": {"OWN": "yes"}},
    )
    answer = functions.invoke(FunctionName="probe")
    assert "FunctionError" not in answer, answer["Payload"].read()


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_sees_the_local_cloud_as_its_own_role(
    kind: str, findings: Mapping[str, dict[str, Any]], planted: RunningCloud
) -> None:
    variables = findings[kind]
    assert variables["endpoint"] == planted.endpoint.url
    assert variables["region"] == REGION
    session = "probe" if kind == "function" else "SageMaker"
    assert variables["caller"] == f"arn:aws:sts::000000000000:assumed-role/jobs/{session}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_finds_nothing_of_the_person(
    kind: str, findings: Mapping[str, dict[str, Any]]
) -> None:
    variables = findings[kind]
    assert variables["profile"] == "ProfileNotFound"
    assert variables["profiles"] == []
    assert variables["netrc"] == "FileNotFoundError"
    assert (variables["proxies"], variables["planted"], variables["home"]) == ([], [], [])
    assert "AWS_PROFILE" not in variables["aws"]
