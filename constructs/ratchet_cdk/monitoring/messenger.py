"""What people are told, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from constructs import Construct

from config.settings import Settings
from ratchet.loop import folders
from ratchet_cdk.foundation.buckets import LoopBucket
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.foundation.notifications import Notifications
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.functions.wakes import DirectWakes, Wake
from ratchet_cdk.permissions.arns import Arns
from ratchet_cdk.permissions.cost_permissions import grant_price_runs
from ratchet_cdk.serving.model_registry import ModelRegistry

MEMORY_MB = 512
TIMEOUT_SECONDS = 60


class Messenger(Construct):
    """Tells people of models that wait for approval, of runs that failed or were halted by the
    gate, and of alarms, each with the command that comes next.

    Promotions are told by who makes them. That this one cannot speak is told by its alarm alone.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: CodeBucket,
        source: Path,
        artifacts: LoopBucket,
        registry: ModelRegistry,
        notifications: Notifications,
        alarms: Sequence[str],
    ) -> None:
        """`alarms`: the names of those that people hear of."""
        super().__init__(scope, construct_id)
        self._settings = settings
        arns = Arns.of(settings)
        names = [settings.pipeline_name(kind) for kind in ("training", "evaluation", "monitoring")]
        self._pipelines = [arns.sagemaker(f"pipeline/{name}") for name in names]
        self.function = PythonFunction(
            self,
            "Notify",
            code=code,
            source=source,
            name="notify",
            description="Tells people what happened, and what to do next",
            environment={
                "PROJECT": settings.project,
                "ENVIRONMENT": settings.environment,
                "TOPIC_ARN": notifications.topic.topic_arn,
                "ARTIFACTS_BUCKET": artifacts.name,
                "ENDPOINT_NAME": settings.endpoint_name,
                "FEEDBACK_ENABLED": str(settings.feedback.enabled).lower(),
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
            retention=settings.retention,
        )
        role = self.function.role
        notifications.grant_publish(role)
        registry.grant_read(role)
        artifacts.grant_look(role, "LookAtFindings")
        runs = folders.runs(settings.pipeline_name("monitoring"))
        findings = [folders.EVALUATIONS, folders.MONITORING, runs, folders.PRICES]
        artifacts.grant_read(role, "ReadFindings", prefixes=findings)
        grant_price_runs(role, arns=arns, pipelines=self._pipelines, settings=settings)
        role.allow(
            "LookAtAlarms",
            actions=["cloudwatch:DescribeAlarms"],
            resources=[arns.alarm(name) for name in alarms],
        )
        DirectWakes(
            self,
            "Wakes",
            function=self.function,
            dead_letters=DeadLetters(
                self,
                "DeadLetters",
                settings=settings,
                name="notify",
                told_directly=notifications,
            ),
            wakes=self._wakes(alarms),
        )

    def _wakes(self, alarms: Sequence[str]) -> dict[str, Wake]:
        return {
            "Registered": Wake(
                description="A version waits for approval",
                pattern={
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Package State Change"],
                    "detail": {
                        "ModelPackageGroupName": [self._settings.model_package_group],
                        "ModelApprovalStatus": ["PendingManualApproval"],
                    },
                },
            ),
            "RunFailed": Wake(
                description="A run was halted by the gate, or failed",
                pattern={
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
                    "detail": {
                        "pipelineArn": self._pipelines,
                        "currentPipelineExecutionStatus": ["Failed"],
                    },
                },
            ),
            "Alarmed": Wake(
                description="Drift, dead letters, or an endpoint that errs",
                pattern={
                    "source": ["aws.cloudwatch"],
                    "detail-type": ["CloudWatch Alarm State Change"],
                    "detail": {"alarmName": list(alarms), "state": {"value": ["ALARM"]}},
                },
            ),
        }
