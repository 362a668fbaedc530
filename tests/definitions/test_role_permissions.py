"""The permissions of a pipeline's role follow from its definition, and nothing is missed in
silence: one table for authored and imported pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ratchet.definition import service_model
from ratchet.definition.service_model import Shape
from ratchet.definition.step_types import STEP_TYPES
from ratchet.permissions import (
    Missing,
    Permission,
    arguments,
    needs,
    registered_images,
    steps,
)
from ratchet.permissions.permission import merged
from ratchet.settings.arns import RegionArns

ACCOUNT, REGION = "111122223333", "eu-west-1"
ARNS = RegionArns(region=REGION, account=ACCOUNT)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/train:1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"
GROUP = "flights-dev"


def processing(**over: Any) -> dict[str, Any]:
    step_arguments = {
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large"}},
        **over,
    }
    return {"Name": "prepare", "Type": "Processing", "Arguments": step_arguments}


def pipeline(*of: Mapping[str, Any], parameters: Any = ()) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(of)}


def granted(*of: Mapping[str, Any], parameters: Any = ()) -> dict[str, Permission]:
    permissions, missing = needs(pipeline(*of, parameters=parameters), arns=ARNS)
    assert missing == []
    return {permission.sid: permission for permission in permissions}


def missing(*of: Mapping[str, Any], parameters: Any = ()) -> list[Missing]:
    return needs(pipeline(*of, parameters=parameters), arns=ARNS)[1]


def string(name: str, default: str | None = None, enum: Any = ()) -> dict[str, Any]:
    parameter: dict[str, Any] = {"Name": name, "Type": "String"}
    if default is not None:
        parameter["DefaultValue"] = default
    return {**parameter, "EnumValues": list(enum)} if enum else parameter


# --- nothing is missed


def members_of(shape: Shape, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all values below a shape of the API, but what stands in maps."""
    for name, member in shape.get("members", {}).items():
        if member["shape"] not in seen:
            below = service_model.shape(member["shape"])
            while below["type"] == "list":
                below = service_model.shape(below["member"]["shape"])
            if below["type"] == "structure":
                yield from members_of(below, seen | {member["shape"]})
            elif below["type"] != "map":
                yield name


@pytest.mark.parametrize("kind", STEP_TYPES)
def test_every_argument_that_names_a_resource_has_a_row_or_a_reason(kind: str) -> None:
    shape = service_model.create_shape(kind) or {}
    names = {name for name in members_of(shape) if arguments.names_a_resource(name)}
    assert names - arguments.NEEDS.keys() - arguments.NEEDS_NOTHING.keys() == set()


def test_no_row_is_for_an_argument_that_the_api_does_not_have() -> None:
    shapes = [service_model.create_shape(kind) or {} for kind in STEP_TYPES]
    names = {name for shape in shapes for name in members_of(shape)}
    assert (arguments.NEEDS.keys() | arguments.NEEDS_NOTHING.keys()) - names == set()


def test_what_is_done_by_a_types_name_is_for_a_type_of_the_table() -> None:
    assert steps.BY_ARGUMENTS.keys() <= STEP_TYPES.keys()


def test_a_job_of_a_category_is_run_and_its_document_is_asked_about() -> None:
    step = {"Name": "tune", "Type": "Job", "Arguments": {"JobConfigDocument": "{}"}}
    permissions, (need,) = needs(pipeline(step), arns=ARNS)
    (jobs,) = [permission for permission in permissions if permission.sid == "RunJobs"]
    assert {"sagemaker:CreateJob", "sagemaker:StopJob", "sagemaker:AddTags"} <= set(jobs.actions)
    assert jobs.resources == [ARNS.sagemaker("job/*")]
    assert need.permission.sid == "UseJobDocumentForTune"


@pytest.mark.parametrize("kind", ["Lineage", "InferenceComponent", "Invented"])
def test_a_type_whose_needs_nobody_knows_is_not_passed_over(kind: str) -> None:
    (need,) = missing({"Name": "new-one", "Type": kind, "Arguments": {}})
    assert need.permission.sid == f"Run{kind}ForNewOne"
    assert f"sagemaker:Create{kind}" in need.permission.actions


# --- jobs


@pytest.mark.parametrize(
    ("kind", "job", "resource", "log_group"),
    [
        ("Processing", "ProcessingJob", "processing-job/pipelines-*", "ProcessingJobs"),
        ("Training", "TrainingJob", "training-job/pipelines-*", "TrainingJobs"),
        ("Transform", "TransformJob", "transform-job/pipelines-*", "TransformJobs"),
        ("QualityCheck", "ProcessingJob", "processing-job/pipelines-*", "ProcessingJobs"),
        ("ClarifyCheck", "ProcessingJob", "processing-job/pipelines-*", "ProcessingJobs"),
        ("Tuning", "HyperParameterTuningJob", "hyper-parameter-tuning-job/*", "TrainingJobs"),
    ],
)
def test_a_job_is_run_stopped_and_logged(
    kind: str, job: str, resource: str, log_group: str
) -> None:
    allowed = granted({"Name": "step", "Type": kind, "Arguments": {}})
    for verb in ("Create", "Describe", "Stop"):
        assert f"sagemaker:{verb}{job}" in allowed["RunJobs"].actions
    assert allowed["RunJobs"].resources == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{resource}"]
    (streams,) = allowed["WriteLogs"].resources
    assert f"/aws/sagemaker/{log_group}:" in streams


def test_a_pipeline_gets_nothing_for_jobs_that_it_does_not_run() -> None:
    allowed = granted(processing())
    actions = {action for permission in allowed.values() for action in permission.actions}
    assert not [a for a in actions if "Training" in a or "Transform" in a or "ModelPackage" in a]


def test_a_pipeline_without_jobs_gets_none() -> None:
    assert granted({"Name": "no", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}) == {}


@pytest.mark.parametrize("argument", ["RoleArn", "ExecutionRoleArn"])
def test_every_role_that_is_passed_is_passed_to_sagemaker_alone(argument: str) -> None:
    kind = "Training" if argument == "RoleArn" else "Model"
    allowed = granted({"Name": "step", "Type": kind, "Arguments": {argument: ROLE}})
    assert allowed["PassRoles"].resources == [ROLE]
    assert allowed["PassRoles"].conditions == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


# --- images


def test_every_image_that_is_named_is_pulled() -> None:
    other = IMAGE.replace("train", "rules")
    training = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE},
        "DebugRuleConfigurations": [{"RuleEvaluatorImage": other}],
    }
    allowed = granted({"Name": "train", "Type": "Training", "Arguments": training})
    assert [arn.rsplit("/", 1)[1] for arn in allowed["PullImage"].resources] == ["train", "rules"]
    assert allowed["LogInToRegistry"].resources == ["*"]


def test_an_image_in_a_parameter_is_its_default_and_its_enum() -> None:
    choices = [IMAGE, IMAGE.replace("train", "other")]
    allowed = granted(
        processing(AppSpecification={"ImageUri": {"Get": "Parameters.Image"}}),
        parameters=[string("Image", IMAGE, choices)],
    )
    assert [arn.rsplit("/", 1)[1] for arn in allowed["PullImage"].resources] == ["train", "other"]
    assert "sagemaker:CreateProcessingJob" in allowed["RunJobs"].actions


def test_an_image_that_only_the_start_knows_is_said_with_the_statement_to_add() -> None:
    (need,) = missing(
        processing(AppSpecification={"ImageUri": {"Get": "Parameters.Image"}}),
        parameters=[string("Image")],
    )
    assert (need.step, need.argument) == ("prepare", "AppSpecification.ImageUri")
    assert need.permission.sid == "PullImageForPrepare"
    assert '"ecr:BatchGetImage"' in str(need)


def test_an_image_may_be_joined_of_known_parts() -> None:
    parts = [ACCOUNT, ".dkr.ecr.", REGION, ".amazonaws.com/", {"Get": "Parameters.Name"}, ":1"]
    uri = {"Std:Join": {"On": "", "Values": parts}}
    allowed = granted(
        processing(AppSpecification={"ImageUri": uri}), parameters=[string("Name", "joined")]
    )
    assert allowed["PullImage"].resources[0].endswith(":repository/joined")


def test_a_variable_of_the_steps_own_is_no_argument_of_the_api() -> None:
    allowed = granted(processing(Environment={"Image": "x.dkr.ecr/none", "RoleArn": "mine"}))
    assert allowed["PassRoles"].resources == [ROLE]
    assert len(allowed["PullImage"].resources) == 1


# --- keys and networks


def test_the_key_of_an_output_encrypts_too() -> None:
    allowed = granted(processing(ProcessingOutputConfig={"Outputs": [], "KmsKeyId": KEY}))
    assert set(allowed["EncryptOutputs"].actions) == {
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:Decrypt",
    }
    assert allowed["EncryptOutputs"].resources == [KEY]


def test_the_key_of_a_volume_is_granted_to_the_service() -> None:
    cluster = {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": "k"}
    allowed = granted(processing(ProcessingResources={"ClusterConfig": cluster}))
    assert set(allowed["EncryptVolumes"].actions) == {"kms:CreateGrant", "kms:DescribeKey"}
    assert allowed["EncryptVolumes"].resources == [KEY]


def test_a_key_by_its_alias_is_a_condition() -> None:
    config = {"Outputs": [], "KmsKeyId": "alias/ours"}
    allowed = granted(processing(ProcessingOutputConfig=config))
    assert allowed["EncryptOutputsByAlias"].conditions == {
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/ours"]}
    }


@pytest.mark.parametrize(
    "step",
    [
        processing(NetworkConfig={"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": ["a", "b"]}}),
        {
            "Name": "model",
            "Type": "Model",
            "Arguments": {"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": ["a"]}},
        },
    ],
)
def test_a_network_needs_nine_actions(step: dict[str, Any]) -> None:
    permission = granted(step)["JoinNetwork"]
    assert len(permission.actions) == 9
    assert permission.resources == ["*"]
    assert not permission.conditions


# --- models and versions


def register(**over: Any) -> dict[str, Any]:
    request = {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": [{"Image": IMAGE}]},
        **over,
    }
    return {"Name": "register", "Type": "RegisterModel", "Arguments": request}


def statuses(*of: Mapping[str, Any], parameters: Any = ()) -> Any:
    allowed = granted(*of, parameters=parameters)
    permission = allowed.get("RegisterModel") or allowed["RegisterModelWithAnyStatus"]
    return permission.conditions


def test_a_version_is_registered_in_its_group_with_its_status_alone() -> None:
    permission = granted(register())["RegisterModel"]
    assert permission.actions == ["sagemaker:CreateModelPackage"]
    assert [arn.rsplit(":", 1)[1] for arn in permission.resources] == [
        f"model-package-group/{GROUP}",
        f"model-package/{GROUP}/*",
    ]
    assert permission.conditions == {
        "StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": ["PendingManualApproval"]}
    }


def test_no_status_is_one_that_waits_for_approval() -> None:
    step = register()
    del step["Arguments"]["ModelApprovalStatus"]
    assert statuses(step) == statuses(register())


def test_whoever_starts_a_run_may_choose_the_status_where_a_parameter_is_one() -> None:
    step = register(ModelApprovalStatus={"Get": "Parameters.Status"})
    assert statuses(step, parameters=[string("Status", "PendingManualApproval")]) == {}
    enum = ["PendingManualApproval", "Rejected"]
    assert statuses(step, parameters=[string("Status", enum[0], enum)]) == {
        "StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": enum}
    }


def test_a_group_with_capitals_is_matched_as_sagemaker_writes_it() -> None:
    resources = granted(register(ModelPackageGroupName="House"))["RegisterModel"].resources
    assert {arn.rsplit(":", 1)[1] for arn in resources} == {
        "model-package-group/House",
        "model-package-group/house",
        "model-package/House/*",
        "model-package/house/*",
    }


def test_who_serves_a_version_is_told_of_its_image() -> None:
    assert registered_images(pipeline(processing(), register())) == [IMAGE]


@pytest.mark.parametrize(
    ("package", "resource"),
    [
        (
            "arn:aws:sagemaker:eu-west-1:999988887777:model-package/theirs/3",
            "arn:aws:sagemaker:eu-west-1:999988887777:model-package/theirs/3",
        ),
        (
            {"Get": "Steps.register.ModelPackageArn"},
            f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{GROUP}/*",
        ),
    ],
)
def test_a_model_of_a_version_of_any_account_is_described(package: Any, resource: str) -> None:
    container = {"PrimaryContainer": {"ModelPackageName": package}}
    model = {"Name": "model", "Type": "Model", "Arguments": container}
    assert granted(register(), model)["UseModelPackages"].resources == [resource]


# --- what is beside jobs


def test_functions_and_queues_are_named() -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:tell"
    url = "https://sqs.cn-north-1.amazonaws.com.cn/444455556666/people"
    allowed = granted(
        {"Name": "tell", "Type": "Lambda", "FunctionArn": function, "Arguments": {}},
        {"Name": "ask", "Type": "Callback", "SqsQueueUrl": url, "Arguments": {}},
    )
    assert allowed["InvokeFunctions"].resources == [function]
    assert allowed["SendCallbacks"].resources == ["arn:aws-cn:sqs:cn-north-1:444455556666:people"]


def test_a_queue_that_only_the_start_knows_is_said() -> None:
    url = {"Get": "Parameters.Queue"}
    (need,) = missing(
        {"Name": "ask", "Type": "Callback", "SqsQueueUrl": url, "Arguments": {}},
        parameters=[string("Queue")],
    )
    assert need.permission.actions == ["sqs:SendMessage"]


def test_an_emr_cluster_of_its_own_is_made_with_the_roles_that_it_names() -> None:
    cluster = {"ServiceRole": "EMR_DefaultRole", "Instances": {}, "JobFlowRole": "EMR_EC2"}
    request = {"StepConfig": {}, "ClusterConfig": cluster}
    allowed = granted({"Name": "spark", "Type": "EMR", "Arguments": request})
    assert "elasticmapreduce:RunJobFlow" in allowed["MakeClusters"].actions
    assert allowed["PassRolesToEc2"].resources == [f"arn:aws:iam::{ACCOUNT}:role/EMR_EC2"]
    assert allowed["PassRolesToElasticmapreduce"].conditions == {
        "StringEquals": {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}
    }


def test_a_cluster_that_is_there_is_not_made() -> None:
    request = {"StepConfig": {}, "ClusterId": "j-1"}
    allowed = granted({"Name": "spark", "Type": "EMR", "Arguments": request})
    assert "MakeClusters" not in allowed
    assert allowed["RunOnClusters"].resources[0].endswith(":cluster/j-1")


def test_endpoints_are_made_by_the_names_that_the_definition_gives() -> None:
    name = {"Std:Join": {"On": "-", "Values": ["trial", {"Get": "Execution.PipelineExecutionId"}]}}
    config = {"EndpointConfigName": name, "ProductionVariants": []}
    endpoint = {
        "EndpointName": "trial",
        "EndpointConfigName": {"Get": "Steps.c.EndpointConfigName"},
    }
    allowed = granted(
        {"Name": "c", "Type": "EndpointConfig", "Arguments": config},
        {"Name": "e", "Type": "Endpoint", "Arguments": endpoint},
    )
    assert allowed["MakeEndpointConfigs"].resources[0].endswith(":endpoint-config/trial-*")
    assert allowed["MakeEndpoints"].resources[0].endswith(":endpoint/trial")
    assert allowed["UseEndpointConfigs"].actions == [
        "sagemaker:CreateEndpoint",
        "sagemaker:UpdateEndpoint",
    ]


def test_autopilot_needs_a_person_to_say_what_its_jobs_may_be() -> None:
    (need,) = missing({"Name": "auto", "Type": "AutoML", "Arguments": {"RoleArn": ROLE}})
    assert "sagemaker:CreateHyperParameterTuningJob" in need.permission.actions


# --- storage


def test_what_is_read_elsewhere_is_listed_by_its_beginning() -> None:
    source = {"S3Input": {"S3Uri": "s3://theirs/raw/2013", "S3DataType": "S3Prefix"}}
    allowed = granted(processing(ProcessingInputs=[{"InputName": "raw", **source}]))
    assert allowed["ReadElsewhere"].resources == ["arn:aws:s3:::theirs/raw/2013*"]
    assert allowed["ListElsewhere"].resources == ["arn:aws:s3:::theirs"]
    assert allowed["ListElsewhere"].conditions == {"StringLike": {"s3:prefix": ["raw/2013*"]}}


def test_a_default_is_read_and_what_a_reference_ends_is_read_by_its_folder() -> None:
    parts = ["s3://theirs/days", {"Get": "Parameters.Day"}]
    uri = {"Std:Join": {"On": "/", "Values": parts}}
    allowed = granted(
        processing(ProcessingInputs=[{"InputName": "x", "S3Input": {"S3Uri": uri}}]),
        parameters=[string("Day"), string("Else", "s3://other/y")],
    )
    assert allowed["ReadElsewhere"].resources == [
        "arn:aws:s3:::other/y*",
        "arn:aws:s3:::theirs/days/*",
    ]


def test_an_output_elsewhere_is_written_and_one_of_the_deployment_left_to_its_owner() -> None:
    outputs = [
        {"OutputName": "a", "S3Output": {"S3Uri": "s3://theirs/out"}},
        {"OutputName": "b", "S3Output": {"S3Uri": "s3://${Token[Bucket.1]}/runs"}},
        {"OutputName": "c", "S3Output": {"S3Uri": "s3://code/x"}},
    ]
    step = processing(ProcessingOutputConfig={"Outputs": outputs})
    permissions, _ = needs(pipeline(step), arns=ARNS, granted_buckets=["code"])
    (written,) = [p for p in permissions if p.sid == "WriteElsewhere"]
    assert written.resources == ["arn:aws:s3:::theirs/out*"]


# --- statements


def test_permissions_of_one_name_become_one() -> None:
    permission = Permission(sid="A", actions=["s3:GetObject"], resources=["x"])
    other = Permission(sid="A", actions=["s3:GetObject"], resources=["y", "x"])
    (both,) = merged([permission, other])
    assert both.statement() == {
        "Sid": "A",
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["x", "y"],
    }


def test_a_name_for_two_conditions_is_refused() -> None:
    permission = Permission(sid="A", actions=["a"], resources=["x"])
    other = Permission(sid="A", actions=["a"], resources=["x"], conditions={"Null": {"k": "true"}})
    with pytest.raises(ValueError, match="different conditions"):
        merged([permission, other])
