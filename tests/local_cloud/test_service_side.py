"""What SageMaker does on a role's behalf, and what becomes of a step when the role may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from botocore.credentials import ContainerProvider, RefreshableCredentials

from ratchet.local_cloud.sagemaker import service_side, stand_ins
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.monitors.request import Monitored
from ratchet.local_cloud.sagemaker.roles import Roles
from ratchet.local_cloud.sagemaker.service_side import ServiceWork
from ratchet.local_cloud.sagemaker.serving.capture import Capture
from ratchet.local_cloud.sagemaker.table import MODEL_QUALITY
from ratchet.runner import Refused
from ratchet.runner.serving.prepared import Image
from ratchet.settings import images
from tests.local_cloud.sagemaker_calls import (
    IMAGE,
    REGION,
    ROLE,
    SCOPE,
    Caller,
    FakeCloud,
    RunningCloud,
    definition,
    gate,
    make_role,
    register,
    shell,
    wait_for_end,
)
from tests.local_cloud.served_models import CAPTURE, configure, container, settled
from tests.local_cloud.test_capture import exchange

OTHER = ROLE.replace("role/pipeline", "role/other")
KEY = "arn:aws:kms:us-east-1:000000000000:key/k"
REPOSITORY = "arn:aws:ecr:us-east-1:000000000000:repository/none"
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


def refusal(action: str, resource: str = "*") -> str:
    return (
        f"User: arn:aws:sts::000000000000:assumed-role/pipeline/SageMaker is not authorized to "
        f"perform: {action} on resource: {resource} because no identity-based policy allows the "
        f"{action} action"
    )


def training(**arguments: Any) -> dict[str, Any]:
    return {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **arguments,
    }


def creation(step_type: str, name: str, request: Mapping[str, Any]) -> tuple[str, list[Need]]:
    asked = service_side.creation(SCOPE, step_type, name, request)
    assert asked
    return asked


def works(step_type: str, request: Mapping[str, Any]) -> list[ServiceWork]:
    side = service_side.side_of(step_type)
    assert side
    return side.works(request)


def asked(needs: Iterable[Need]) -> set[tuple[str, str]]:
    return {(need.action, need.resource) for need in needs}


# --- the table ------------------------------------------------------------------------------------


def test_the_pipeline_asks_for_a_job_its_tags_and_its_role() -> None:
    request = {**shell("prepare", "true")["Arguments"]}
    operation, needs = creation("Processing", "pipelines-1-prepare", request)
    job = SCOPE.arn("processing-job/pipelines-1-prepare")
    assert operation == "CreateProcessingJob"
    assert asked(needs) == {
        ("sagemaker:CreateProcessingJob", job),
        ("sagemaker:AddTags", job),
        ("iam:PassRole", ROLE),
    }


def test_a_tuning_job_passes_the_role_of_each_definition() -> None:
    definitions = [training(), training(RoleArn=OTHER)]
    request = {"HyperParameterTuningJobConfig": {}, "TrainingJobDefinitions": definitions}
    _, needs = creation("Tuning", "search", request)
    passed = {need.resource for need in needs if need.action == "iam:PassRole"}
    assert passed == {ROLE, OTHER}
    assert [work.role for work in works("Tuning", request)] == [ROLE, OTHER]


@pytest.mark.parametrize(
    ("step_type", "arguments", "action", "resource"),
    [
        ("AutoML", {}, "sagemaker:CreateAutoMLJob", SCOPE.arn("automl-job/job")),
        ("ClarifyCheck", {}, "sagemaker:CreateProcessingJob", SCOPE.arn("processing-job/job")),
        ("Job", {}, "sagemaker:CreateJob", SCOPE.arn("job/job")),
        ("Endpoint", {"EndpointName": "e"}, "sagemaker:CreateEndpoint", SCOPE.arn("endpoint/e")),
        (
            "EMR",
            {"ClusterId": "j-1"},
            "elasticmapreduce:AddJobFlowSteps",
            "arn:aws:elasticmapreduce:us-east-1:000000000000:cluster/j-1",
        ),
        (
            "EMRServerless",
            {"ApplicationId": "a"},
            "emr-serverless:StartJobRun",
            "arn:aws:emr-serverless:us-east-1:000000000000:/applications/a",
        ),
    ],
)
def test_steps_that_only_run_on_aws_are_asked_for_too(
    step_type: str, arguments: dict[str, Any], action: str, resource: str
) -> None:
    _, needs = creation(step_type, "job", arguments)
    assert (action, resource) in asked(needs)


def test_an_image_is_pulled_from_its_own_repository() -> None:
    needs = asked(
        service_side.container_needs(SCOPE, ServiceWork(role=ROLE, images=(IMAGE, IMAGE)))
    )
    assert needs == {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", REPOSITORY),
        ("ecr:GetDownloadUrlForLayer", REPOSITORY),
        ("ecr:BatchGetImage", REPOSITORY),
    }


def test_an_image_outside_of_ecr_needs_no_permission() -> None:
    work = ServiceWork(role=ROLE, images=("public.ecr.aws/python:3", "python:3", ""))
    assert asked(service_side.container_needs(SCOPE, work)) == set()


@pytest.mark.parametrize("step_type", ["Processing", "Training"])
def test_keys_and_a_network_need_permissions_of_their_own(step_type: str) -> None:
    network = {"SecurityGroupIds": ["sg"], "Subnets": ["subnet"]}
    cluster = {**CLUSTER, "VolumeKmsKeyId": f"{KEY}-volume"}
    requests = {
        "Processing": {
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": ""},
            "ProcessingOutputConfig": {"KmsKeyId": KEY},
            "ProcessingResources": {"ClusterConfig": cluster},
            "NetworkConfig": {"VpcConfig": network},
        },
        "Training": training(
            AlgorithmSpecification={},
            OutputDataConfig={"KmsKeyId": KEY},
            ResourceConfig=cluster,
            VpcConfig=network,
        ),
    }
    (work,) = works(step_type, requests[step_type])
    needs = asked(service_side.container_needs(SCOPE, work))
    keys = {(action, resource) for action, resource in needs if action.startswith("kms:")}
    assert keys == {
        ("kms:Encrypt", KEY),
        ("kms:CreateGrant", f"{KEY}-volume"),
        ("kms:DescribeKey", f"{KEY}-volume"),
    }
    assert len([action for action, _ in needs if action.startswith("ec2:")]) == 9


def test_every_container_of_a_model_is_pulled_and_read() -> None:
    images = [Image(uri=IMAGE, archive=f"s3://b/{n}.tar.gz", environment={}) for n in "12"]
    work = service_side.model_work({"ExecutionRoleArn": ROLE}, images)
    assert (work.images, work.reads) == ((IMAGE, IMAGE), ("s3://b/1.tar.gz", "s3://b/2.tar.gz"))


@pytest.mark.parametrize(
    ("image", "merger"),
    [
        (
            "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer",
            "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-groundtruth-merger",
        ),
        (IMAGE, None),
    ],
)
def test_labels_are_joined_by_an_image_beside_the_analyzers(image: str, merger: str | None) -> None:
    assert service_side.merger_of(image) == merger


# --- what a denial does ---------------------------------------------------------------------------


def failed(call: Caller, *steps: dict[str, Any]) -> str:
    """The reason of the first step's failure."""
    call("CreatePipeline", PipelineName="p", RoleArn=ROLE, PipelineDefinition=definition(*steps))
    end = call.run(PipelineName="p")
    assert end["PipelineExecutionStatus"] == "Failed"
    arn = end["PipelineExecutionArn"]
    listed = call("ListPipelineExecutionSteps", PipelineExecutionArn=arn, SortOrder="Ascending")
    reason: str = listed["PipelineExecutionSteps"][0]["FailureReason"]
    return reason


@pytest.mark.parametrize(
    ("action", "operation"),
    [
        ("sagemaker:CreateProcessingJob", "CreateProcessingJob"),
        ("sagemaker:AddTags", "CreateProcessingJob"),
        ("iam:PassRole", "CreateProcessingJob"),
        ("ecr:GetAuthorizationToken", "GetAuthorizationToken"),
        ("ecr:BatchGetImage", "BatchGetImage"),
    ],
)
def test_a_step_whose_role_lacks_a_permission_fails_with_the_sentence_of_aws(
    call: Caller, action: str, operation: str
) -> None:
    call.cloud.denied[action] = refusal(action)
    assert failed(call, shell("prepare", "true")) == (
        f"ClientError: An error occurred (AccessDeniedException) when calling the {operation} "
        f"operation: {refusal(action)}"
    )


@pytest.mark.parametrize("step_type", ["RegisterModel", "Model"])
def test_what_a_pipeline_may_not_make_fails_the_step_that_makes_it(
    call: Caller, step_type: str
) -> None:
    operation = {"RegisterModel": "CreateModelPackage", "Model": "CreateModel"}[step_type]
    model = {"PrimaryContainer": container("m"), "ExecutionRoleArn": ROLE}
    steps = {
        "RegisterModel": register(),
        "Model": {"Name": "model", "Type": "Model", "Arguments": model},
    }
    call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    call.cloud.denied[f"sagemaker:{operation}"] = refusal(f"sagemaker:{operation}")
    reason = failed(call, steps[step_type])
    start = f"An error occurred (AccessDeniedException) when calling the {operation} operation: "
    assert reason.startswith(f"ClientError: {start}User: ")


def test_a_stand_in_needs_the_right_to_make_what_it_stands_for(call: Caller) -> None:
    emr = {"Name": "cluster", "Type": "EMR", "Arguments": {"ClusterId": "j-1"}}
    text = definition({**emr, "ClusterId": "j-1", "StepConfig": {}})
    call("CreatePipeline", PipelineName="p", RoleArn=ROLE, PipelineDefinition=text)
    call.cloud.denied["elasticmapreduce:AddJobFlowSteps"] = refusal("elasticmapreduce:x")
    token = "t" * 32
    stand_ins.keep(call.sagemaker.api, SCOPE, token, {"cluster": {}})
    end = call.run(PipelineName="p", ClientRequestToken=token)
    assert "when calling the AddJobFlowSteps operation" in end["FailureReason"]


def test_without_the_right_to_write_a_log_the_job_runs_and_its_log_is_lost(call: Caller) -> None:
    call.cloud.denied["logs:PutLogEvents"] = refusal("logs:PutLogEvents")
    text = definition(shell("prepare", "echo hello"))
    call("CreatePipeline", PipelineName="p", RoleArn=ROLE, PipelineDefinition=text)
    end = call.run(PipelineName="p")
    assert end["PipelineExecutionStatus"] == "Succeeded"
    assert call.cloud.lines == []
    (step,) = call("ListPipelineExecutionSteps", PipelineExecutionArn=end["PipelineExecutionArn"])[
        "PipelineExecutionSteps"
    ]
    assert step["StepDescription"] == f"its log is lost: {refusal('logs:PutLogEvents')}"


def test_a_pipeline_whose_role_sagemaker_may_not_take_fails_with_the_reason(call: Caller) -> None:
    text = definition(shell("prepare", "true"))
    call("CreatePipeline", PipelineName="p", RoleArn=ROLE, PipelineDefinition=text)
    call.cloud.denied["sts:AssumeRole"] = f"Could not assume role {ROLE}."
    end = call.run(PipelineName="p")
    assert end["PipelineExecutionStatus"] == "Failed"
    assert end["FailureReason"] == f"Could not assume role {ROLE}."


def test_a_model_whose_role_may_not_read_its_archive_is_refused(call: Caller) -> None:
    call.cloud.denied["s3:GetObject"] = refusal("s3:GetObject", "arn:aws:s3:::bucket/m")
    with pytest.raises(ApiError, match="Could not access model data at s3://bucket/m/") as caught:
        call("CreateModel", ModelName="m", PrimaryContainer=container("m"), ExecutionRoleArn=ROLE)
    assert caught.value.code == "ValidationException"
    assert refusal("s3:GetObject", "arn:aws:s3:::bucket/m") in caught.value.message


def test_an_endpoint_whose_role_may_not_pull_the_image_fails_with_the_sentence(
    call: Caller,
) -> None:
    config = configure(call, "v1")
    call.cloud.denied["ecr:BatchGetImage"] = refusal("ecr:BatchGetImage", REPOSITORY)
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=config)
    described = settled(call)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].endswith(refusal("ecr:BatchGetImage", REPOSITORY))


def test_an_endpoint_whose_role_may_not_write_its_log_serves_without_one(call: Caller) -> None:
    config = configure(call, "v1")
    call.cloud.denied["logs:CreateLogStream"] = refusal("logs:CreateLogStream")
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=config)
    assert settled(call)["EndpointStatus"] == "InService"
    call.sagemaker.hosting.flush()
    assert call.cloud.lines == []


def test_the_key_of_an_endpoints_volume_is_the_models_roles_to_use(call: Caller) -> None:
    config = configure(call, "v1", KmsKeyId=KEY)
    call.cloud.denied["kms:CreateGrant"] = refusal("kms:CreateGrant", KEY)
    call("CreateEndpoint", EndpointName="e", EndpointConfigName=config)
    assert refusal("kms:CreateGrant", KEY) in settled(call)["FailureReason"]


def test_captured_data_that_may_not_be_encrypted_is_lost() -> None:
    cloud = FakeCloud(denied={"kms:GenerateDataKey": refusal("kms:GenerateDataKey", KEY)})
    keeper = Capture(cloud, Roles(cloud))
    config = {"DataCaptureConfig": {**CAPTURE, "KmsKeyId": KEY}}
    keeper.keep(SCOPE, "e", "AllTraffic", config, exchange(), role=ROLE)
    keeper.flush(everything=True)
    assert not cloud.objects


def test_a_model_quality_run_asks_for_the_mergers_image_too(call: Caller) -> None:
    registry = "156813124566.dkr.ecr.us-east-1.amazonaws.com"
    application = {"ImageUri": f"{registry}/sagemaker-model-monitor-analyzer"}
    monitored = Monitored(
        kind=MODEL_QUALITY,
        definition={"ModelQualityAppSpecification": application, "RoleArn": ROLE},
        schedule="s",
        capture_uri="s3://bucket/capture",
        variants=("AllTraffic",),
    )
    call.cloud.denied["ecr:BatchGetImage"] = refusal("ecr:BatchGetImage")
    with pytest.raises(Refused, match="is not authorized to perform: ecr:BatchGetImage"):
        call.sagemaker.monitors._merge(SCOPE, monitored, "job")
    repository = f"arn:aws:ecr:us-east-1:156813124566:repository/{images.GROUND_TRUTH_MERGER}"
    assert ("ecr:BatchGetImage", repository) in asked(call.cloud.needs)


# --- in a running cloud, by policies --------------------------------------------------------------

pytest_cloud = pytest.mark.cloud


@pytest.fixture
def narrow(cloud: RunningCloud) -> Callable[..., str]:
    """Gives role ``other`` these statements and no others; answers its ARN."""
    make_role(cloud, "other")

    def allow(*statements: tuple[str | list[str], str]) -> str:
        # IAM refuses a policy without statements.
        policy = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in (*statements, ("sts:GetCallerIdentity", "*"))
        ]
        cloud.client("iam").put_role_policy(
            RoleName="other",
            PolicyName="everything",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": policy}),
        )
        return OTHER

    return allow


CONTAINER = (["ecr:*", "logs:*", "cloudwatch:PutMetricData"], "*")


def run(cloud: RunningCloud, name: str, step: dict[str, Any], role: str = ROLE) -> dict[str, Any]:
    """The only step of a run."""
    sagemaker = cloud.client("sagemaker")
    text = definition(step)
    sagemaker.create_pipeline(PipelineName=name, RoleArn=role, PipelineDefinition=text)
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
    listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    (recorded,) = listed["PipelineExecutionSteps"]
    described: dict[str, Any] = recorded
    return described


def reading(uri: str, role: str, kind: str = "S3Prefix") -> dict[str, Any]:
    step = shell("prepare", "ls /opt/ml/processing/input")
    source = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/input", "S3DataType": kind}
    step["Arguments"]["ProcessingInputs"] = [
        {"InputName": "raw", "S3Input": {**source, "S3InputMode": "File"}}
    ]
    step["Arguments"]["RoleArn"] = role
    return step


@pytest_cloud
def test_an_input_by_prefix_is_listed_and_one_by_manifest_is_not(
    cloud: RunningCloud, narrow: Callable[..., str]
) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="by-prefix")
    s3.put_object(Bucket="by-prefix", Key="raw/a.csv", Body=b"1")
    manifest = json.dumps([{"prefix": "s3://by-prefix/raw/"}, "a.csv"])
    s3.put_object(Bucket="by-prefix", Key="manifest.json", Body=manifest.encode())
    role = narrow(CONTAINER, ("s3:GetObject", "arn:aws:s3:::by-prefix/*"))

    step = run(cloud, "by-prefix", reading("s3://by-prefix/raw/", role))
    assert step["StepStatus"] == "Failed"
    begin = "ClientError: An error occurred (AccessDenied) when calling the ListObjectsV2 operation"
    assert step["FailureReason"].startswith(begin)
    assert (
        "assumed-role/other/SageMaker is not authorized to perform: s3:ListBucket on resource"
        in (step["FailureReason"])
    )
    job = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    described = cloud.client("sagemaker").describe_processing_job(ProcessingJobName=job)
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"] == step["FailureReason"]

    by_manifest = reading("s3://by-prefix/manifest.json", role, "ManifestFile")
    assert run(cloud, "by-manifest", by_manifest)["StepStatus"] == "Succeeded"


@pytest_cloud
def test_the_key_of_an_output_needs_the_right_to_encrypt(
    cloud: RunningCloud, narrow: Callable[..., str]
) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]
    cloud.client("s3").create_bucket(Bucket="encrypted")
    step = shell("write", "echo 1 > /opt/ml/processing/out/a.csv")
    target = {"LocalPath": "/opt/ml/processing/out", "S3Uri": "s3://encrypted/out"}
    output = {"OutputName": "out", "S3Output": {**target, "S3UploadMode": "EndOfJob"}}
    step["Arguments"]["ProcessingOutputConfig"] = {"KmsKeyId": key["KeyId"], "Outputs": [output]}
    put = ("s3:PutObject", "arn:aws:s3:::encrypted/*")
    role = step["Arguments"]["RoleArn"] = narrow(CONTAINER, put)
    failure = run(cloud, "no-key", step)["FailureReason"]
    assert f"not authorized to perform: kms:Encrypt on resource: {key['Arn']} because" in failure

    narrow(CONTAINER, put, ("kms:Encrypt", key["Arn"]))
    failure = run(cloud, "half-a-key", step)["FailureReason"]
    assert "when calling the PutObject operation" in failure
    assert f"not authorized to perform: kms:GenerateDataKey on resource: {key['Arn']}" in failure

    narrow(CONTAINER, put, (["kms:Encrypt", "kms:GenerateDataKey"], key["Arn"]))
    assert run(cloud, "with-key", step)["StepStatus"] == "Succeeded"
    head = cloud.client("s3").head_object(Bucket="encrypted", Key="out/a.csv")
    assert head["SSEKMSKeyId"] == key["KeyId"]
    assert role == OTHER


@pytest_cloud
def test_a_pipeline_may_be_kept_from_registering_what_is_approved(
    cloud: RunningCloud, narrow: Callable[..., str]
) -> None:
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="gated")
    narrow()
    statement = {
        "Effect": "Allow",
        "Action": "sagemaker:CreateModelPackage",
        "Resource": "*",
        "Condition": {"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(
        RoleName="other", PolicyName="everything", PolicyDocument=policy
    )
    outcomes = {}
    for status in ("Approved", "PendingManualApproval"):
        step = register("gated")
        step["Arguments"]["ModelApprovalStatus"] = status
        outcomes[status] = run(cloud, f"registers-{status}", step, OTHER)["StepStatus"]
    assert outcomes == {"Approved": "Failed", "PendingManualApproval": "Succeeded"}


@pytest_cloud
def test_callbacks_and_functions_are_called_as_the_pipelines_role(
    cloud: RunningCloud, narrow: Callable[..., str]
) -> None:
    url = cloud.client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    narrow()
    callback = {"Name": "wait", "Type": "Callback", "SqsQueueUrl": url, "Arguments": {}}
    function = f"arn:aws:lambda:{REGION}:000000000000:function:none"
    lambda_step = {"Name": "ask", "Type": "Lambda", "FunctionArn": function, "Arguments": {}}
    for step, action in ((callback, "sqs:SendMessage"), (lambda_step, "lambda:InvokeFunction")):
        failure = run(cloud, f"calls-{step['Name']}", step, OTHER)["FailureReason"]
        assert f"assumed-role/other/SageMaker is not authorized to perform: {action}" in failure


@pytest_cloud
def test_a_property_file_is_read_as_the_pipelines_role(
    cloud: RunningCloud, narrow: Callable[..., str]
) -> None:
    cloud.client("s3").create_bucket(Bucket="reports")
    step = shell("judge", """echo '{"score": 1}' > /opt/ml/processing/out/report.json""")
    target = {"LocalPath": "/opt/ml/processing/out", "S3Uri": "s3://reports/out"}
    output = {"OutputName": "out", "S3Output": {**target, "S3UploadMode": "EndOfJob"}}
    step["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [output]}
    file = {"PropertyFileName": "report", "OutputName": "out", "FilePath": "report.json"}
    step["PropertyFiles"] = [file]
    source = {"Get": "Steps.judge.PropertyFiles.report"}
    left = {"Std:JsonGet": {"PropertyFile": source, "Path": "score"}}
    decide = gate()
    decide["Arguments"]["Conditions"][0]["LeftValue"] = left
    # The job's role, which may do everything, is the step's own.
    role = narrow(("sagemaker:*", "*"), ("iam:PassRole", ROLE))
    sagemaker = cloud.client("sagemaker")
    text = definition(step, decide, Score=1)
    sagemaker.create_pipeline(PipelineName="reports", RoleArn=role, PipelineDefinition=text)
    arn = sagemaker.start_pipeline_execution(PipelineName="reports")["PipelineExecutionArn"]
    end = wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
    assert "gate: ClientError: An error occurred (AccessDenied)" in end["FailureReason"]
    assert "assumed-role/other/SageMaker" in end["FailureReason"]
    assert "s3:GetObject" in end["FailureReason"]


@pytest_cloud
def test_a_containers_session_is_renewed_before_it_expires(cloud: RunningCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="renewed")
    show = "printf '%s %s' $AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"
    step = shell("show", f"{show} > /opt/ml/processing/out/a")
    target = {"LocalPath": "/opt/ml/processing/out", "S3Uri": "s3://renewed/out"}
    output = {"OutputName": "out", "S3Output": {**target, "S3UploadMode": "EndOfJob"}}
    step["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [output]}
    assert run(cloud, "renewed", step)["StepStatus"] == "Succeeded"
    url, token = s3.get_object(Bucket="renewed", Key="out/a")["Body"].read().decode().split()
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
    }
    credentials = ContainerProvider(environ=variables).load()
    assert isinstance(credentials, RefreshableCredentials)
    first = credentials.get_frozen_credentials()
    assert first.token
    expiring: Any = credentials
    expiring._expiry_time = expiring._time_fetcher()
    assert credentials.refresh_needed()
    assert credentials.get_frozen_credentials().access_key
    assert not credentials.refresh_needed()
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "of somebody else"
    with pytest.raises(Exception, match="not the token"):
        ContainerProvider(environ=variables).load()
