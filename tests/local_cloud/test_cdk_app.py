"""A real `cdk bootstrap` and `cdk deploy` of a small app, and the loop in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet import cdk_cli
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud, until

APP = Path(__file__).parent / "minimal_app" / "app.py"


def cdk(cloud: RunningCloud, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **cloud.endpoint.environment(), "CDK_VALIDATION": "false"}
    ended = subprocess.run(
        [*cdk_cli.command(), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.cloud
@pytest.mark.synth
def test_a_deployed_app_runs_its_pipeline_when_data_lands(
    cloud: RunningCloud, tmp_path: Path
) -> None:
    cdk(cloud, tmp_path, "bootstrap", f"aws://{cloud.endpoint.account}/{REGION}")
    app, assembly = f"{sys.executable} {APP}", str(tmp_path / "cdk.out")
    deploy = ("deploy", "--all", "--require-approval", "never")
    cdk(cloud, tmp_path, *deploy, "--app", app, "--output", assembly)
    stack = cloud.client("cloudformation").describe_stacks(StackName="Minimal")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    bucket = outputs["BucketName"]
    parameter = cloud.client("ssm").get_parameter(Name="/minimal/bucket")
    assert parameter["Parameter"]["Value"] == bucket
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] == "aws:kms"

    s3.put_object(Bucket=bucket, Key="raw/2013 01/a+b.txt", Body=b"hello")
    messages = until(
        lambda: sqs.receive_message(QueueUrl=outputs["EndedUrl"], WaitTimeSeconds=1).get(
            "Messages"
        ),
        30,
    )
    detail = json.loads(messages[0]["Body"])["detail"]
    assert detail["currentPipelineExecutionStatus"] == "Succeeded"
    assert s3.get_object(Bucket=bucket, Key="loud/out.txt")["Body"].read() == b"HELLO"

    again = cdk(cloud, tmp_path, *deploy, "--app", assembly)
    assert "no changes" in again
