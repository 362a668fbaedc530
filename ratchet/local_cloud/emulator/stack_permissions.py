"""What CloudFormation calls for each resource of a stack, with the policies of the stack's role.

By resource type: the writing actions of the handlers in CloudFormation's resource schemas, on the
resource's ARN. The handlers' reads are not asked for. Types of SageMaker follow from
``sagemaker/authorisation.py``. A type without a row is asked for by AWS's usual form of a name
(``dynamodb:CreateTable`` for ``AWS::DynamoDB::Table``) on everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.authorisation import Need, pass_role, values_at
from ratchet.local_cloud.sagemaker.store import AccountScope

Properties = Mapping[str, Any]
OPERATIONS = ("create", "update", "delete")

NOTHING = frozenset({"AWS::CDK::Metadata", "AWS::CloudFormation::WaitConditionHandle"})
"""Types that CloudFormation keeps for itself."""

_PREFIX = "AWS::SageMaker::"
_SYSTEM_TAGS = "aws:"


@dataclass(frozen=True, kw_only=True)
class ResourcePermissions:
    """A resource type.

    Args:
        arn: of the resource, with ``{region}``, ``{account}`` and ``{id}``; ``*`` for actions that
            take no resource.
        name: the property that holds the id before there is a physical one; those of a policy's
            subjects (a list of roles, queues, topics) name one resource each.
        create, update, delete: actions on the resource.
        properties: further actions where a property is there, or has changed.
        passes: where the properties hand a role to a service, and the service.
        subjects: the ids are always those of the property ``name``.
    """

    arn: str
    name: str = ""
    create: tuple[str, ...]
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    passes: Mapping[str, str] = field(default_factory=dict)
    subjects: bool = False


_ROLE = "arn:aws:iam::{account}:role/{id}"
_FUNCTION = "arn:aws:lambda:{region}:{account}:function:{id}"
_RULE = "arn:aws:events:{region}:{account}:rule/{id}"
_QUEUE = "arn:aws:sqs:{region}:{account}:{id}"
_TOPIC = "arn:aws:sns:{region}:{account}:{id}"
_ALARM = "arn:aws:cloudwatch:{region}:{account}:alarm:{id}"

ROWS: Mapping[str, ResourcePermissions] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": ResourcePermissions(
        arn="*",
        create=("application-autoscaling:RegisterScalableTarget",),
        update=("application-autoscaling:RegisterScalableTarget",),
        delete=("application-autoscaling:DeregisterScalableTarget",),
        passes={"RoleARN": "application-autoscaling.amazonaws.com"},
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ResourcePermissions(
        arn="*",
        create=("application-autoscaling:PutScalingPolicy",),
        update=("application-autoscaling:PutScalingPolicy",),
        delete=("application-autoscaling:DeleteScalingPolicy",),
    ),
    "AWS::Budgets::Budget": ResourcePermissions(
        arn="arn:aws:budgets::{account}:budget/{id}",
        name="Budget.BudgetName",
        create=("budgets:ModifyBudget",),
        update=("budgets:ModifyBudget",),
        delete=("budgets:ModifyBudget",),
    ),
    "AWS::Chatbot::SlackChannelConfiguration": ResourcePermissions(
        arn="*",
        create=("chatbot:CreateSlackChannelConfiguration",),
        update=("chatbot:UpdateSlackChannelConfiguration",),
        delete=("chatbot:DeleteSlackChannelConfiguration",),
        passes={"IamRoleArn": "chatbot.amazonaws.com"},
    ),
    "AWS::CloudWatch::Alarm": ResourcePermissions(
        arn=_ALARM,
        name="AlarmName",
        create=("cloudwatch:PutMetricAlarm",),
        update=("cloudwatch:PutMetricAlarm",),
        delete=("cloudwatch:DeleteAlarms",),
        properties={"Tags": "cloudwatch:TagResource"},
    ),
    "AWS::CloudWatch::CompositeAlarm": ResourcePermissions(
        arn=_ALARM,
        name="AlarmName",
        create=("cloudwatch:PutCompositeAlarm",),
        update=("cloudwatch:PutCompositeAlarm",),
        delete=("cloudwatch:DeleteAlarms",),
    ),
    "AWS::ECR::Repository": ResourcePermissions(
        arn="arn:aws:ecr:{region}:{account}:repository/{id}",
        name="RepositoryName",
        create=("ecr:CreateRepository",),
        delete=("ecr:DeleteRepository",),
        properties={
            "LifecyclePolicy": "ecr:PutLifecyclePolicy",
            "RepositoryPolicyText": "ecr:SetRepositoryPolicy",
        },
    ),
    "AWS::Events::Rule": ResourcePermissions(
        arn=_RULE,
        name="Name",
        create=("events:PutRule",),
        update=("events:PutRule",),
        delete=("events:RemoveTargets", "events:DeleteRule"),
        properties={"Targets": "events:PutTargets", "Tags": "events:TagResource"},
        passes={"Targets[].RoleArn": "events.amazonaws.com", "RoleArn": "events.amazonaws.com"},
    ),
    "AWS::Glue::Database": ResourcePermissions(
        arn="arn:aws:glue:{region}:{account}:database/{id}",
        name="DatabaseInput.Name",
        create=("glue:CreateDatabase",),
        update=("glue:UpdateDatabase",),
        delete=("glue:DeleteDatabase",),
    ),
    "AWS::Glue::Table": ResourcePermissions(
        arn="arn:aws:glue:{region}:{account}:table/*",
        create=("glue:CreateTable",),
        update=("glue:UpdateTable",),
        delete=("glue:DeleteTable",),
    ),
    "AWS::IAM::ManagedPolicy": ResourcePermissions(
        arn="arn:aws:iam::{account}:policy/{id}",
        name="ManagedPolicyName",
        create=("iam:CreatePolicy",),
        update=("iam:CreatePolicyVersion",),
        delete=("iam:DeletePolicy",),
    ),
    "AWS::IAM::Policy": ResourcePermissions(
        arn=_ROLE,
        name="Roles",
        subjects=True,
        create=("iam:PutRolePolicy",),
        update=("iam:PutRolePolicy",),
        delete=("iam:DeleteRolePolicy",),
    ),
    "AWS::IAM::Role": ResourcePermissions(
        arn=_ROLE,
        name="RoleName",
        create=("iam:CreateRole",),
        delete=("iam:DeleteRole",),
        properties={
            "ManagedPolicyArns": "iam:AttachRolePolicy",
            "Policies": "iam:PutRolePolicy",
            "Tags": "iam:TagRole",
        },
    ),
    "AWS::KMS::Alias": ResourcePermissions(
        arn="arn:aws:kms:{region}:{account}:{id}",
        name="AliasName",
        create=("kms:CreateAlias",),
        update=("kms:UpdateAlias",),
        delete=("kms:DeleteAlias",),
    ),
    "AWS::KMS::Key": ResourcePermissions(
        arn="arn:aws:kms:{region}:{account}:key/{id}",
        create=("kms:CreateKey",),
        delete=("kms:ScheduleKeyDeletion",),
        properties={
            "EnableKeyRotation": "kms:EnableKeyRotation",
            "KeyPolicy": "kms:PutKeyPolicy",
            "Tags": "kms:TagResource",
        },
    ),
    "AWS::Lambda::EventInvokeConfig": ResourcePermissions(
        arn=_FUNCTION,
        name="FunctionName",
        subjects=True,
        create=("lambda:PutFunctionEventInvokeConfig",),
        update=("lambda:UpdateFunctionEventInvokeConfig",),
        delete=("lambda:DeleteFunctionEventInvokeConfig",),
    ),
    "AWS::Lambda::EventSourceMapping": ResourcePermissions(
        arn="*",
        create=("lambda:CreateEventSourceMapping",),
        update=("lambda:UpdateEventSourceMapping",),
        delete=("lambda:DeleteEventSourceMapping",),
    ),
    "AWS::Lambda::Function": ResourcePermissions(
        arn=_FUNCTION,
        name="FunctionName",
        create=("lambda:CreateFunction",),
        update=("lambda:UpdateFunctionConfiguration",),
        delete=("lambda:DeleteFunction",),
        properties={"Tags": "lambda:TagResource"},
        passes={"Role": "lambda.amazonaws.com"},
    ),
    "AWS::Lambda::Permission": ResourcePermissions(
        arn=_FUNCTION,
        name="FunctionName",
        subjects=True,
        create=("lambda:AddPermission",),
        delete=("lambda:RemovePermission",),
    ),
    "AWS::Logs::LogGroup": ResourcePermissions(
        arn="arn:aws:logs:{region}:{account}:log-group:{id}",
        name="LogGroupName",
        create=("logs:CreateLogGroup",),
        delete=("logs:DeleteLogGroup",),
        properties={"RetentionInDays": "logs:PutRetentionPolicy", "Tags": "logs:TagResource"},
    ),
    "AWS::S3::Bucket": ResourcePermissions(
        arn="arn:aws:s3:::{id}",
        name="BucketName",
        create=("s3:CreateBucket",),
        delete=("s3:DeleteBucket",),
        properties={
            "BucketEncryption": "s3:PutEncryptionConfiguration",
            "LifecycleConfiguration": "s3:PutLifecycleConfiguration",
            "LoggingConfiguration": "s3:PutBucketLogging",
            "NotificationConfiguration": "s3:PutBucketNotification",
            "OwnershipControls": "s3:PutBucketOwnershipControls",
            "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
            "Tags": "s3:PutBucketTagging",
            "VersioningConfiguration": "s3:PutBucketVersioning",
        },
    ),
    "AWS::S3::BucketPolicy": ResourcePermissions(
        arn="arn:aws:s3:::{id}",
        name="Bucket",
        subjects=True,
        create=("s3:PutBucketPolicy",),
        update=("s3:PutBucketPolicy",),
        delete=("s3:DeleteBucketPolicy",),
    ),
    "AWS::SNS::Subscription": ResourcePermissions(
        arn=_TOPIC,
        name="TopicArn",
        subjects=True,
        create=("sns:Subscribe",),
        update=("sns:SetSubscriptionAttributes",),
        delete=("sns:Unsubscribe",),
    ),
    "AWS::SNS::Topic": ResourcePermissions(
        arn=_TOPIC,
        name="TopicName",
        create=("sns:CreateTopic",),
        update=("sns:SetTopicAttributes",),
        delete=("sns:DeleteTopic",),
        properties={"Tags": "sns:TagResource"},
    ),
    "AWS::SNS::TopicPolicy": ResourcePermissions(
        arn=_TOPIC,
        name="Topics",
        subjects=True,
        create=("sns:SetTopicAttributes",),
        update=("sns:SetTopicAttributes",),
        delete=("sns:SetTopicAttributes",),
    ),
    "AWS::SQS::Queue": ResourcePermissions(
        arn=_QUEUE,
        name="QueueName",
        create=("sqs:CreateQueue",),
        update=("sqs:SetQueueAttributes",),
        delete=("sqs:DeleteQueue",),
        properties={"Tags": "sqs:TagQueue"},
    ),
    "AWS::SQS::QueuePolicy": ResourcePermissions(
        arn=_QUEUE,
        name="Queues",
        subjects=True,
        create=("sqs:SetQueueAttributes",),
        update=("sqs:SetQueueAttributes",),
        delete=("sqs:SetQueueAttributes",),
    ),
    "AWS::SSM::Parameter": ResourcePermissions(
        arn="arn:aws:ssm:{region}:{account}:parameter/{id}",
        name="Name",
        create=("ssm:PutParameter",),
        update=("ssm:PutParameter",),
        delete=("ssm:DeleteParameter",),
        properties={"Tags": "ssm:AddTagsToResource"},
    ),
    "AWS::Scheduler::Schedule": ResourcePermissions(
        arn="arn:aws:scheduler:{region}:{account}:schedule/*/{id}",
        name="Name",
        create=("scheduler:CreateSchedule",),
        update=("scheduler:UpdateSchedule",),
        delete=("scheduler:DeleteSchedule",),
        passes={"Target.RoleArn": "scheduler.amazonaws.com"},
    ),
}


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """One resource's creation, update or deletion.

    ``id``: its physical id, or how its name begins where there is none yet; ``before``: the
    properties that an update replaces.
    """

    operation: str
    kind: str
    id: str
    properties: Properties
    before: Properties = field(default_factory=dict)


def needs(scope: AccountScope, change: ResourceChange) -> Iterator[Need]:
    """The permissions that the stack's role needs for a change."""
    if change.kind in NOTHING:
        return
    if change.kind.startswith(_PREFIX):
        yield from _of_sagemaker(scope, change)
        return
    row = ROWS.get(change.kind)
    if row is None:
        yield Need(_usual_action(change), "*")
        return
    yield from _of_row(scope, row, change)


def _of_row(
    scope: AccountScope, row: ResourcePermissions, change: ResourceChange
) -> Iterator[Need]:
    actions: list[str] = [*getattr(row, change.operation)]
    if change.operation != "delete":
        actions += [
            action
            for name, action in row.properties.items()
            if _stated(change.properties.get(name)) != _stated(change.before.get(name))
        ]
    names = list(values_at(change.properties, row.name)) if row.name else []
    ids = names if row.subjects or change.operation == "create" else []
    for resource_id in ids or [change.id]:
        bare = _bare(str(resource_id))
        if row.arn.startswith("arn:aws:s3:"):
            bare = bare.lower()  # as CloudFormation makes a bucket's name of a stack's
        arn = row.arn.format(region=scope.region, account=scope.account, id=bare)
        arn = arn.replace(":parameter//", ":parameter/")  # names of SSM may begin with a slash
        for action in dict.fromkeys(actions):
            # A key has no name of its own, so its creation is allowed on everything or not.
            yield Need(action, "*" if action == "kms:CreateKey" else arn)
    if change.operation != "delete":
        for path, service in row.passes.items():
            before = set(values_at(change.before, path))
            for role in values_at(change.properties, path):
                if role not in before:
                    yield pass_role(str(role), service)


def _stated(value: Any) -> Any:
    """A property as the template states it: CloudFormation's own tags need no permission."""
    if isinstance(value, Mapping):
        stated = {key: item for key, item in value.items() if not str(key).startswith(_SYSTEM_TAGS)}
        return stated or None
    if isinstance(value, list):
        tags = [item for item in value if not _is_system_tag(item)]
        return tags or None
    return value


def _is_system_tag(item: Any) -> bool:
    return isinstance(item, Mapping) and str(item.get("Key", "")).startswith(_SYSTEM_TAGS)


def _of_sagemaker(scope: AccountScope, change: ResourceChange) -> Iterator[Need]:
    noun = change.kind.removeprefix(_PREFIX)
    operation = f"{change.operation.capitalize()}{noun}"
    if operation not in authorisation.RESOURCES:
        return  # a change of tags alone, or a type that is not known here at all
    row = authorisation.RESOURCES[operation][0]
    member = row.partition("{")[2].rstrip("}")
    name = _bare(change.id) if change.operation != "create" else change.id
    request: dict[str, Any] = {member: name}
    if change.operation != "delete":
        tags = _stated(change.properties.get("Tags")) or []
        request = {**request, **change.properties, "Tags": tags}
    yield from authorisation.needs(scope, operation, request)


def _usual_action(change: ResourceChange) -> str:
    _, service, noun = [*change.kind.split("::"), "", ""][:3]
    return f"{service.lower()}:{change.operation.capitalize()}{noun}"


def _bare(resource_id: str) -> str:
    """The name in a physical id, which may be an ARN or a queue's URL."""
    if resource_id.startswith("arn:"):
        resource = resource_id.split(":", 5)[5]
        return resource.rpartition("/")[2].rpartition(":")[2]
    return resource_id.rpartition("/")[2] if "://" in resource_id else resource_id
