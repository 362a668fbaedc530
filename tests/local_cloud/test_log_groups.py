"""Log groups of templates have the names that CloudFormation gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local_cloud.sagemaker_calls import RunningCloud, until
from tests.local_cloud.small_stacks import create, stack_status, unique

pytestmark = pytest.mark.cloud


def template(**group: Any) -> dict[str, Any]:
    return {"Resources": {"Lines": {"Type": "AWS::Logs::LogGroup", "Properties": group}}}


def group_names(cloud: RunningCloud, prefix: str) -> list[str]:
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    return [group["logGroupName"] for group in groups]


def update(cloud: RunningCloud, stack: str, **group: Any) -> None:
    cloud.client("cloudformation").update_stack(
        StackName=stack, TemplateBody=json.dumps(template(**group))
    )
    assert until(lambda: stack_status(cloud, stack)) == "UPDATE_COMPLETE"


def test_an_unnamed_group_is_named_after_its_stack_and_keeps_its_name(cloud: RunningCloud) -> None:
    stack = unique("stack")
    assert create(cloud, stack, template(RetentionInDays=7)) == "CREATE_COMPLETE"
    (name,) = group_names(cloud, f"{stack}-Lines-")
    cloud.client("logs").create_log_stream(logGroupName=name, logStreamName="first")
    update(cloud, stack, RetentionInDays=14)
    assert group_names(cloud, f"{stack}-") == [name]
    streams = cloud.client("logs").describe_log_streams(logGroupName=name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["first"]


def test_a_group_is_replaced_when_it_gets_a_name_and_when_it_loses_it(cloud: RunningCloud) -> None:
    stack = unique("stack")
    create(cloud, stack, template())
    update(cloud, stack, LogGroupName=f"/named/{stack}")
    assert (group_names(cloud, f"{stack}-"), group_names(cloud, f"/named/{stack}")) == (
        [],
        [f"/named/{stack}"],
    )
    update(cloud, stack, RetentionInDays=7)
    assert len(group_names(cloud, f"{stack}-Lines-")) == 1
    assert group_names(cloud, f"/named/{stack}") == []
