"""What steps need that run on EMR: AWS's managed policy AmazonSageMakerPipelinesIntegrations, for
this cluster's parts alone."""

from __future__ import annotations

from ratchet.definition.document import DefinedStep
from ratchet.permissions.arguments import passes
from ratchet.permissions.permission import Needs, Permission
from ratchet.permissions.values import ANY, Values
from ratchet.settings.arns import RegionArns


def emr(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    arguments = step.arguments
    clusters = values.patterns(arguments["ClusterId"]) if "ClusterId" in arguments else [ANY]
    steps = ("AddJobFlowSteps", "CancelSteps", "DescribeStep", "DescribeCluster", "ListSteps")
    yield Permission(
        sid="RunOnClusters",
        actions=[f"elasticmapreduce:{name}" for name in steps],
        resources=[arns.of_service("elasticmapreduce", f"cluster/{c}") for c in clusters],
        wildcard="EMR names the cluster, or a parameter of the run does.",
    )
    yield _events(arns, ("StepStatusUpdate",))
    if "ExecutionRoleArn" in arguments:
        roles = values.patterns(arguments["ExecutionRoleArn"])
        yield passes(arns, roles, service="elasticmapreduce.amazonaws.com")
    config = arguments.get("ClusterConfig")
    if config is None:
        return
    yield Permission(
        sid="MakeClusters",
        actions=["elasticmapreduce:RunJobFlow"],
        resources=[ANY],
        wildcard="The action knows no resource.",
    )
    yield Permission(
        sid="EndClusters",
        actions=["elasticmapreduce:TerminateJobFlows"],
        resources=[arns.of_service("elasticmapreduce", f"cluster/{ANY}")],
        wildcard="EMR names the cluster.",
    )
    # The guide names the rule both ways: with and without "Update".
    yield _events(arns, ("ClusterStatusUpdate", "ClusterStatus"))
    services = {
        "ServiceRole": "elasticmapreduce.amazonaws.com",
        "AutoScalingRole": "elasticmapreduce.amazonaws.com",
        "JobFlowRole": "ec2.amazonaws.com",
    }
    instances = config.get("Instances") or {}
    for argument, service in services.items():
        role = config.get(argument, instances.get(argument))
        if role is not None:
            yield passes(arns, values.patterns(role), service=service)


def _events(arns: RegionArns, kinds: tuple[str, ...]) -> Permission:
    return Permission(
        sid="WatchClusters",
        actions=["events:DescribeRule", "events:PutRule", "events:PutTargets"],
        resources=[
            arns.of_service("events", f"rule/SageMakerPipelineExecutionEMR{kind}Rule")
            for kind in kinds
        ],
    )


def emr_serverless(step: DefinedStep, values: Values, arns: RegionArns) -> Needs:
    arguments = step.arguments
    application = arguments.get("ApplicationId")
    applications = values.patterns(application) if application is not None else [ANY]
    yield Permission(
        sid="RunServerless",
        actions=[
            "emr-serverless:CancelJobRun",
            "emr-serverless:GetApplication",
            "emr-serverless:GetJobRun",
            "emr-serverless:StartApplication",
            "emr-serverless:StartJobRun",
        ],
        resources=[
            arns.of_service("emr-serverless", f"/applications/{name}{jobs}")
            for name in applications
            for jobs in ("", "/jobruns/*")
        ],
        wildcard="EMR Serverless names its job runs, and an application that the step makes.",
    )
    if application is None:
        yield Permission(
            sid="MakeApplications",
            actions=["emr-serverless:CreateApplication"],
            resources=[ANY],
            wildcard="The action knows no resource.",
        )
        yield Permission(
            sid="EndApplications",
            actions=["emr-serverless:DeleteApplication", "emr-serverless:StopApplication"],
            resources=[arns.of_service("emr-serverless", f"/applications/{ANY}")],
            wildcard="EMR Serverless names the application.",
        )
    yield Permission(
        sid="WatchServerless",
        actions=["events:DescribeRule", "events:PutRule", "events:PutTargets"],
        resources=[arns.of_service("events", "rule/SageMakerPipelineExecutionEMRServerless*")],
        wildcard="SageMaker names the rules after the state that it watches.",
    )
    roles = values.patterns(arguments.get("ExecutionRoleArn", ANY))
    yield passes(arns, roles, service="emr-serverless.amazonaws.com")
