"""The pipeline that compares traffic with the baseline: the engine that every account has."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.facts import CHAMPION_FACT
from ratchet.pipelines.registry import pipelines
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.functions.wakes import DirectWakes, Wake
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.pipelines.pipeline_schedule import schedule_pipeline
from ratchet_cdk.serving.promotion import Promotion, only_when

METRIC_NAMESPACES = (names.NAMESPACE, names.DATA_NAMESPACE, names.MODEL_NAMESPACE)
MEMORY_MB = 512
TIMEOUT_SECONDS = 120
MINUTE = 10  # of the hour: capture files of the hour before have landed by then


class MonitoringPipeline(Construct):
    """Selects captured traffic, compares it with the baseline, and publishes the result.

    Pipeline and functions are there at all times, so that a person can run them; the schedule is,
    while the champion has a baseline and the engine is `pipeline`. What Model Monitor finds is
    published by the same function, into the same metrics and alarms.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        promotion: Promotion,
        baselines: str,
    ) -> None:
        """`baselines`: the artifact bucket's folder with the baselines."""
        super().__init__(scope, construct_id)
        self._loop = loop
        self._settings = loop.settings
        self._artifacts = loop.artifacts
        self.select_captured = self._select_captured()
        self.publish_monitoring = self._publish_monitoring()
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            entry=pipelines(loop.source, loop.settings.model_name)["monitoring"],
            loop=loop,
            invokes={
                "select_captured": self.select_captured,
                "publish_monitoring": self.publish_monitoring,
            },
        )
        self._grant_monitored(baselines)
        self.dead_letters = DeadLetters(
            self, "DeadLetters", settings=loop.settings, name="monitoring"
        )
        self._publish_what_model_monitor_finds()
        self._schedule(promotion)

    def _grant_monitored(self, baselines: str) -> None:
        """The pipeline reads the data to compare, and the function reads the results."""
        role, readable = self.pipeline.role, [folders.CAPTURE, folders.GROUND_TRUTH, baselines]
        self._artifacts.grant_list(role, "ListMonitored", prefixes=readable)
        self._artifacts.grant_read(role, "ReadMonitored", prefixes=readable)
        self._artifacts.grant_read(
            self.publish_monitoring.role,
            "ReadAnalyses",
            prefixes=[folders.runs(self.pipeline.name), folders.MONITORING],
        )

    def _select_captured(self) -> PythonFunction:
        function = self._function(
            "SelectCaptured",
            name="select_captured",
            description="Selects the captured requests that the next analysis reads",
            environment={},
        )
        role = function.role
        self._loop.registry.grant_read(role)
        self._artifacts.grant_read(role, "ReadRecords", prefixes=[folders.MONITORING])
        self._artifacts.grant_write(role, "WriteManifests", prefixes=[folders.MANIFESTS])
        return function

    def _publish_monitoring(self) -> PythonFunction:
        function = self._function(
            "PublishMonitoring",
            name="publish_monitoring",
            description="Publishes the result of an analysis, as metrics and as a record",
            environment={
                "PROJECT": self._settings.loop,
                "ENVIRONMENT": self._settings.environment,
                "DATA_SCHEDULE": self._settings.schedule_name(names.DATA_QUALITY),
                "QUALITY_SCHEDULE": self._settings.schedule_name(names.MODEL_QUALITY),
            },
        )
        role = function.role
        self._artifacts.grant_write(role, "WriteRecords", prefixes=[folders.MONITORING])
        role.allow(
            "PutFindings",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": list(METRIC_NAMESPACES)}},
            wildcard="The action knows no resource; the condition names the namespaces.",
        )
        role.allow(
            "FindWhatModelMonitorDid",
            actions=["sagemaker:ListMonitoringExecutions"],
            resources=["*"],
            wildcard="The action knows no resource.",
        )
        role.allow(
            "DescribeItsJobs",
            actions=["sagemaker:DescribeProcessingJob"],
            resources=[
                self._loop.arns.sagemaker(f"processing-job/{beginning}-*")
                for beginning in ("model-monitoring", "groundtruth-merge")
            ],
            wildcard="Model Monitor names its jobs; all it says beforehand is the beginning.",
        )
        return function

    def _function(
        self, construct_id: str, *, name: str, description: str, environment: Mapping[str, str]
    ) -> PythonFunction:
        """The common part of both functions: bucket, endpoint and champion."""
        settings = self._settings
        champion = settings.parameter(CHAMPION_FACT)
        function = PythonFunction(
            self,
            construct_id,
            loop=self._loop,
            name=name,
            description=description,
            environment={
                "ARTIFACTS_BUCKET": self._artifacts.name,
                "ENDPOINT_NAME": settings.endpoint_name,
                "CHAMPION_PARAMETER": champion,
                **environment,
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        function.role.allow(
            "ReadWhatIsDeployed",
            actions=["ssm:GetParameter"],
            resources=[self._loop.arns.ssm_parameter(champion)],
        )
        self._artifacts.grant_look(function.role, "LookAtRecords")
        return function

    def _publish_what_model_monitor_finds(self) -> None:
        DirectWakes(
            self,
            "Wakes",
            function=self.publish_monitoring,
            dead_letters=self.dead_letters,
            wakes={
                "JobEnded": Wake(
                    description="A job that no pipeline started may be Model Monitor's",
                    pattern={
                        "source": ["aws.sagemaker"],
                        "detail-type": ["SageMaker Processing Job State Change"],
                        "detail": {
                            "ProcessingJobStatus": ["Completed", "Failed", "Stopped"],
                            "ProcessingJobName": [{"anything-but": {"prefix": "pipelines-"}}],
                        },
                    },
                ),
                "Schedule": Wake(
                    description="Wakes the function regularly in case an event was lost",
                    schedule=self._settings.trigger.schedule,
                ),
            },
        )

    def _schedule(self, promotion: Promotion) -> None:
        schedule = schedule_pipeline(
            self,
            pipeline=self.pipeline,
            description="Compares captured traffic with the champion's baseline",
            expression=_hours(self._loop.settings.monitor.schedule_hours),
            dead_letters=self.dead_letters,
        )
        only_when(promotion.uses_pipeline, schedule)


def _hours(hours: int) -> str:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"""
    every = {1: "*", 24: "0"}.get(hours, f"0/{hours}")
    return f"cron({MINUTE} {every} * * ? *)"
