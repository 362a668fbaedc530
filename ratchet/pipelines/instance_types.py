"""Instance types of the settings, held against those that SageMaker has."""

from __future__ import annotations

from collections.abc import Iterator

from ratchet.authoring.errors import did_you_mean
from ratchet.definition import service_model as schema
from ratchet.settings.schema import Settings, SettingsError

_OF_JOBS = ("ProcessingInstanceType", "TrainingInstanceType", "TransformInstanceType")
_OF_ENDPOINTS = ("ProductionVariantInstanceType",)


def check(settings: Settings) -> None:
    """Refuses a slip in the words of the settings file, before a definition or CloudFormation's
    schema does in words of their own.

    Raises:
        SettingsError: with the key and the nearest type. One that is newer than the installed
            botocore is refused too, until botocore is upgraded.
    """
    for key, value, shapes in _instance_types(settings):
        choices = [choice for shape in shapes for choice in schema.shape(shape)["enum"]]
        if value not in choices:
            raise SettingsError(
                f"{settings.origin(key)}: {key} = {value!r}: SageMaker has no such "
                f"instance type; {did_you_mean(value, choices)}"
            )


def _instance_types(settings: Settings) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for step, compute in settings.steps.items():
        yield f"steps.{step}.instance_type", compute.instance_type, _OF_JOBS
    yield "monitor.compute.instance_type", settings.monitor.compute.instance_type, _OF_JOBS
    yield "endpoint.instance_type", settings.endpoint.instance_type, _OF_ENDPOINTS
