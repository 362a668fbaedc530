"""The champion behind an endpoint, its monitoring, and its promotion."""

from __future__ import annotations

from aws_cdk import aws_ssm as ssm

from ratchet.loop import folders, names
from ratchet.loop.facts import CHAMPION_FACT, ServingFacts
from ratchet.pipelines.registry import PIPELINES_STACK, pipelines
from ratchet.settings import images
from ratchet_cdk.capabilities.stack import CapableStack
from ratchet_cdk.functions.dead_letters import dead_letters_alarm
from ratchet_cdk.monitoring.loop_alarm import LoopAlarm
from ratchet_cdk.monitoring.messenger import Messenger
from ratchet_cdk.monitoring.model_monitor import ModelMonitor
from ratchet_cdk.monitoring.monitoring_pipeline import MonitoringPipeline
from ratchet_cdk.pipelines.data_trigger import DataTrigger
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.serving.champion_endpoint import ChampionEndpoint
from ratchet_cdk.serving.champion_reconciler import ChampionReconciler
from ratchet_cdk.serving.endpoint_alarms import KINDS as ENDPOINT_ALARMS
from ratchet_cdk.serving.promotion import Promotion


class ServingCapabilities(CapableStack):
    """Endpoint, monitors, alarms, promotion. All of it deploys with no champion at all; a
    promotion is an update of the stack's parameters."""

    promotion: Promotion
    endpoint: ChampionEndpoint
    monitoring: MonitoringPipeline
    drift: LoopAlarm
    model_quality: LoopAlarm
    reconciler: ChampionReconciler

    def serves_champion(self, models: MlPipeline) -> None:
        """The endpoint, with canary, alarms, scaling and data capture.

        Args:
            models: the pipeline whose runs hold the models and their baselines.
        """
        self._runs = folders.runs(models.name)
        self.promotion = Promotion(self, "Promotion", settings=self.settings)
        self.endpoint = ChampionEndpoint(
            self,
            "Champion",
            loop=self.resources,
            promotion=self.promotion,
            model_artifacts=self._runs,
            # That of all steps too: versions from before the endpoint had one of its own have it.
            images=sorted({*models.registered_images, self.settings.image}),
        )

    def monitors_traffic(self) -> None:
        """Data and model quality, by Model Monitor where the region has it, and by the monitoring
        pipeline."""
        self._monitor_alarms: list[str] = []
        image_uri = images.model_monitor(self.settings.region)
        if image_uri and not self.settings.no_model_monitor:
            model_monitor = ModelMonitor(
                self,
                "ModelMonitor",
                loop=self.resources,
                image_uri=image_uri,
                promotion=self.promotion,
                endpoint=self.endpoint,
                baselines=self._runs,
            )
            self._monitor_alarms.append(model_monitor.alarm_name)
        self.monitoring = MonitoringPipeline(
            self,
            "Monitoring",
            loop=self.resources,
            promotion=self.promotion,
            baselines=self._runs,
        )

    def alarms_on_drift(self) -> None:
        """An alarm that data quality raises."""
        self.drift = LoopAlarm(
            self,
            "Drift",
            settings=self.settings,
            kind=names.DRIFT,
            metric_name=names.DRIFT_VIOLATIONS,
            description="requests to the endpoint differ from the rows that its model was "
            "evaluated on",
        )

    def alarms_on_model_quality(self) -> None:
        """An alarm that model quality and evaluations raise."""
        self.model_quality = LoopAlarm(
            self,
            "ModelQuality",
            settings=self.settings,
            kind=names.MODEL_QUALITY,
            metric_name=names.MODEL_QUALITY_VIOLATIONS,
            description="the endpoint answers worse than its model did at registration",
        )

    def deploys_what_is_approved(self) -> None:
        """The function that makes an approved version this stack's champion."""
        self.reconciler = ChampionReconciler(
            self, "Reconciler", loop=self.resources, stack_name=self.stack_name
        )

    def sends_notices(self, *triggers: DataTrigger) -> None:
        """Tells people what happened, by every alarm of the loop.

        Args:
            triggers: of the other stacks, whose dead letters raise alarms too.
        """
        Messenger(
            self,
            "Messenger",
            loop=self.resources,
            alarms=[
                self.drift.name,
                self.model_quality.name,
                *(self.settings.alarm_name(kind) for kind in ENDPOINT_ALARMS),
                *(trigger.dead_letters.alarm_name for trigger in triggers),
                *self._monitor_alarms,
                # By its name: it belongs to the stack of costs, which needs nothing of this one.
                dead_letters_alarm(self.settings, "costs"),
                self.reconciler.dead_letters.alarm_name,
                self.monitoring.dead_letters.alarm_name,
                *self._alarms_of_schedules(),
            ],
        )

    def _alarms_of_schedules(self) -> list[str]:
        """Of the pipelines that a schedule starts; they live in a stack that needs none of this."""
        listed = pipelines(self.loop.source, self.settings.model_name).values()
        if not any(entry.schedule for entry in listed):
            return []
        return [dead_letters_alarm(self.settings, PIPELINES_STACK)]

    def publishes_serving(self) -> None:
        """The champion, for the next run's comparison, and where everything is, for the command
        line. The champion is said once it serves: the text refers to the endpoint."""
        promotion, settings = self.promotion, self.settings
        ssm.CfnParameter(
            self,
            "DeployedChampion",
            name=settings.parameter(CHAMPION_FACT),
            type="String",
            description=promotion.value_when_champion(
                f"Version {promotion.version} serves at endpoint {self.endpoint.name}",
                otherwise="No version serves",
            ),
            value=promotion.value_when_champion(promotion.package_arn, otherwise=names.NONE),
        )
        artifacts = self.resources.artifacts
        self.publish(
            ServingFacts(
                endpoint=settings.endpoint_name,
                stack=self.stack_name,
                capture_uri=self.endpoint.capture_uri,
                ground_truth_uri=f"{artifacts.uri}/{folders.GROUND_TRUTH}".rstrip("/"),
                baseline_uri=promotion.baseline_uri,
                quality_baseline_uri=promotion.quality_baseline_uri,
                monitor_engine=promotion.engine,
                monitor_schedule=settings.schedule_name(names.DATA_QUALITY),
                monitoring_pipeline=self.monitoring.pipeline.name,
                functions={
                    "select_captured": self.monitoring.select_captured.arn,
                    "publish_monitoring": self.monitoring.publish_monitoring.arn,
                },
                reconcile_queue_url=self.reconciler.wakes.queue.url,
                reconcile_function=self.reconciler.function.arn,
                topic_arn=self.resources.notifications.arn,
                alarms={"drift": self.drift.name, "model_quality": self.model_quality.name},
            )
        )
