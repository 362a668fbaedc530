"""The champion behind an endpoint, what watches it, and what puts another in its place."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from config import images
from config.settings import Settings
from pipeline_defs import pipelines
from pipeline_defs.registry import PIPELINES_STACK
from ratchet.loop import folders, names
from ratchet_cdk.foundation.code_bucket import CodeBucket
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
        self._settings = settings
        self._source = source
        self._foundation = foundation
        self._runs = folders.runs(training.pipeline.name)  # models and baselines are in there
        self._trigger_alarms = [
            trigger.dead_letters.alarm_name for trigger in (training.trigger, evaluation.trigger)
        ]
        self.code = CodeBucket(self, settings=settings)
        self.promotion = Promotion(self, "Promotion", settings=settings)
        self.endpoint = ChampionEndpoint(
            self,
            "Champion",
            settings=settings,
            promotion=self.promotion,
            artifacts=foundation.artifacts,
            model_artifacts=self._runs,
            images=training.pipeline.registered_images,
        )
        self._monitor()
        self.reconciler = ChampionReconciler(
            self,
            "Reconciler",
            settings=settings,
            stack_name=self.stack_name,
            code=self.code,
            source=source,
            artifacts=foundation.artifacts,
            registry=foundation.registry,
            notifications=foundation.notifications,
        )
        self._tell_people()
        self._tell_what_is_deployed()

    def _monitor(self) -> None:
        settings, artifacts = self._settings, self._foundation.artifacts
        self._monitor_alarms: list[str] = []
        if image_uri := images.model_monitor(settings.region):
            model_monitor = ModelMonitor(
                self,
                "ModelMonitor",
                settings=settings,
                image_uri=image_uri,
                promotion=self.promotion,
                endpoint=self.endpoint,
                artifacts=artifacts,
                baselines=self._runs,
            )
            self._monitor_alarms.append(model_monitor.alarm_name)
        self.monitoring = MonitoringPipeline(
            self,
            "Monitoring",
            settings=settings,
            code=self.code,
            source=self._source,
            artifacts=artifacts,
            registry=self._foundation.registry,
            promotion=self.promotion,
            baselines=self._runs,
        )
        self.drift = LoopAlarm(
            self,
            "Drift",
            settings=settings,
            kind=names.DRIFT,
            metric_name=names.DRIFT_VIOLATIONS,
            description="what the endpoint is asked differs from what its model was evaluated on",
        )
        self.model_quality = LoopAlarm(
            self,
            "ModelQuality",
            settings=settings,
            kind=names.MODEL_QUALITY,
            metric_name=names.MODEL_QUALITY_VIOLATIONS,
            description="the endpoint answers worse than its model did when it was evaluated",
        )

    def _tell_people(self) -> None:
        Messenger(
            self,
            "Messenger",
            settings=self._settings,
            code=self.code,
            source=self._source,
            artifacts=self._foundation.artifacts,
            registry=self._foundation.registry,
            notifications=self._foundation.notifications,
            alarms=[
                self.drift.name,
                self.model_quality.name,
                *(self._settings.alarm_name(kind) for kind in ENDPOINT_ALARMS),
                *self._trigger_alarms,
                *self._monitor_alarms,
                # By its name: it belongs to Operations, which needs nothing of this stack.
                dead_letters_alarm(self._settings, "costs"),
                self.reconciler.dead_letters.alarm_name,
                self.monitoring.dead_letters.alarm_name,
                *self._alarms_of_schedules(),
            ],
        )

    def _alarms_of_schedules(self) -> list[str]:
        """Of the pipelines that a schedule starts; they live in a stack that needs none of this."""
        if not any(entry.schedule for entry in pipelines(self._source).values()):
            return []
        return [dead_letters_alarm(self._settings, PIPELINES_STACK)]

    def _tell_what_is_deployed(self) -> None:
        """The champion, for the next run's comparison, and where everything is, for the command
        line. The champion is said once it serves: the text refers to the endpoint."""
        promotion, settings = self.promotion, self._settings
        ssm.CfnParameter(
            self,
            "DeployedChampion",
            name=settings.parameter("champion"),
            type="String",
            description=promotion.value_when_champion(
                f"Version {promotion.version} serves at endpoint {self.endpoint.name}",
                otherwise="No version serves",
            ),
            value=promotion.value_when_champion(promotion.package_arn, otherwise=names.NONE),
        )
        facts = {
            "endpoint": settings.endpoint_name,
            "stack": self.stack_name,
            "capture_uri": self.endpoint.capture_uri,
            "ground_truth_uri": f"{self._foundation.artifacts.uri}/{folders.GROUND_TRUTH}".rstrip(
                "/"
            ),
            "baseline_uri": promotion.baseline_uri,
            "quality_baseline_uri": promotion.quality_baseline_uri,
            "monitor_engine": promotion.engine,
            "monitor_schedule": settings.schedule_name(names.DATA_QUALITY),
            "monitoring_pipeline": self.monitoring.pipeline.name,
            "functions": {
                "select_captured": self.monitoring.select_captured.arn,
                "publish_monitoring": self.monitoring.publish_monitoring.arn,
            },
            "reconcile_queue_url": self.reconciler.wakes.queue.queue_url,
            "reconcile_function": self.reconciler.function.arn,
            "topic_arn": self._foundation.notifications.topic.topic_arn,
            "alarms": {"drift": self.drift.name, "model_quality": self.model_quality.name},
        }
        ssm.CfnParameter(
            self,
            "Deployed",
            name=settings.parameter("serving"),
            type="String",
            description="What the serving stack deployed, as JSON",
            value=self.to_json_string(facts),
        )
