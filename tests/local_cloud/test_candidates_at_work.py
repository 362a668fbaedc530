"""Foundation models are listed, shown, served and taken away on the local cloud, by the roles of
docs/guides/roles/candidates.yaml and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from ratchet.candidates import deployments, jumpstart_models, leftovers, serving
from ratchet.candidates.deployments import CandidateDeployment
from ratchet.cli.main import app
from ratchet.deployment.target import environment as targets
from ratchet.deployment.target.environment import Target, local_target
from ratchet.project import Project
from tests.infra.test_roles_of_people import Loader
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud
from tests.projects import REQUIRED, ROOT, small_project

pytestmark = pytest.mark.cloud

TEMPLATE = ROOT / "docs" / "guides" / "roles" / "candidates.yaml"
BUCKET, PERSON, CANDIDATE = "flights-dev-artifacts", "flights-person", "flights-dev-candidate"
LITE = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
WORDS, GATED = "stand-in-text-classification", "stand-in-text-generation-gated"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = REQUIRED.replace("eu-west-1", REGION)
    files = {"config/base.toml": base, "config/dev.toml": 'account = "local"\n'}
    return Project(small_project(tmp_path_factory.mktemp("project"), "flights", files=files))


@pytest.fixture(scope="module")
def administrator(cloud: RunningCloud, project: Project) -> Target:
    return local_target(project=project, settings=project.settings("dev"), folder=cloud.folder)


@pytest.fixture(scope="module")
def person(administrator: Target, project: Project, cloud: RunningCloud) -> Iterator[Target]:
    """Somebody with a role that may read what is deployed, and with the template's policy."""
    resources = yaml.load(TEMPLATE.read_text(), Loader)["Resources"]
    account, iam = administrator.account, administrator.client("iam")
    administrator.client("s3").create_bucket(Bucket=BUCKET)

    def resolved(value: Any) -> Any:
        return _resolved(value, account)

    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    see = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    work = resolved(resources["Try"]["Properties"]["PolicyDocument"])
    serve = resources["CandidateRole"]["Properties"]
    for name, trusting, policies in (
        (PERSON, _policy(trust), {"See": _policy(see), "Try": work}),
        (
            CANDIDATE,
            resolved(serve["AssumeRolePolicyDocument"]),
            {"Serve": resolved(serve["Policies"][0]["PolicyDocument"])},
        ),
    ):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trusting))
        for policy, document in policies.items():
            iam.put_role_policy(
                RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document)
            )
    yield local_target(
        project=project, settings=project.settings("dev"), folder=cloud.folder, role=PERSON
    )
    for name, attached in ((PERSON, ("See", "Try")), (CANDIDATE, ("Serve",))):
        for policy in attached:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)


def _policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _resolved(value: Any, account: str) -> Any:
    """What CloudFormation makes of a template's functions, for flights-dev."""
    if isinstance(value, list):
        return [_resolved(each, account) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        for name, filled in (
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::AccountId", account),
            ("Project", "flights"),
            ("Environment", "dev"),
        ):
            text = text.replace(f"${{{name}}}", filled)
        return text
    if "Ref" in value:
        return {"Models": [LITE], "AWS::AccountId": account}[value["Ref"]]
    if "Fn::GetAtt" in value:
        return f"arn:aws:iam::{account}:role/{CANDIDATE}"
    if "Fn::ImportValue" in value:
        name = _resolved(value["Fn::ImportValue"], account)
        key = f"arn:aws:kms:{REGION}:{account}:key/none"
        return f"arn:aws:s3:::{BUCKET}" if name.endswith("artifacts-arn") else key
    if "Fn::Join" in value:
        glue, parts = value["Fn::Join"]
        return glue.join(_resolved(parts, account))
    return {key: _resolved(each, account) for key, each in value.items()}


@pytest.fixture
def type_(person: Target, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(targets, "open_target", lambda **_: person)
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *words: CliRunner().invoke(app, ["candidates", *words])


def made(target: Target, trial: str) -> CandidateDeployment:
    return deployments.deployment(
        target.settings,
        trial_id=trial,
        candidate=WORDS,
        account=target.account,
        now=datetime.now(UTC),
    )


def test_models_are_listed_with_access_and_price(type_: Callable[..., Result]) -> None:
    listed = type_("list", "--json")
    assert listed.exit_code == 0, listed.output
    models = {each["id"]: each for each in json.loads(listed.stdout)["models"]}
    lite = models["amazon.nova-lite-v1:0"]
    assert (lite["access"], lite["called_as"], lite["allowed"]) == ("yes", lite["id"], True)
    assert lite["price"]["input_per_million"] == "0.06"
    assert lite["price"]["output_per_million"] == "0.24"
    sonnet = models["anthropic.claude-sonnet-4-5-20250929-v1:0"]
    assert (sonnet["access"], sonnet["allowed"]) == ("needs agreement", False)
    assert models["anthropic.claude-3-haiku-20240307-v1:0"]["lifecycle"] == "LEGACY"
    haiku = models["anthropic.claude-haiku-4-5-20251001-v1:0"]
    assert haiku["price"]["input_per_million"] == "1.1"
    titan = models["amazon.titan-embed-text-v2:0"]["price"]
    assert (titan["input_per_million"], titan["output_per_million"]) == ("0.02", "0")


def test_jumpstarts_models_are_listed_and_shown(type_: Callable[..., Result]) -> None:
    listed = json.loads(type_("list", "--task", "text classification", "--json").stdout)
    assert [each["id"] for each in listed["models"]] == [WORDS]
    shown = json.loads(type_("show", GATED, "--json").stdout)
    assert shown["needs_acceptance"] is True
    assert shown["eula"].startswith("s3://")


def test_a_model_of_the_hub_answers_from_an_endpoint_that_is_then_gone(person: Target) -> None:
    sagemaker = person.client("sagemaker")
    document = jumpstart_models.described(sagemaker, WORDS)
    deployment = made(person, "endpoint")
    requests = (
        deployments.create_model_request(document, deployment, accept_licence=False),
        deployments.endpoint_config_request(deployment, instance_type=document.default_instance),
        deployments.endpoint_request(deployment),
    )
    with serving.endpoint(sagemaker, deployment, requests, pause=lambda _: None) as name:
        payload = next(iter(document.payloads.values()))
        answer = person.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name,
            ContentType=payload["ContentType"],
            Body=json.dumps(payload["Body"]),
        )
        assert answer["Body"].read()
        kinds = [each.kind for each in leftovers.left(person)]
        assert kinds == ["endpoint", "endpoint config", "model"]
    assert leftovers.left(person) == []


def test_a_model_of_the_hub_answers_in_a_batch_and_leaves_only_its_answers(
    person: Target, administrator: Target
) -> None:
    sagemaker = person.client("sagemaker")
    document = jumpstart_models.described(sagemaker, WORDS)
    deployment = made(person, "batch")
    payload = next(iter(document.payloads.values()))
    rows = "\n".join([json.dumps(payload["Body"])] * 3)
    key = "candidates/batches/rows.jsonl"
    person.client("s3").put_object(Bucket=BUCKET, Key=key, Body=rows.encode())
    states: list[str] = []
    serving.transform(
        sagemaker,
        deployments.create_model_request(document, deployment, accept_licence=False),
        deployments.transform_request(
            deployment,
            instance_type=document.default_instance,
            input_uri=f"s3://{BUCKET}/{key}",
            output_uri=f"s3://{BUCKET}/candidates/batches/out/",
            content_type=payload["ContentType"],
            accept=payload["ContentType"],
        ),
        progress=states.append,
        pause=_shortly,
    )
    assert states[-1] == "Completed"
    answers = administrator.client("s3").get_object(
        Bucket=BUCKET, Key="candidates/batches/out/rows.jsonl.out"
    )
    assert len(answers["Body"].read().splitlines()) == 3
    assert leftovers.left(person) == []


def _shortly(seconds: float) -> None:
    time.sleep(0.2)


def test_a_gated_model_is_made_only_with_its_licence(person: Target) -> None:
    sagemaker = person.client("sagemaker")
    document = jumpstart_models.described(sagemaker, GATED)
    with pytest.raises(deployments.LicenceError):
        deployments.create_model_request(document, made(person, "g"), accept_licence=False)
    request = deployments.create_model_request(document, made(person, "g"), accept_licence=True)
    with serving.model(sagemaker, request):
        assert [each.kind for each in leftovers.left(person)] == ["model"]
    assert leftovers.left(person) == []


def test_down_deletes_what_a_trial_has_left(person: Target, type_: Callable[..., Result]) -> None:
    sagemaker = person.client("sagemaker")
    document = jumpstart_models.described(sagemaker, WORDS)
    deployment = made(person, "left")
    request = deployments.create_model_request(document, deployment, accept_licence=False)
    sagemaker.create_model(**request)
    sagemaker.create_endpoint_config(
        **deployments.endpoint_config_request(deployment, instance_type=document.default_instance)
    )
    sagemaker.create_endpoint(**deployments.endpoint_request(deployment))
    nothing = type_("down", "--expired", "--yes")
    assert "Nothing of a trial is past its time." in nothing.stdout
    done = type_("down", "--yes")
    assert done.exit_code == 0, done.output
    assert f"deleted endpoint {deployment.name}" in done.stderr
    assert leftovers.left(person) == []


def test_the_role_may_touch_nothing_of_others(person: Target, tmp_path: Path) -> None:
    sagemaker, s3 = person.client("sagemaker"), person.client("s3")
    document = jumpstart_models.described(sagemaker, WORDS)
    request = deployments.create_model_request(document, made(person, "x"), accept_licence=False)
    runtime = person.client("bedrock-runtime")
    message = {"role": "user", "content": [{"text": "Hello"}]}
    for call, arguments in (
        (sagemaker.create_model, {**request, "ModelName": "flights-dev-train-1"}),
        (sagemaker.create_model, {**request, "ExecutionRoleArn": _role(person, "pipeline")}),
        (sagemaker.delete_endpoint, {"EndpointName": "flights-dev"}),
        (s3.put_object, {"Bucket": BUCKET, "Key": "training/runs/x", "Body": b""}),
        (runtime.converse, {"modelId": "amazon.nova-micro-v1:0", "messages": [message]}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**arguments)
        assert refused.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}


def _role(target: Target, name: str) -> str:
    return f"arn:aws:iam::{target.account}:role/{name}"
