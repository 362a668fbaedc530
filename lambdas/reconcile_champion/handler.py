"""Deploys the approved version: compares it with what serves, and updates the stack once.

Woken by batches of SQS messages. It does not act on what they say; see `plan.py`.

Rules that send to the queue (all of them only wake it; any of them, or the schedule, is enough)
    aws.sagemaker       "SageMaker Model Package State Change",
                        detail.ModelPackageGroupName = the group
    aws.cloudformation  "CloudFormation Stack Status Change",
                        detail.stack-id = prefix arn:…:stack/<SERVING_STACK>/
    aws.sagemaker       "SageMaker Endpoint State Change", detail.EndpointName = the endpoint
    schedule            rate(15 minutes) or slower

Environment
    PROJECT, ENVIRONMENT  for the metric's dimensions and the commands in notices
    MODEL_PACKAGE_GROUP   name of the group
    SERVING_STACK         name of the stack that holds the endpoint; it may not exist yet
    ENDPOINT_NAME         the endpoint of that stack
    WHEN_NONE_LEFT        "keep" | "take-down": the serving version is rejected and none is left
    MONITOR_ENGINE        "auto" | "model-monitor" | "pipeline"
    TOPIC_ARN             SNS topic for people
    STATE_BUCKET          what was said, and which wake acts, is written here (the artifact bucket)
    STATE_KEY             optional; "deployment/state.json"

Parameters of the stack that it sets; every other keeps its value
    ChampionModelPackageArn, ChampionVersion, BaselineUri, QualityBaselineUri ("none" without),
    MonitorEngine ("model-monitor" | "pipeline"). A folder's URI has no trailing slash.
    ProbabilityThreshold  of a binary model: the version's own, a decimal; a take-down leaves it

Wakes at the same time are normal: one acts, under a claim (claims.py), and the others come back.
It acts first and tells last. No notice, metric or refusal of SNS holds an update or a mark back.

Metrics, in the namespace Ratchet, dimensions Project and Environment
    DeploymentBlocked  at every wake that finds nothing in progress: 1 while what is approved does
                       not serve and nothing is under way to change that, else 0. The alarm on it
                       (Maximum >= 1, missing data "ignore") needs no action: the function itself
                       has told why, once
    NoticesWaiting     how many notices SNS has not taken, while there are any: each wake tries
                       again. An alarm on it (Maximum >= 1, missing data "notBreaching") is for
                       people who look at CloudWatch: its notice would not come through either

IAM
    sagemaker:ListModelPackages      on * (it has no resource)
    sagemaker:DescribeModelPackage, sagemaker:UpdateModelPackage
                                     on arn:…:model-package/<group>/*
    sagemaker:DescribeEndpoint       on arn:…:endpoint/<endpoint>
    sagemaker:DescribeEndpointConfig, sagemaker:DescribeModel
                                     on arn:…:endpoint-config/*, arn:…:model/* (CloudFormation names
                                     them)
    cloudformation:DescribeStacks, cloudformation:DescribeStackEvents, cloudformation:UpdateStack
                                     on arn:…:stack/<SERVING_STACK>/*
    ssm:GetParameters                on /cdk-bootstrap/*: CloudFormation resolves the template's
                                     BootstrapVersion for the caller
    s3:GetObject, s3:PutObject       on STATE_BUCKET/STATE_KEY; s3:ListBucket on the bucket, without
                                     which S3 answers 403 for an object that is not there
    sns:Publish                      on the topic
    cloudwatch:PutMetricData         on *, condition cloudwatch:namespace = Ratchet
    kms:GenerateDataKey, kms:Decrypt  on the bucket's and the topic's key
    The update runs with the role that the stack was deployed with: CloudFormation keeps it, and
    needs no iam:PassRole for it. So who may call UpdateStack on this stack may do what that role
    may, which is everything where the bootstrap stack's default stands (the policy
    AdministratorAccess of its execution role): with another template it could be made to create
    anything. The function passes the previous template and parameter values, never TemplateBody,
    TemplateURL or RoleARN, and its own role is to allow no more than that (conditions on
    cloudformation:TemplateUrl and cloudformation:RoleArn). It approves nothing: UpdateModelPackage
    carries metadata only, never ModelApprovalStatus. A stack that was deployed without a role needs
    the deployer's permissions here.

Timeout 2 minutes, memory 512 MB. The event source mapping reports batch item failures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

import aws_clients
from decision_log import say
from failed_batch import give_back, returned
from reconcile_champion import settings
from reconcile_champion.plan import (
    Decision,
    GiveWay,
    Kept,
    MarkFailed,
    NoChange,
    Stuck,
    SwitchEngine,
)
from reconcile_champion.reconcile import Reconciler
from reconcile_champion.seen import Package


@cache
def _reconciler() -> Reconciler:
    return Reconciler.over(
        settings.from_environment(os.environ),
        cloudformation=aws_clients.cloudformation(),
        sagemaker=aws_clients.sagemaker(),
        s3=aws_clients.s3(),
        sns=aws_clients.sns(),
        cloudwatch=aws_clients.cloudwatch(),
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """One wake for the whole batch. An error fails the batch, so that SQS delivers it again and in
    the end puts it aside as a dead letter. While another wake acts, the batch comes back later."""
    messages = event.get("Records", [])
    try:
        wake = _reconciler().wake()
        decisions = wake.converge()
    except Exception as error:
        if not messages:  # called by hand: there is no queue to give the messages back to
            raise
        return give_back(messages, error)
    for decision in decisions:
        facts = {"messages": len(messages), **_facts_of(decision), **wake.facts}
        say(_word(decision), decision.why, facts, level=_level(decision))
    if sent := wake.report(decisions[-1]):
        say("tell", "; ".join(sent))
    comes_back = isinstance(decisions[-1], GiveWay)
    return {"batchItemFailures": returned(messages) if comes_back else []}


def _facts_of(decision: Decision) -> dict[str, object]:
    values = {field.name: getattr(decision, field.name) for field in fields(decision)}
    return {
        ("version" if isinstance(value, Package) else name): (
            value.version if isinstance(value, Package) else value
        )
        for name, value in values.items()
        if name != "why"
    }


def _word(decision: Decision) -> str:
    """As the log has it, which people search."""
    return "nothing" if isinstance(decision, NoChange) else type(decision).__name__.lower()


def _level(decision: Decision) -> str:
    return "WARNING" if isinstance(decision, Kept | MarkFailed | Stuck | SwitchEngine) else "INFO"


if aws_clients.INITIALISING:
    with aws_clients.initialised():
        _reconciler()
