"""Data and artifacts: encrypted, versioned, private, kept as long as the settings say."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.loop import folders
from ratchet.project import load
from ratchet.settings.schema import ComputeSettings
from tests.infra.assembly import ENVIRONMENTS, STACKS, Assembly
from tests.infra.readable import text_of

BUCKETS = ("DataBucket", "ArtifactsBucket")


def buckets(assembly: Assembly, environment: str) -> dict[str, dict[str, Any]]:
    return assembly.resources(f"{environment}/Foundation", "AWS::S3::Bucket")


def bucket(assembly: Assembly, environment: str, name: str) -> dict[str, Any]:
    (found,) = [b for key, b in buckets(assembly, environment).items() if key.startswith(name)]
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", BUCKETS)
def test_objects_are_encrypted_with_the_customer_key(
    assembly: Assembly, environment: str, name: str
) -> None:
    properties = bucket(assembly, environment, name)["Properties"]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    default = rule["ServerSideEncryptionByDefault"]
    (key,) = assembly.resources(f"{environment}/Foundation", "AWS::KMS::Key")
    assert default["SSEAlgorithm"] == "aws:kms"
    assert default["KMSMasterKeyID"] == {"Fn::GetAtt": [key, "Arn"]}
    assert rule["BucketKeyEnabled"] is True


def test_the_key_rotates(assembly: Assembly) -> None:
    assert assembly.only("prod/Foundation", "AWS::KMS::Key")["EnableKeyRotation"] is True


@pytest.mark.parametrize("name", [*BUCKETS, "AccessLogsBucket"])
def test_buckets_are_private_and_speak_tls_only(assembly: Assembly, name: str) -> None:
    found = bucket(assembly, "prod", name)["Properties"]
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    policies = assembly.resources("prod/Foundation", "AWS::S3::BucketPolicy").values()
    (policy,) = [
        p["Properties"] for p in policies if p["Properties"]["Bucket"]["Ref"].startswith(name)
    ]
    denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert denied[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied[0]["Action"] == "s3:*"


@pytest.mark.parametrize("name", BUCKETS)
def test_every_version_is_kept_logged_and_told_to_eventbridge(
    assembly: Assembly, name: str
) -> None:
    found = bucket(assembly, "prod", name)["Properties"]
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    assert found["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    assert found["LoggingConfiguration"]["DestinationBucketName"]["Ref"].startswith("AccessLogs")


def rules(assembly: Assembly, environment: str, name: str) -> dict[str, dict[str, Any]]:
    found = bucket(assembly, environment, name)["Properties"]["LifecycleConfiguration"]["Rules"]
    return {rule["Id"]: rule for rule in found}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", BUCKETS)
def test_old_versions_and_unfinished_uploads_expire(
    assembly: Assembly, environment: str, name: str
) -> None:
    rule = rules(assembly, environment, name)["forget-old-versions"]
    days = load(environment).retention.noncurrent_days
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "ExpirationInDays" not in rule


def test_outputs_of_runs_expire_where_the_settings_say(assembly: Assembly) -> None:
    rule = rules(assembly, "dev", "ArtifactsBucket")["expire-flights-dev-training-runs"]
    assert rule["Prefix"] == "flights-dev-training/runs/"
    assert rule["ExpirationInDays"] == load("dev").retention.run_days


def test_models_that_serve_in_production_never_expire(assembly: Assembly) -> None:
    expiring = {
        rule["Prefix"]
        for rule in rules(assembly, "prod", "ArtifactsBucket").values()
        if "ExpirationInDays" in rule
    }
    assert expiring == {
        "capture/",
        "ground-truth/",
        "monitoring/",
        "flights-prod-monitoring/runs/",
        "flights-prod-training/checkpoints/",
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_checkpoints_outlast_the_longest_wait_for_capacity_and_then_expire(
    assembly: Assembly, environment: str
) -> None:
    folder = f"{load(environment).pipeline_name('training')}/checkpoints/"
    found = rules(assembly, environment, "ArtifactsBucket").values()
    (rule,) = [one for one in found if one.get("Prefix") == folder]
    longest = ComputeSettings(spot=True, max_runtime_seconds=432_000).longest_wait_seconds
    assert rule["ExpirationInDays"] * 86_400 > longest


@pytest.mark.parametrize("name", ["capture", "ground-truth", "monitoring"])
def test_what_was_asked_and_answered_expires_where_the_settings_say(
    assembly: Assembly, name: str
) -> None:
    rule = rules(assembly, "dev", "ArtifactsBucket")[f"expire-{name}"]
    assert rule["ExpirationInDays"] == load("dev").retention.capture_days


def test_what_runs_cost_never_expires(assembly: Assembly) -> None:
    """Long after SageMaker has forgotten the jobs, it is what is known of them."""
    for environment in ENVIRONMENTS:
        expiring = [
            rule.get("Prefix", "")
            for rule in rules(assembly, environment, "ArtifactsBucket").values()
            if "ExpirationInDays" in rule
        ]
        assert expiring
        assert not [prefix for prefix in expiring if folders.COST_ROWS.startswith(prefix)]


def test_landed_data_never_expires(assembly: Assembly) -> None:
    assert list(rules(assembly, "dev", "DataBucket")) == ["forget-old-versions"]


@pytest.mark.parametrize(
    ("environment", "policy"), [("dev", "Delete"), ("prod", "RetainExceptOnCreate")]
)
def test_what_holds_data_survives_its_stack_where_the_settings_say(
    assembly: Assembly, environment: str, policy: str
) -> None:
    stack = f"{environment}/Foundation"
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SageMaker::ModelPackageGroup"):
        for resource in assembly.resources(stack, kind).values():
            assert resource["DeletionPolicy"] == policy


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_nothing_that_a_failed_creation_leaves_is_in_the_way_of_the_next(
    assembly: Assembly, environment: str
) -> None:
    retained = [
        resource["Type"]
        for stack in STACKS
        for resource in assembly.templates[f"{environment}/{stack}"]["Resources"].values()
        if resource.get("DeletionPolicy") == "Retain"
    ]
    assert retained == []


def test_the_model_package_group_has_the_name_that_pipelines_register_in(
    assembly: Assembly,
) -> None:
    group = assembly.only("dev/Foundation", "AWS::SageMaker::ModelPackageGroup")
    assert group["ModelPackageGroupName"] == load("dev").model_package_group


def test_alarms_can_publish_to_the_encrypted_topic(assembly: Assembly) -> None:
    stack = "prod/Foundation"
    topic = assembly.only(stack, "AWS::SNS::Topic")
    (key,) = assembly.resources(stack, "AWS::KMS::Key")
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    policies = [
        assembly.only(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"],
        assembly.only(stack, "AWS::KMS::Key")["KeyPolicy"],
    ]
    for policy in policies:
        (statement,) = [
            s
            for s in policy["Statement"]
            if s["Effect"] == "Allow"
            and s["Principal"].get("Service") == "cloudwatch.amazonaws.com"
        ]
        assert text_of(statement["Condition"]["StringEquals"]["aws:SourceAccount"]) == (
            "${AWS::AccountId}"
        )


def test_nobody_is_mailed_unless_the_settings_name_a_mailbox(assembly: Assembly) -> None:
    assert assembly.resources("prod/Foundation", "AWS::SNS::Subscription") == {}


def test_no_function_stands_behind_the_foundation(assembly: Assembly) -> None:
    kinds = {r["Type"] for r in assembly.templates["prod/Foundation"]["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith(("AWS::Lambda", "Custom::"))}
