"""The champion behind an endpoint, its monitoring, and its promotion."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.facts import CHAMPION_FACT, ServingFacts
from ratchet.pipelines.registry import PIPELINES_STACK, pipelines
from ratchet.settings import images
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.stack_facts import publish_facts
from ratchet_cdk.functions.dead_letters import dead_letters_alarm
from ratchet_cdk.monitoring.loop_alarm import LoopAlarm
from ratchet_cdk.monitoring.messenger import Messenger
from ratchet_cdk.monitoring.model_monitor import ModelMonitor
from ratchet_cdk.monitoring.monitoring_pipeline import MonitoringPipeline
from ratchet_cdk.serving.champion_endpoint import ChampionEndpoint
from ratchet_cdk.serving.champion_reconciler import ChampionReconciler
from ratchet_cdk.serving.endpoint_alarms import KINDS as ENDPOINT_ALARMS
from ratchet_cdk.serving.promotion import Promotion
from stacks.evaluation import Evaluation
from stacks.foundation import Foundation
from stacks.training import Training


class Serving(cdk.Stack):
    """Deploys with no champion at all; a promotion is an update of its parameters."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        source: Path,
        foundation: Foundation,
        training: Training,
        evaluation: Evaluation,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-serving",
            description="Endpoint, monitoring and promotion of the champion",
            termination_protection=settings.protected,
        )
        self.add_stack_dependency(training)
        self.loop = loop = foundation.loop(self, settings=settings, source=source)
        self._runs = folders.runs(training.pipeline.name)  # models and baselines are in there
        self._trigger_alarms = [
            trigger.dead_letters.alarm_name for trigger in (training.trigger, evaluation.trigger)
        ]
        self.promotion = Promotion(self, "Promotion", settings=settings)
        self.endpoint = ChampionEndpoint(
            self,
            "Champion",
            loop=loop,
            promotion=self.promotion,
            model_artifacts=self._runs,
            images=training.pipeline.registered_images,
        )
        self._monitor()
        self.reconciler = ChampionReconciler(
            self, "Reconciler", loop=loop, stack_name=self.stack_name
        )
        self._tell_people()
        self._tell_what_is_deployed()

    def _monitor(self) -> None:
        settings = self.loop.settings
        self._monitor_alarms: list[str] = []
        if image_uri := images.model_monitor(settings.region):
            model_monitor = ModelMonitor(
                self,
                "ModelMonitor",
                loop=self.loop,
                image_uri=image_uri,
                promotion=self.promotion,
                endpoint=self.endpoint,
                baselines=self._runs,
            )
            self._monitor_alarms.append(model_monitor.alarm_name)
        self.monitoring = MonitoringPipeline(
            self,
            "Monitoring",
            loop=self.loop,
            promotion=self.promotion,
            baselines=self._runs,
        )
        self.drift = LoopAlarm(
            self,
            "Drift",
            settings=settings,
            kind=names.DRIFT,
            metric_name=names.DRIFT_VIOLATIONS,
            description="requests to the endpoint differ from the rows that its model was "
            "evaluated on",
        )
        self.model_quality = LoopAlarm(
            self,
            "ModelQuality",
            settings=settings,
            kind=names.MODEL_QUALITY,
            metric_name=names.MODEL_QUALITY_VIOLATIONS,
            description="the endpoint answers worse than its model did at registration",
        )

    def _tell_people(self) -> None:
        Messenger(
            self,
            "Messenger",
            loop=self.loop,
            alarms=[
                self.drift.name,
                self.model_quality.name,
                *(self.loop.settings.alarm_name(kind) for kind in ENDPOINT_ALARMS),
                *self._trigger_alarms,
                *self._monitor_alarms,
                # By its name: it belongs to Operations, which needs nothing of this stack.
                dead_letters_alarm(self.loop.settings, "costs"),
                self.reconciler.dead_letters.alarm_name,
                self.monitoring.dead_letters.alarm_name,
                *self._alarms_of_schedules(),
            ],
        )

    def _alarms_of_schedules(self) -> list[str]:
        """Of the pipelines that a schedule starts; they live in a stack that needs none of this."""
        if not any(
            entry.schedule
            for entry in pipelines(self.loop.source, self.loop.settings.model_name).values()
        ):
            return []
        return [dead_letters_alarm(self.loop.settings, PIPELINES_STACK)]

    def _tell_what_is_deployed(self) -> None:
        """The champion, for the next run's comparison, and where everything is, for the command
        line. The champion is said once it serves: the text refers to the endpoint."""
        promotion, settings = self.promotion, self.loop.settings
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
        facts = ServingFacts(
            endpoint=settings.endpoint_name,
            stack=self.stack_name,
            capture_uri=self.endpoint.capture_uri,
            ground_truth_uri=f"{self.loop.artifacts.uri}/{folders.GROUND_TRUTH}".rstrip("/"),
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
            topic_arn=self.loop.notifications.arn,
            alarms={"drift": self.drift.name, "model_quality": self.model_quality.name},
        )
        publish_facts(self, facts, settings=settings)
