"""Least privilege: no action by wildcard, no resource by wildcard without a known reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ratchet.pipelines.registry import pipelines
from tests.infra.assembly import Assembly
from tests.infra.readable import text_of
from tests.projects import MODEL, ROOT

STACK = "dev/Training"
SAGEMAKER = r"arn:aws:sagemaker:us-east-1:\$\{AWS::AccountId\}:"
DATA = r"\$\{import flights-dev-foundation-data-arn\}"
ARTIFACTS = r"\$\{import flights-dev-foundation-artifacts-arn\}"

# Resource with a wildcard → why it cannot be narrower.
WILDCARDS = {
    r"\*": "cloudwatch:PutMetricData and ecr:GetAuthorizationToken know no resource",
    SAGEMAKER + r"(processing|training)-job/pipelines-\*": "SageMaker names the jobs of steps",
    SAGEMAKER + r"experiment(-trial|-trial-component)?/\*": "a parameter of the run names it",
    SAGEMAKER + r"model-package/flights-dev/\*": "the registry numbers versions",
    r"arn:aws:logs:.*:log-group:/aws/sagemaker/(Processing|Training)Jobs:\*": "SageMaker's streams",
    DATA + r"/raw/\*": "objects are named by who lands them",
    ARTIFACTS + r"/(flights-dev-training/runs|manifests|trigger|champion/none)/\*": "named by runs",
    ARTIFACTS + r"/flights-dev-training/runs/chains/\*": "named by content",
    SAGEMAKER + r"pipeline/flights-dev-training/execution/\*": "SageMaker names executions",
    r"arn:aws:s3:::cdk-hnb659fds-assets-\$\{AWS::AccountId\}-us-east-1/\*\.gz": "named by content",
}


def statements(assembly: Assembly, role: str = "") -> Iterator[dict[str, Any]]:
    for name, policy in assembly.resources(STACK, "AWS::IAM::Policy").items():
        if name.startswith(role):
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def allowed(assembly: Assembly, role: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in statements(assembly, role)}


def resources(statement: dict[str, Any]) -> list[str]:
    return [text_of(resource) for resource in statement["Resource"]]


def test_every_permission_names_its_actions(assembly: Assembly) -> None:
    for statement in statements(assembly):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]


def test_every_wildcard_in_a_resource_has_a_known_reason(assembly: Assembly) -> None:
    wide = {r for s in statements(assembly) for r in resources(s) if "*" in r}
    unknown = [r for r in wide if not any(re.fullmatch(known, r) for known in WILDCARDS)]
    assert unknown == []
    unused = [known for known in WILDCARDS if not any(re.fullmatch(known, r) for r in wide)]
    assert unused == []


def test_roles_carry_no_managed_policies(assembly: Assembly) -> None:
    for stack in ("dev/Foundation", STACK):
        for role in assembly.resources(stack, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role["Properties"]


def test_sagemaker_assumes_the_pipelines_role_for_this_account_alone(assembly: Assembly) -> None:
    roles = assembly.resources(STACK, "AWS::IAM::Role")
    (role,) = [r for name, r in roles.items() if name.startswith("PipelineRole")]
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_pipeline_passes_its_own_role_to_sagemaker_and_no_other(assembly: Assembly) -> None:
    statement = allowed(assembly, "PipelineRole")["PassRoles"]
    (role,) = [
        name
        for name in assembly.resources(STACK, "AWS::IAM::Role")
        if name.startswith("PipelineRole")
    ]
    assert statement["Resource"] == [{"Fn::GetAtt": [role, "Arn"]}]
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["sagemaker.amazonaws.com"]}
    }


def test_jobs_read_data_and_write_only_their_own_runs(assembly: Assembly) -> None:
    writes = [
        resource
        for statement in statements(assembly, "PipelineRole")
        if "s3:PutObject" in statement["Action"]
        for resource in resources(statement)
    ]
    assert writes == ["${import flights-dev-foundation-artifacts-arn}/flights-dev-training/runs/*"]
    deletes = [a for s in statements(assembly) for a in s["Action"] if a.startswith("s3:Delete")]
    assert deletes == []


def test_jobs_pull_only_their_image(assembly: Assembly) -> None:
    statement = allowed(assembly, "PipelineRole")["PullImage"]
    assert resources(statement) == [
        "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
    ]


def test_the_pipeline_calls_the_champion_function_and_no_other(assembly: Assembly) -> None:
    calls = [
        text_of(resource)
        for statement in statements(assembly, "PipelineRole")
        if "lambda:InvokeFunction" in statement["Action"]
        for resource in statement["Resource"]
    ]
    assert len(calls) == 1
    assert "ResolveChampion" in calls[0]


def test_the_first_step_finds_its_code(assembly: Assembly) -> None:
    listed = allowed(assembly, "PipelineRole")["ReadCodeList"]
    assert listed["Action"] == ["s3:ListBucket"]
    assert listed["Condition"] == {"StringLike": {"s3:prefix": ["*.gz"]}}


def test_what_jobs_write_is_encrypted_as_the_guide_asks(assembly: Assembly) -> None:
    statement = allowed(assembly, "PipelineRole")["EncryptOutputs"]
    assert statement["Action"] == ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]


def test_a_script_of_a_step_cannot_register_a_version_as_approved(assembly: Assembly) -> None:
    creates = [
        statement
        for statement in statements(assembly, "PipelineRole")
        if "sagemaker:CreateModelPackage" in statement["Action"]
    ]
    (statement,) = creates
    assert statement["Condition"] == {
        "StringEqualsIfExists": {"sagemaker:ModelApprovalStatus": ["PendingManualApproval"]}
    }
    actions = {a for s in statements(assembly, "PipelineRole") for a in s["Action"]}
    assert "sagemaker:UpdateModelPackage" not in actions


def test_the_pipeline_registers_in_its_group_alone(assembly: Assembly) -> None:
    statement = allowed(assembly, "PipelineRole")["RegisterModel"]
    assert [r.rsplit(":", 1)[1] for r in resources(statement)] == [
        "model-package-group/flights-dev",
        "model-package/flights-dev/*",
    ]


def test_only_the_trigger_starts_runs_and_only_of_its_pipeline(assembly: Assembly) -> None:
    starts = [s for s in statements(assembly) if "sagemaker:StartPipelineExecution" in s["Action"]]
    (statement,) = starts
    assert statement == allowed(assembly, "TriggerStartPipelineRole")["StartPipeline"]
    (arn,) = resources(statement)
    assert arn.endswith(":pipeline/flights-dev-training")


def test_the_trigger_may_list_without_a_prefix_so_that_absent_is_not_forbidden(
    assembly: Assembly,
) -> None:
    mine = allowed(assembly, "TriggerStartPipelineRole")
    for sid in ("LookAtData", "LookAtRecords"):
        assert mine[sid]["Action"] == ["s3:ListBucket"]
        assert "Condition" not in mine[sid]


def test_the_champion_function_reads_one_parameter(assembly: Assembly) -> None:
    statement = allowed(assembly, "ChampionResolveChampionRole")["ReadWhatIsDeployed"]
    assert [r.rsplit(":", 1)[1] for r in resources(statement)] == ["parameter/flights/dev/champion"]


def test_no_permission_is_named_twice_in_a_policy(assembly: Assembly) -> None:
    for policy in assembly.resources(STACK, "AWS::IAM::Policy").values():
        sids = [s["Sid"] for s in policy["Properties"]["PolicyDocument"]["Statement"]]
        assert len(sids) == len(set(sids))


@pytest.mark.parametrize("kind", ["training", "evaluation", "monitoring"])
def test_run_outputs_lie_where_the_role_may_write(assembly: Assembly, kind: str) -> None:
    stack = pipelines(ROOT, MODEL)[kind].stack.capitalize()
    body = assembly.only(f"dev/{stack}", "AWS::SageMaker::Pipeline")["PipelineDefinition"]
    runs = re.findall(r'"(s3://[^"]*/runs)"', text_of(body["PipelineDefinitionBody"]))
    assert runs
    for uri in runs:
        assert uri == (
            f"s3://${{import flights-dev-foundation-artifacts-name}}/flights-dev-{kind}/runs"
        )
