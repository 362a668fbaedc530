"""SageMaker Model Monitor: the first of two engines that compare traffic with the baseline."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.problems import BINARY, PROBLEMS
from ratchet.permissions import container
from ratchet.settings import images
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.serving.champion_endpoint import ChampionEndpoint
from ratchet_cdk.serving.promotion import Promotion, only_when

_Data = sagemaker.CfnDataQualityJobDefinition
_Quality = sagemaker.CfnModelQualityJobDefinition

# How long the jobs of an hourly schedule may take:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_MonitoringStoppingCondition.html
DATA_QUALITY_SECONDS, MODEL_QUALITY_SECONDS = 3600, 1800
LABEL_DAYS = 7  # how much later than its answer a label may land


class ModelMonitor(Construct):
    """Data quality, and model quality once there are labels, on a schedule, while the champion has
    a baseline and the engine is `model-monitor`.

    A job definition cannot be changed, so CloudFormation names it and replaces it with the
    baseline; a schedule keeps its name, and with it its history and its metrics.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        image_uri: str,
        promotion: Promotion,
        endpoint: ChampionEndpoint,
        baselines: str,
    ) -> None:
        """`baselines`: the bucket's folder with the baselines."""
        super().__init__(scope, construct_id)
        self._loop = loop
        self._settings = loop.settings
        self._artifacts = loop.artifacts
        self._image_uri = image_uri
        self._promotion = promotion
        self._endpoint = endpoint
        self._role = self._monitoring_role(baselines)
        self.alarm_name = self._tell_of_failures()
        self._schedule("DataQuality", self._data_quality(), promotion.uses_model_monitor)
        self._schedule("ModelQuality", self._model_quality(), promotion.uses_quality_monitor)

    def _monitoring_role(self, baselines: str) -> NarrowRole:
        role = NarrowRole(self, "Role", service="sagemaker.amazonaws.com")
        # Before each analysis of model quality a job of another image merges labels with answers,
        # with the same role:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
        merger = images.ground_truth_merger(self._settings.region)
        role.allow_all(
            container(
                self._loop.arns,
                images=[self._image_uri, *([merger] if merger else [])],
                log_groups=["/aws/sagemaker/ProcessingJobs"],
            )
        )
        role.allow("EncryptOutputs", actions=["kms:Encrypt"], resources=[self._artifacts.key_arn])
        readable = [folders.CAPTURE, folders.GROUND_TRUTH, folders.REPORTS, baselines]
        self._artifacts.grant_list(role, "ListMonitored", prefixes=readable)
        self._artifacts.grant_read(role, "ReadMonitored", prefixes=readable)
        self._artifacts.grant_write(role, "WriteReports", prefixes=[folders.REPORTS])
        return role

    def _tell_of_failures(self) -> str:
        """Alarms on failed jobs: they leave no report, so nothing else shows that an hour was
        not analyzed.

        Its events name the role; EventBridge counts those that a rule matches:
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        """
        rule = events.CfnRule(
            self,
            "JobFailed",
            description="A job of Model Monitor failed, or the job before it that merges labels",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Processing Job State Change"],
                "detail": {"ProcessingJobStatus": ["Failed"], "RoleArn": [self._role.arn]},
            },
        )
        name = self._settings.alarm_name("monitoring-failed")
        cloudwatch.CfnAlarm(
            self,
            "Failures",
            alarm_name=name,
            alarm_description=f"{self._settings.prefix}: a job of Model Monitor failed, so an hour "
            "was not analyzed; its log is in /aws/sagemaker/ProcessingJobs",
            namespace="AWS/Events",
            metric_name="MatchedEvents",
            dimensions=[{"name": "RuleName", "value": rule.ref}],
            statistic="Sum",
            period=300,
            evaluation_periods=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
        )
        return name

    def _data_quality(self) -> _Data:
        return _Data(
            self,
            "DataQualityDefinition",
            data_quality_app_specification=_Data.DataQualityAppSpecificationProperty(
                **self._application()
            ),
            data_quality_baseline_config=_Data.DataQualityBaselineConfigProperty(
                statistics_resource=_Data.StatisticsResourceProperty(
                    s3_uri=f"{self._promotion.baseline_uri}/{folders.STATISTICS}"
                ),
                constraints_resource=_Data.ConstraintsResourceProperty(
                    s3_uri=f"{self._promotion.baseline_uri}/{folders.CONSTRAINTS}"
                ),
            ),
            data_quality_job_input=_Data.DataQualityJobInputProperty(
                endpoint_input=_Data.EndpointInputProperty(
                    **self._captured(),
                    exclude_features_attribute=",".join(self._settings.unmonitored),
                )
            ),
            data_quality_job_output_config=self._reports(_Data),
            **self._job(_Data, longest_seconds=DATA_QUALITY_SECONDS),
        )

    def _model_quality(self) -> _Quality:
        labels = f"{self._artifacts.uri}/{folders.GROUND_TRUTH}".rstrip("/")
        return _Quality(
            self,
            "ModelQualityDefinition",
            model_quality_app_specification=_Quality.ModelQualityAppSpecificationProperty(
                **self._application(), problem_type=PROBLEMS[self._settings.model.problem].monitor
            ),
            model_quality_baseline_config=_Quality.ModelQualityBaselineConfigProperty(
                constraints_resource=_Quality.ConstraintsResourceProperty(
                    s3_uri=f"{self._promotion.quality_baseline_uri}/{folders.CONSTRAINTS}"
                ),
            ),
            model_quality_job_input=_Quality.ModelQualityJobInputProperty(
                endpoint_input=_Quality.EndpointInputProperty(
                    **self._captured(),
                    **self._answers(),
                    start_time_offset=f"-P{LABEL_DAYS}D",
                    end_time_offset="-PT1H",
                ),
                ground_truth_s3_input=_Quality.MonitoringGroundTruthS3InputProperty(s3_uri=labels),
            ),
            model_quality_job_output_config=self._reports(_Quality),
            **self._job(_Quality, longest_seconds=MODEL_QUALITY_SECONDS),
        )

    def _answers(self) -> dict[str, Any]:
        """Where an answer holds what, by position or name. A class or a number is the inference. A
        probability makes a class of itself by a threshold, if there is no inference:
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-baseline.html
        """
        model = self._settings.model
        if model.own_threshold:
            return {
                "probability_attribute": str(model.probability or 0),
                "probability_threshold_attribute": self._promotion.threshold,
            }
        places = {"inference_attribute": str(model.prediction or 0)}
        if model.problem == BINARY and model.probability is not None:
            places["probability_attribute"] = str(model.probability)
        return places

    def _application(self) -> dict[str, Any]:
        return {
            "image_uri": self._image_uri,
            "environment": {"publish_cloudwatch_metrics": "Enabled"},
        }

    def _captured(self) -> dict[str, Any]:
        return {
            "endpoint_name": self._endpoint.name,
            "local_path": "/opt/ml/processing/input/endpoint",
        }

    def _reports(self, of: Any) -> Any:
        return of.MonitoringOutputConfigProperty(
            kms_key_id=self._artifacts.key_arn,
            monitoring_outputs=[
                of.MonitoringOutputProperty(
                    s3_output=of.S3OutputProperty(
                        s3_uri=f"{self._artifacts.uri}/{folders.REPORTS}".rstrip("/"),
                        local_path="/opt/ml/processing/output",
                        s3_upload_mode="EndOfJob",
                    )
                )
            ],
        )

    def _job(self, of: Any, *, longest_seconds: int) -> dict[str, Any]:
        """The common part of the two kinds of definitions; each kind has its own classes."""
        compute = self._settings.monitor.compute
        return {
            "role_arn": self._role.arn,
            "job_resources": of.MonitoringResourcesProperty(
                cluster_config=of.ClusterConfigProperty(
                    instance_count=compute.instance_count,
                    instance_type=compute.instance_type,
                    volume_size_in_gb=compute.volume_gb,
                )
            ),
            "stopping_condition": of.StoppingConditionProperty(
                max_runtime_in_seconds=min(compute.max_runtime_seconds, longest_seconds)
            ),
        }

    def _schedule(self, kind: str, definition: _Data | _Quality, condition: str) -> None:
        name = {"DataQuality": names.DATA_QUALITY, "ModelQuality": names.MODEL_QUALITY}[kind]
        schedule = sagemaker.CfnMonitoringSchedule(
            self,
            f"{kind}Schedule",
            monitoring_schedule_name=self._settings.schedule_name(name),
            monitoring_schedule_config=sagemaker.CfnMonitoringSchedule.MonitoringScheduleConfigProperty(
                monitoring_type=kind,
                # CloudFormation knows the definition by its ARN, which ends in the name.
                monitoring_job_definition_name=cdk.Fn.select(
                    1, cdk.Fn.split("/", definition.attr_job_definition_arn)
                ),
                schedule_config=sagemaker.CfnMonitoringSchedule.ScheduleConfigProperty(
                    schedule_expression=_hours(self._settings.monitor.schedule_hours)
                ),
            ),
        )
        # SageMaker looks whether the endpoint captures when the schedule is made.
        schedule.add_resource_dependency(self._endpoint.resource)
        self._role.stands_before(definition)
        for resource in (definition, schedule):
            only_when(condition, resource)


def _hours(hours: int) -> str:
    """The only forms that Model Monitor takes:
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-schedule-expression.html
    """
    if hours == 1:
        return "cron(0 * ? * * *)"
    return "cron(0 0 ? * * *)" if hours == 24 else f"cron(0 0/{hours} ? * * *)"
