"""The endpoint that serves the champion."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from ratchet.loop import folders, names
from ratchet.permissions import container
from ratchet.settings.serving import EndpointSettings
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.serving.endpoint_alarms import KINDS, EndpointAlarms
from ratchet_cdk.serving.promotion import Promotion

_Endpoint = sagemaker.CfnEndpoint
_Config = sagemaker.CfnEndpointConfig

# Longest update that SageMaker waits for: starting instances, beside the waits of the settings.
START_SECONDS = 3600
LONGEST_UPDATE_SECONDS = 28_800


class ChampionEndpoint(Construct):
    """While there is a champion, an endpoint serves it, captures requests and answers, and goes
    back to the previous model if an alarm is raised during a promotion.

    A promotion replaces model and configuration, which CloudFormation therefore names, and updates
    the endpoint, which keeps its name. The role stands at all times, so that its permissions do
    before a model is made.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        promotion: Promotion,
        model_artifacts: str,
        images: Sequence[str],
    ) -> None:
        """
        Args:
            model_artifacts: the folder of the bucket that models are in.
            images: those that versions are registered with.
        """
        super().__init__(scope, construct_id)
        self._loop = loop
        self._settings = loop.settings
        self._artifacts = loop.artifacts
        self._promotion = promotion
        self.capture_uri = f"{loop.artifacts.uri}/{folders.CAPTURE}".rstrip("/")
        self.role = self._role(model_artifacts, images)
        config = self._config(self._model())
        alarms = EndpointAlarms(
            self, "Alarms", settings=loop.settings, promotion=promotion, config=config
        )
        self.resource = self._endpoint(config, alarms)
        self.name = self.resource.attr_endpoint_name
        if self._scales:
            self._scaling()

    @property
    def _scales(self) -> bool:
        return self._settings.endpoint.max_count > self._settings.endpoint.instance_count

    def _role(self, model_artifacts: str, images: Sequence[str]) -> NarrowRole:
        settings, arns = self._settings, self._loop.arns
        role = NarrowRole(self, "Role", service="sagemaker.amazonaws.com")
        log_group = f"/aws/sagemaker/Endpoints/{settings.endpoint_name}"
        role.allow_all(container(arns, images=images, log_groups=[log_group]))
        self._artifacts.grant_list(role, "ListModels", prefixes=[model_artifacts])
        self._artifacts.grant_read(role, "ReadModels", prefixes=[model_artifacts])
        self._artifacts.grant_write(role, "Capture", prefixes=[folders.CAPTURE])
        role.allow(
            "WatchAlarmsDuringUpdates",
            actions=["cloudwatch:DescribeAlarms"],
            resources=[arns.alarm(settings.alarm_name(kind)) for kind in KINDS],
        )
        return role

    def _model(self) -> sagemaker.CfnModel:
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.arn,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                model_package_name=self._promotion.package_arn
            ),
        )
        self.role.stands_before(model)
        self._promotion.when_champion(model)
        return model

    def _config(self, model: sagemaker.CfnModel) -> _Config:
        serving = self._settings.endpoint
        config = _Config(
            self,
            "Config",
            production_variants=[
                _Config.ProductionVariantProperty(
                    variant_name=names.VARIANT,  # the same always: SageMaker shifts traffic by it
                    model_name=model.attr_model_name,
                    instance_type=serving.instance_type,
                    initial_instance_count=serving.instance_count,
                    initial_variant_weight=1,
                )
            ],
            data_capture_config=_Config.DataCaptureConfigProperty(
                enable_capture=True,
                initial_sampling_percentage=serving.capture_percent,
                destination_s3_uri=self.capture_uri,
                kms_key_id=self._artifacts.key_arn,
                capture_options=[
                    _Config.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")
                ],
                # What is not listed is kept in base64.
                capture_content_type_header=_Config.CaptureContentTypeHeaderProperty(
                    json_content_types=["application/json", "application/jsonlines"],
                    csv_content_types=["text/csv"],
                ),
            ),
        )
        self._promotion.when_champion(config)
        return config

    def _endpoint(self, config: _Config, alarms: EndpointAlarms) -> _Endpoint:
        endpoint = _Endpoint(
            self,
            "Endpoint",
            endpoint_name=self._settings.endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
            deployment_config=_Endpoint.DeploymentConfigProperty(
                blue_green_update_policy=_update_policy(self._settings.endpoint),
                auto_rollback_configuration=_Endpoint.AutoRollbackConfigProperty(
                    alarms=[_Endpoint.AlarmProperty(alarm_name=name) for name in alarms.names]
                ),
            ),
        )
        if self._scales:
            # A promotion at the busiest hour keeps the instances that traffic has called for; how
            # much is captured follows the settings. Without scaling, the count follows them too.
            endpoint.retain_all_variant_properties = True
            endpoint.exclude_retained_variant_properties = [
                _Endpoint.VariantPropertyProperty(variant_property_type="DataCaptureConfig")
            ]
        self._promotion.when_champion(endpoint)
        return endpoint

    def _scaling(self) -> None:
        serving = self._settings.endpoint
        target = autoscaling.CfnScalableTarget(
            self,
            "Instances",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{self.name}/variant/{names.VARIANT}",
            min_capacity=serving.instance_count,
            max_capacity=serving.max_count,
        )
        policy = autoscaling.CfnScalingPolicy(
            self,
            "Scaling",
            policy_name="invocations-per-instance",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=serving.invocations_per_instance,
                predefined_metric_specification=autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type="SageMakerVariantInvocationsPerInstance"
                ),
            ),
        )
        for resource in (target, policy):
            self._promotion.when_champion(resource)


def _update_policy(serving: EndpointSettings) -> _Endpoint.BlueGreenUpdatePolicyProperty:
    waits = serving.update_wait_seconds
    return _Endpoint.BlueGreenUpdatePolicyProperty(
        traffic_routing_configuration=_routing(serving),
        termination_wait_in_seconds=serving.termination_wait_seconds,
        maximum_execution_timeout_in_seconds=min(waits + START_SECONDS, LONGEST_UPDATE_SECONDS),
    )


def _routing(serving: EndpointSettings) -> _Endpoint.TrafficRoutingConfigProperty:
    share = _Endpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=serving.step_percent)
    return _Endpoint.TrafficRoutingConfigProperty(
        type=serving.routing.replace("-", "_").upper(),
        wait_interval_in_seconds=serving.wait_seconds,
        canary_size=share if serving.routing == "canary" else None,
        linear_step_size=share if serving.routing == "linear" else None,
    )
