"""Keeps the approved version serving."""

from __future__ import annotations

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.settings.schema import Settings
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.functions.wakes import Wake, WakeQueue
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.monitoring.loop_alarm import LoopAlarm, grant_put_metrics
from ratchet_cdk.permissions.narrow_role import NarrowRole

MEMORY_MB = 512
TIMEOUT_SECONDS = 120


class ChampionReconciler(Construct):
    """Approvals, rejections, changes of the stack and of the endpoint, and a slow schedule wake
    one function. It updates the serving stack if another version serves than the approved one.

    It may update that one stack, and needs no permission on what the stack consists of:
    CloudFormation uses the role that the stack was deployed with, which only the CDK's deploy role
    may choose. So whoever has this function's role may do to the account what that role may, by
    another template: docs/guides/review.md says how to narrow it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        stack_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._loop = loop
        self._stack_arn = loop.arns.stack(stack_name)
        self.dead_letters = DeadLetters(
            self, "DeadLetters", settings=loop.settings, name="promotion"
        )
        self.wakes = WakeQueue(
            self,
            "Wakes",
            wakes=self._wakes(),
            dead_letters=self.dead_letters,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        self.function = self._function(stack_name)
        self._grant_deploy(self.function.role)
        self._grant_judge(self.function.role)
        self.wakes.feed(self.function)
        self._blocked()

    def _function(self, stack_name: str) -> PythonFunction:
        loop, settings = self._loop, self._loop.settings
        return PythonFunction(
            self,
            "Reconcile",
            loop=loop,
            name="reconcile_champion",
            description="Deploys the approved version",
            environment={
                "PROJECT": settings.loop,
                "ENVIRONMENT": settings.environment,
                "MODEL_PACKAGE_GROUP": loop.registry.name,
                "SERVING_STACK": stack_name,
                "ENDPOINT_NAME": settings.endpoint_name,
                "WHEN_NONE_LEFT": settings.when_none_left,
                "MONITOR_ENGINE": _engine(settings),
                "TOPIC_ARN": loop.notifications.arn,
                "STATE_BUCKET": loop.artifacts.name,
                "STATE_KEY": folders.DEPLOYMENT_STATE,
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def _blocked(self) -> None:
        LoopAlarm(
            self,
            "Blocked",
            settings=self._loop.settings,
            kind="deployment-blocked",
            metric_name=names.DEPLOYMENT_BLOCKED,
            description="the approved version does not serve, and nothing is under way to change "
            "that",
        )

    def _wakes(self) -> dict[str, Wake]:
        settings = self._loop.settings
        return {
            "Judged": Wake(
                description="A version was registered, approved or rejected",
                pattern={
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Package State Change"],
                    "detail": {"ModelPackageGroupName": [settings.model_package_group]},
                },
            ),
            "StackChanged": Wake(
                description="An update of what serves began or ended",
                pattern={
                    "source": ["aws.cloudformation"],
                    "detail-type": ["CloudFormation Stack Status Change"],
                    "detail": {"stack-id": [{"prefix": self._stack_arn.removesuffix("*")}]},
                },
            ),
            "EndpointChanged": Wake(
                description="The endpoint serves something else, or went back to what it served",
                pattern={
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Endpoint State Change"],
                    "detail": {"EndpointName": [settings.endpoint_name]},
                },
            ),
            "Schedule": Wake(
                description="Wakes the function regularly in case an event was lost",
                schedule=settings.trigger.schedule,
            ),
        }

    def _grant_deploy(self, role: NarrowRole) -> None:
        arns = self._loop.arns
        role.allow(
            "LookAtWhatServes",
            actions=["cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"],
            resources=[self._stack_arn],
            wildcard="CloudFormation ends the ARN of this stack in a random part.",
        )
        role.allow(
            "UpdateWhatServes",
            actions=["cloudformation:UpdateStack"],
            resources=[self._stack_arn],
            # The update takes the template that is there and the role that is there. There is no
            # condition key for a template in the request itself.
            conditions={
                "Null": {"cloudformation:TemplateUrl": "true", "cloudformation:RoleArn": "true"}
            },
            wildcard="CloudFormation ends the ARN of this stack in a random part.",
        )
        role.allow(
            "LookAtEndpoint",
            actions=["sagemaker:DescribeEndpoint"],
            resources=[arns.sagemaker(f"endpoint/{self._loop.settings.endpoint_name}")],
        )
        role.allow(
            "LookAtWhatItServes",
            actions=["sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
            resources=[arns.sagemaker("endpoint-config/*"), arns.sagemaker("model/*")],
            wildcard="CloudFormation names configurations and models.",
        )
        grant_put_metrics(role, "PutDeploymentMetric")

    def _grant_judge(self, role: NarrowRole) -> None:
        """Reads and marks versions, sends notices, and records the notices that were sent."""
        loop = self._loop
        loop.code.grant_read_version(role)
        loop.registry.grant_judge(role)
        loop.notifications.grant_publish(role)
        loop.artifacts.grant_look(role, "LookAtState")
        loop.artifacts.grant_read(role, "ReadState", prefixes=[folders.DEPLOYMENT])
        loop.artifacts.grant_write(role, "WriteState", prefixes=[folders.DEPLOYMENT])


def _engine(settings: Settings) -> str:
    """The engine of the settings, unless Model Monitor cannot watch the model."""
    return names.PIPELINE if settings.no_model_monitor else settings.monitor.engine
