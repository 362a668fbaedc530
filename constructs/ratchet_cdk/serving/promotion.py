"""The stack's parameters that a promotion changes, and the conditions that follow from them.

`reconcile_champion` updates the stack with its own template and other values; `cdk deploy` brings
another template and keeps the values (`--previous-parameters`, which is on by default).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import aws_cdk as cdk
from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.problems import THRESHOLD
from ratchet.settings.schema import Settings

_FILES = f"{folders.STATISTICS} and {folders.CONSTRAINTS}"
_FOLDER = rf"{names.NONE}|s3://[a-z0-9][a-z0-9.-]+/.*[^/]"


class Promotion(Construct):
    """The champion and its baselines, as CloudFormation parameters with the names that
    `reconcile_champion` knows. The first deployment has no champion, and needs none.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        group = settings.model_package_group
        self.package_arn = self._parameter(
            names.CHAMPION,
            description=f"The version of model package group {group} that serves",
            pattern=rf"{names.NONE}|arn:[^:]+:sagemaker:[^:]+:\d{{12}}:model-package/{group}/\d+",
        )
        self.version = self._parameter(
            names.CHAMPION_VERSION,
            description="Its number, for people",
            pattern=rf"{names.NONE}|\d+",
        )
        self.baseline_uri = self._parameter(
            names.BASELINE,
            description=f"S3 folder: {_FILES} of its eval slice",
            pattern=_FOLDER,
        )
        self.quality_baseline_uri = self._parameter(
            names.QUALITY_BASELINE,
            description=f"S3 folder: {_FILES} of its answers for the eval slice",
            pattern=_FOLDER,
        )
        engines = _engines(settings)
        self.engine = self._parameter(
            names.ENGINE,
            description="The engine that compares requests with the baseline",
            default=engines[0],
            values=engines,
        )
        self._has_package = _is_set(self.package_arn)
        self.has_champion = self._condition("HasChampion", self._has_package)

    @cached_property
    def threshold(self) -> float:
        """Of a binary problem: the probability from which on the champion answers the positive
        class. Its quality baseline holds for the threshold that it was judged at, whatever the
        settings say by now: so it is a parameter, which a deployment leaves alone."""
        parameter = cdk.CfnParameter(
            self,
            names.THRESHOLD,
            description="The probability from which on the champion answers the positive class",
            type="Number",
            default=THRESHOLD,
        )
        parameter.override_logical_id(names.THRESHOLD)
        return parameter.value_as_number

    @cached_property
    def _has_baseline(self) -> cdk.ICfnConditionExpression:
        return _is_set(self.baseline_uri)

    @cached_property
    def uses_model_monitor(self) -> str:
        return self._condition("UseModelMonitor", self._monitored_by(names.MODEL_MONITOR))

    @cached_property
    def uses_quality_monitor(self) -> str:
        return self._condition(
            "UseModelQualityMonitor",
            cdk.Fn.condition_and(
                self._monitored_by(names.MODEL_MONITOR), _is_set(self.quality_baseline_uri)
            ),
        )

    @cached_property
    def uses_pipeline(self) -> str:
        return self._condition("UseMonitoringPipeline", self._monitored_by(names.PIPELINE))

    def when_champion(self, resource: cdk.CfnResource) -> None:
        """Makes the resource only while there is a champion."""
        only_when(self.has_champion, resource)

    def value_when_champion(self, value: str, *, otherwise: str) -> str:
        """`value` may refer to resources that exist only then: CloudFormation resolves only the
        references of the branch that it takes."""
        chosen = cdk.Fn.condition_if(self.has_champion, value, otherwise)
        return cdk.Token.as_string(chosen)

    def _monitored_by(self, engine: str) -> cdk.ICfnConditionExpression:
        return cdk.Fn.condition_and(
            self._has_package,
            self._has_baseline,
            cdk.Fn.condition_equals(self.engine, engine),
        )

    def _parameter(
        self,
        name: str,
        *,
        description: str,
        default: str = names.NONE,
        pattern: str | None = None,
        values: Sequence[str] | None = None,
    ) -> str:
        parameter = cdk.CfnParameter(
            self,
            name,
            description=description,
            default=default,
            allowed_pattern=pattern,
            allowed_values=values,
        )
        parameter.override_logical_id(name)
        return parameter.value_as_string

    def _condition(self, name: str, expression: cdk.ICfnConditionExpression) -> str:
        cdk.CfnCondition(self, name, expression=expression).override_logical_id(name)
        return name


def only_when(condition: str, resource: cdk.CfnResource) -> None:
    """Makes the resource only while the condition of this name holds."""
    resource.add_override("Condition", condition)


def _engines(settings: Settings) -> list[str]:
    """The engines that the parameter may name, the preferred one first. Both, whatever the settings
    say: a deployment keeps the value of the one before, and the reconciler changes it."""
    if settings.monitor.engine == names.PIPELINE or settings.no_model_monitor:
        return [names.PIPELINE, names.MODEL_MONITOR]
    return [names.MODEL_MONITOR, names.PIPELINE]


def _is_set(value: str) -> cdk.ICfnConditionExpression:
    return cdk.Fn.condition_not(cdk.Fn.condition_equals(value, names.NONE))
