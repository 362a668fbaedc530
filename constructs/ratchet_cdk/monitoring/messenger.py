"""Notices to people, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.packages import PENDING
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.functions.wakes import DirectWakes, Wake
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.permissions.cost_permissions import grant_price_runs
from ratchet_cdk.permissions.narrow_role import NarrowRole

MEMORY_MB = 512
TIMEOUT_SECONDS = 60


class Messenger(Construct):
    """Tells people of models that wait for approval, of runs that failed, were halted by the gate
    or made no new model, and of alarms, each with the command that comes next.

    reconcile_champion announces promotions itself. If this function fails, only the alarm on its
    dead letters says so.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        alarms: Sequence[str],
    ) -> None:
        """`alarms`: names of the alarms that people get notices about."""
        super().__init__(scope, construct_id)
        self._loop = loop
        settings = loop.settings
        pipelines = names.with_edits(settings.pipeline_name(kind) for kind in names.LOOPS_OWN)
        self._pipelines = [loop.arns.sagemaker(f"pipeline/{name}") for name in pipelines]
        self.function = self._function()
        self._grant(self.function.role, alarms)
        DirectWakes(
            self,
            "Wakes",
            function=self.function,
            dead_letters=self._dead_letters(),
            wakes=self._wakes(alarms),
        )

    def _function(self) -> PythonFunction:
        loop, settings = self._loop, self._loop.settings
        return PythonFunction(
            self,
            "Notify",
            loop=loop,
            name="notify",
            description="Sends people notices: what happened, and what to do next",
            environment={
                "PROJECT": settings.loop,
                "ENVIRONMENT": settings.environment,
                "TOPIC_ARN": loop.notifications.arn,
                "ARTIFACTS_BUCKET": loop.artifacts.name,
                "ENDPOINT_NAME": settings.endpoint_name,
                "FEEDBACK_ENABLED": str(settings.feedback.enabled).lower(),
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def _grant(self, role: NarrowRole, alarms: Sequence[str]) -> None:
        loop = self._loop
        loop.notifications.grant_publish(role)
        loop.registry.grant_read(role)
        loop.artifacts.grant_look(role, "LookAtFindings")
        kinds = (names.MONITORING, names.TRAINING)
        runs = [folders.runs(loop.settings.pipeline_name(kind)) for kind in kinds]
        findings = [folders.EVALUATIONS, folders.MONITORING, *runs, folders.PRICES]
        loop.artifacts.grant_read(role, "ReadFindings", prefixes=findings)
        grant_price_runs(role, arns=loop.arns, pipelines=self._pipelines, settings=loop.settings)
        role.allow(
            "LookAtAlarms",
            actions=["cloudwatch:DescribeAlarms"],
            resources=[loop.arns.alarm(name) for name in alarms],
        )

    def _dead_letters(self) -> DeadLetters:
        return DeadLetters(
            self,
            "DeadLetters",
            settings=self._loop.settings,
            name="notify",
            topic=self._loop.notifications,
        )

    def _wakes(self, alarms: Sequence[str]) -> dict[str, Wake]:
        loop = self._loop
        training = loop.settings.pipeline_name(names.TRAINING)
        return {
            "Registered": Wake(
                description="A version waits for approval",
                pattern={
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Package State Change"],
                    "detail": {
                        "ModelPackageGroupName": [self._loop.settings.model_package_group],
                        "ModelApprovalStatus": [PENDING],
                    },
                },
            ),
            "RunFailed": Wake(
                description="A run was halted by the gate, or failed",
                pattern=_runs_that_end("Failed", self._pipelines),
            ),
            "RunSucceeded": Wake(
                description="A run's candidate may be no new model",
                pattern=_runs_that_end(
                    "Succeeded",
                    [
                        loop.arns.sagemaker(f"pipeline/{name}")
                        for name in names.with_edits([training])
                    ],
                ),
            ),
            "Alarmed": Wake(
                description="Drift, dead letters, or a failing endpoint",
                pattern={
                    "source": ["aws.cloudwatch"],
                    "detail-type": ["CloudWatch Alarm State Change"],
                    "detail": {"alarmName": list(alarms), "state": {"value": ["ALARM"]}},
                },
            ),
        }


def _runs_that_end(status: str, pipeline_arns: Sequence[str]) -> dict[str, Any]:
    """The event pattern of runs of these pipelines that end with a status."""
    return {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
        "detail": {
            "pipelineArn": pipeline_arns,
            "currentPipelineExecutionStatus": [status],
        },
    }
