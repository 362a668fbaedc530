"""A model of JumpStart is served from the hub's document, with its licence accepted by a person
only, and whatever a trial makes is gone when it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ratchet.candidates import deployments, jumpstart_models, serving
from ratchet.candidates.deployments import CandidateDeployment, LicenceError
from ratchet.candidates.jumpstart_models import HubDocument
from ratchet.deployment.errors import DeploymentError, UsageError
from ratchet.deployment.target.environment import Target
from tests.unit.candidates import hub_contents
from tests.unit.candidates.served_world import Served
from tests.unit.candidates.shaped_clients import check, refusal

NOW = datetime(2026, 11, 28, 7, 45, tzinfo=UTC)
INSTANCE = "ml.m5.large"


def document(name: str = hub_contents.FREE, **more: Any) -> HubDocument:
    return replace(jumpstart_models.read(hub_contents.described(name)), **more)


@pytest.fixture
def deployment(target: Target) -> CandidateDeployment:
    return deployments.deployment(
        target.settings, trial_id="t1", candidate="a:b", account="123456789012", now=NOW
    )


def shape(operation: str) -> Any:
    client = boto3.client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    return client.meta.service_model.operation_model(operation).input_shape


# -- requests --------------------------------------------------------------------------------------


def test_everything_of_a_trial_has_one_name_and_says_whose_it_is_and_until_when(
    deployment: CandidateDeployment, target: Target
) -> None:
    assert deployment.name.startswith("flights-dev-try-")
    assert len(deployment.name) <= 63
    assert deployment.tags["ratchet:candidate"] == "a:b"
    assert deployment.tags["ratchet:environment"] == "flights-dev"
    expires = datetime.fromisoformat(deployment.tags["ratchet:expires"])
    assert expires == NOW + timedelta(minutes=target.settings.candidates.ttl_minutes)
    assert deployment.tags["cost-center"] == "ml-0001"
    assert deployment.role_arn == "arn:aws:iam::123456789012:role/flights-dev-candidate"


def test_names_fit_even_with_the_longest_prefix(target: Target) -> None:
    longest = replace(target.settings, project="p" * 20, model_name="m" * 17, environment="e" * 9)
    assert len(longest.prefix) == 48
    made = deployments.deployment(
        longest, trial_id="x" * 90, candidate="c" * 300, account="1" * 12, now=NOW
    )
    check({"ModelName": made.name, "Tags": made.tag_list}, shape("CreateModel"))
    assert len(made.name) <= 63


def test_the_document_becomes_a_request_of_createmodel(deployment: CandidateDeployment) -> None:
    request = deployments.create_model_request(document(), deployment, accept_licence=False)
    check(request, shape("CreateModel"))
    assert request["PrimaryContainer"] == {
        "Image": hub_contents.DOCUMENT["HostingEcrUri"],
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            "ENDPOINT_SERVER_TIMEOUT": "3600",
            "OPTION_TRUST_REMOTE_CODE": "true",
        },
        "ModelDataSource": {
            "S3DataSource": {
                "S3Uri": hub_contents.DOCUMENT["HostingArtifactUri"],
                "S3DataType": "S3Prefix",
                "CompressionType": "None",
            }
        },
    }
    assert request["EnableNetworkIsolation"] is True


def test_an_archive_and_a_prefix_without_a_slash_are_named_as_sagemaker_takes_them() -> None:
    described = hub_contents.described(hub_contents.FREE)
    body = {k: v for k, v in hub_contents.DOCUMENT.items() if not k.startswith("HostingArtifact")}

    def read(**more: Any) -> HubDocument:
        return jumpstart_models.read(
            {**described, "HubContentDocument": json.dumps({**body, **more})}
        )

    packed = read(HostingPrepackedArtifactUri="s3://b/model.tar.gz")
    assert (packed.artifact_uri, packed.artifact_type, packed.compression) == (
        "s3://b/model.tar.gz",
        "S3Object",
        "Gzip",
    )
    prefix = read(HostingArtifactUri="s3://b/model")
    assert (prefix.artifact_uri, prefix.artifact_type) == ("s3://b/model/", "S3Prefix")


def test_a_licence_is_never_accepted_without_a_word_of_a_person(
    deployment: CandidateDeployment,
) -> None:
    gated = document(hub_contents.GATED)
    with pytest.raises(LicenceError) as refused:
        deployments.create_model_request(gated, deployment, accept_licence=False)
    assert hub_contents.EULA in str(refused.value)
    assert "--accept-licence" in str(refused.value)
    accepted = deployments.create_model_request(gated, deployment, accept_licence=True)
    check(accepted, shape("CreateModel"))
    source = accepted["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source["ModelAccessConfig"] == {"AcceptEula": True}
    free = deployments.create_model_request(document(), deployment, accept_licence=True)
    assert "ModelAccessConfig" not in str(free)


@pytest.mark.parametrize(("eula", "gated"), [("", True), (hub_contents.EULA, False)])
def test_terms_and_a_gated_bucket_each_need_acceptance(
    deployment: CandidateDeployment, eula: str, gated: bool
) -> None:
    with pytest.raises(LicenceError):
        deployments.create_model_request(
            document(eula=eula, gated=gated), deployment, accept_licence=False
        )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"model_package": "arn:aws:sagemaker:x"}, "AWS Marketplace"),
        ({"image": ""}, "names no container image"),
        ({"separate_script": "s3://b/s.tar.gz"}, "keeps its inference script apart"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(
    deployment: CandidateDeployment, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(DeploymentError, match=words):
        deployments.create_model_request(document(**more), deployment, accept_licence=True)


def test_the_instance_is_the_hubs_unless_a_person_names_another_that_it_runs_on() -> None:
    assert deployments.instance(document()) == "ml.m5.large"
    assert deployments.instance(document(), "ml.g5.xlarge") == "ml.g5.xlarge"
    with pytest.raises(
        UsageError, match=r"does not run on ml\.t3\.medium; it runs on ml\.m5\.large"
    ):
        deployments.instance(document(), "ml.t3.medium")


def test_the_other_requests_fit_botocores_shapes(deployment: CandidateDeployment) -> None:
    transform = deployments.transform_request(
        deployment,
        instance_type=INSTANCE,
        input_uri="s3://b/rows.jsonl",
        output_uri="s3://b/out/",
        key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
    )
    check(transform, shape("CreateTransformJob"))
    check(
        deployments.endpoint_config_request(deployment, instance_type=INSTANCE),
        shape("CreateEndpointConfig"),
    )
    check(deployments.endpoint_request(deployment), shape("CreateEndpoint"))
    assert transform["TransformResources"]["InstanceCount"] == 1


# -- serving ---------------------------------------------------------------------------------------


def no_pause(seconds: float) -> None:
    """Time passes at once."""


def serve_an_endpoint(
    served: Served, deployment: CandidateDeployment, pause: Any = no_pause
) -> None:
    requests = (
        deployments.create_model_request(document(), deployment, accept_licence=False),
        deployments.endpoint_config_request(deployment, instance_type=INSTANCE),
        deployments.endpoint_request(deployment),
    )
    client = served.client()
    with serving.endpoint(client, deployment, requests, pause=pause) as name:
        assert name == deployment.name
        assert served.endpoints[name] == ["InService"]
        client.describe_endpoint(EndpointName=name)  # the trial's own work: a call as any other


def run_a_transform(served: Served, deployment: CandidateDeployment, pause: Any = no_pause) -> None:
    request = deployments.transform_request(
        deployment, instance_type=INSTANCE, input_uri="s3://b/i", output_uri="s3://b/o/"
    )
    model = deployments.create_model_request(document(), deployment, accept_licence=False)
    job = serving.transform(served.client(), model, request, pause=pause)
    assert job["TransformJobStatus"] == "Completed"


FLOWS: dict[str, Any] = {"endpoint": serve_an_endpoint, "transform": run_a_transform}


def calls_of(flow: Any, deployment: CandidateDeployment) -> int:
    served = Served()
    flow(served, deployment)
    assert served.left == []
    return served.count


def test_each_flow_makes_and_deletes_in_order(deployment: CandidateDeployment) -> None:
    served = Served()
    serve_an_endpoint(served, deployment)
    changes = [name for name, _ in served.calls if not name.startswith("Describe")]
    assert changes == [
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
    ]
    served = Served()
    run_a_transform(served, deployment)
    changes = [name for name, _ in served.calls if not name.startswith("Describe")]
    assert changes == ["CreateModel", "CreateTransformJob", "DeleteModel"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("flow", FLOWS)
def test_an_interrupt_at_any_call_leaves_nothing(
    deployment: CandidateDeployment, flow: str, after: bool
) -> None:
    calls = calls_of(FLOWS[flow], deployment)
    assert calls >= 7
    for step in range(1, calls + 1):
        served = Served(interrupt_at=step, interrupt_after=after)
        with pytest.raises(KeyboardInterrupt):
            FLOWS[flow](served, deployment)
        assert served.left == [], f"{flow} interrupted at call {step} {served.calls}"


@pytest.mark.parametrize("flow", FLOWS)
def test_an_interrupt_while_waiting_leaves_nothing(
    deployment: CandidateDeployment, flow: str
) -> None:
    served, waits = Served(), []

    def impatient(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FLOWS[flow](served, deployment, impatient)
    assert served.left == []


@pytest.mark.parametrize("flow", FLOWS)
def test_an_error_at_any_call_that_makes_something_leaves_nothing(
    deployment: CandidateDeployment, flow: str
) -> None:
    for operation in (
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "CreateTransformJob",
    ):
        served = Served()

        def refuse(**request: Any) -> Any:
            raise refusal("ResourceLimitExceeded", "Create", "no more instances")

        setattr(served, f"_{operation}", refuse)
        made = {"CreateModel"} | (
            {"CreateTransformJob"}
            if flow == "transform"
            else {"CreateEndpointConfig", "CreateEndpoint"}
        )
        if operation in made:
            with pytest.raises(ClientError, match="no more instances"):
                FLOWS[flow](served, deployment)
        assert served.left == []


def test_an_endpoint_that_fails_is_deleted_and_its_reason_is_said(
    deployment: CandidateDeployment,
) -> None:
    served = Served(endpoint_states=("Creating", "Failed"))
    with pytest.raises(DeploymentError, match="is Failed: no capacity"):
        serve_an_endpoint(served, deployment)
    assert served.left == []


def test_a_job_that_fails_leaves_no_model_and_its_reason_is_said(
    deployment: CandidateDeployment,
) -> None:
    served = Served(job_states=("InProgress", "Failed"))
    with pytest.raises(DeploymentError, match="has failed: no memory"):
        run_a_transform(served, deployment)
    assert served.left == []


def test_an_endpoint_that_is_still_being_made_is_deleted_when_it_can_be() -> None:
    served = Served(endpoints={"e": ["Creating", "Creating", "InService"]})
    waits: list[float] = []
    serving.delete_endpoint(served.client(), "e", pause=waits.append)
    assert served.endpoints == {}
    assert len(waits) == 2


def test_an_endpoint_that_is_being_made_for_too_long_is_named_with_the_command() -> None:
    served = Served(endpoints={"e": ["Creating"] * 1000})
    with pytest.raises(DeploymentError, match=r"endpoint e cannot be deleted .* candidates down"):
        serving.delete_endpoint(served.client(), "e", pause=lambda seconds: None)
