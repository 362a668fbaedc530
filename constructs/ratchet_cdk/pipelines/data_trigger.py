"""Data lands, a run starts: once per content, however often and in whatever order events come."""

from __future__ import annotations

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.settings.intake import Intake
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.functions.wakes import Wake, WakeQueue
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.monitoring.loop_alarm import grant_put_metrics
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.pipelines.run_schedule import RunSchedule

# Reading 100,000 objects that are all new takes minutes; any later look takes seconds.
TIMEOUT_SECONDS = 900
MEMORY_MB = 1024


class DataTrigger(Construct):
    """Objects below the intake's prefix, drift, ends of runs and schedules wake one function.

    The function reads the real state and starts a run if the current data has not been run, or if
    the data that the model serves has drifted since, or a run was scheduled for a time since. Each
    pipeline has its own intake, and what one has run says nothing about the other. Events
    that cannot be delivered or handled end in the dead-letter queue, which raises an alarm.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        pipeline: MlPipeline,
        intake: Intake,
    ) -> None:
        """`intake`: `settings.intake("training")`, say, for the pipeline of that kind."""
        super().__init__(scope, construct_id)
        self._loop = loop
        self._pipeline = pipeline
        self._intake = intake
        self._drift_alarms = [
            loop.settings.alarm_name(kind) for kind in (names.DRIFT, names.MODEL_QUALITY)
        ]
        self.dead_letters = DeadLetters(
            self, "DeadLetters", settings=loop.settings, name=intake.trigger_name
        )
        self.wakes = WakeQueue(
            self,
            "Wakes",
            wakes=self._wakes(),
            dead_letters=self.dead_letters,
            timeout_seconds=TIMEOUT_SECONDS,
            enabled=intake.enabled,
        )
        self.function = self._function()
        self._grant(self.function.role)
        if intake.drift:
            self._grant_drift(self.function.role)
        self.wakes.feed(self.function, reminds_itself=True)
        if intake.run_schedule:
            self._run_schedule()

    def _run_schedule(self) -> None:
        self.schedule = RunSchedule(
            self,
            "RunSchedule",
            name=self._loop.settings.schedule_name(self._intake.kind),
            intake=self._intake,
            queue=self.wakes.queue,
            dead_letters=self.dead_letters,
        )

    def _wakes(self) -> dict[str, Wake]:
        prefix = self._intake.prefix
        wakes = {
            "DataChanged": Wake(
                description=f"An object below {prefix} landed or was deleted",
                pattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created", "Object Deleted"],
                    "detail": {
                        "bucket": {"name": [self._loop.data.name]},
                        "object": {"key": [{"prefix": prefix}]},
                    },
                },
            ),
            "RunEnded": Wake(
                description="A run ended, so data that landed during it can be run",
                pattern={
                    "source": ["aws.sagemaker"],
                    "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
                    "detail": {
                        "pipelineArn": [self._pipeline.arn],
                        "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"],
                    },
                },
            ),
            "Schedule": Wake(
                description="Wakes the function regularly in case an event was lost",
                schedule=self._intake.catch_all,
            ),
        }
        if self._intake.drift:
            wakes["Drifted"] = self._when_drifted()
        return wakes

    def _when_drifted(self) -> Wake:
        """By the alarms' names: they belong to what serves, which is deployed after this."""
        return Wake(
            description="Requests or the quality of answers have drifted",
            pattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "detail": {
                    "alarmName": self._drift_alarms,
                    "state": {"value": ["ALARM"]},
                },
            },
        )

    def _function(self) -> PythonFunction:
        loop, intake = self._loop, self._intake
        return PythonFunction(
            self,
            "StartPipeline",
            loop=loop,
            name="start_pipeline",
            description="Starts a run when the current data has not been run",
            environment={
                "DATA_BUCKET": loop.data.name,
                "DATA_PREFIX": intake.prefix,
                "WINDOW": str(intake.window),
                "ARTIFACTS_BUCKET": loop.artifacts.name,
                "PIPELINE_NAME": self._pipeline.name,
                "QUEUE_URL": self.wakes.queue.url,
                "SETTLE_SECONDS": str(intake.settle_seconds),
                "MAX_WAIT_SECONDS": str(intake.max_wait_seconds),
                "INTAKE": intake.kind,
                "TIME_ZONE": intake.timezone,
                **(self._drift() if intake.drift else {}),
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
            # It wakes itself later while data lands, for as long as the settings let it wait.
            calls_itself=True,
        )

    def _grant(self, role: NarrowRole) -> None:
        data, artifacts = self._loop.data, self._loop.artifacts
        records = [folders.MANIFESTS, folders.trigger(self._intake.kind)]
        data.grant_look(role, "LookAtData")
        data.grant_read(role, "ReadData", prefixes=[self._intake.prefix])
        artifacts.grant_look(role, "LookAtRecords")
        artifacts.grant_read(role, "ReadRecords", prefixes=records)
        artifacts.grant_write(role, "WriteRecords", prefixes=records)
        self._pipeline.grant_start(role)

    def _drift(self) -> dict[str, str]:
        """The function's environment that makes drift a reason to run."""
        settings = self._loop.settings
        return {
            "DRIFT_ALARMS": ",".join(self._drift_alarms),
            "COOLDOWN_HOURS": str(settings.feedback.cooldown_hours),
            "FRUITLESS_LIMIT": str(settings.feedback.fruitless_limit),
            "PROJECT": settings.loop,
            "ENVIRONMENT": settings.environment,
            "TOPIC_ARN": self._loop.notifications.arn,
        }

    def _grant_drift(self, role: NarrowRole) -> None:
        """Reads the state of the alarms, and the results of the runs that drift started."""
        role.allow(
            "ReadDriftAlarms",
            actions=["cloudwatch:DescribeAlarms"],
            resources=[self._loop.arns.alarm(name) for name in self._drift_alarms],
        )
        self._pipeline.grant_look_at_steps(role)
        self._loop.registry.grant_read(role)
        self._loop.notifications.grant_publish(role)
        grant_put_metrics(role, "PutNoticesWaiting")
