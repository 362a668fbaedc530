"""The kinds of resources, one row each: what is the same about them, so that code need not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.definition import resources
from ratchet.definition.resources import Resource
from ratchet.definition.step_types import row_of
from ratchet.local_cloud.sagemaker import errors
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.listing import Listing

Wording = Callable[[str, str], ApiError]  # (name, ARN) → the error that AWS answers


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A resource with Create/Describe/List/Delete operations of the usual form.

    ``name``: as in ``Create<name>``; ``arn_path``: the ARN's part before the resource's name;
    ``constants``: members that every new resource has; ``lists``: as in ``List<lists>``, empty for
    none; ``generic``: which of Create, Describe, List and Delete need nothing special.
    """

    name: str
    name_member: str
    arn_member: str
    arn_path: str
    lists: str
    listing: Listing
    missing: Wording
    taken: Wording
    constants: Mapping[str, Any] = field(default_factory=dict)
    generic: frozenset[str] = frozenset({"Create", "Describe", "List", "Delete"})


def _could_not_find(noun: str) -> Wording:
    return lambda _name, arn: errors.invalid(f'Could not find {noun} "{arn}".')


def _already(noun: str) -> Wording:
    return lambda _name, arn: errors.invalid(f'Cannot create already existing {noun} "{arn}".')


def _resource_in_use(noun: str) -> Wording:
    return lambda name, _arn: errors.in_use(f"{noun} {name} already exists.")


def _resource_not_found(noun: str) -> Wording:
    return lambda name, _arn: errors.not_found(f"{noun} {name} not found.")


def _names(resource: Resource) -> dict[str, Any]:
    """What the table of step types says of a resource that steps make."""
    return {
        "name": resource.noun,
        "name_member": resource.name_member,
        "arn_member": resource.arn_member,
        "arn_path": resource.arn_path,
    }


def _job(resource: Resource) -> Kind:
    noun = resource.arn_path.removesuffix("-job")
    return Kind(
        **_names(resource),
        lists=f"{resource.noun}s",
        listing=Listing(
            answer=f"{resource.noun}Summaries",
            name=resource.name_member,
            status=f"{resource.noun}Status",
            page=10,
        ),
        # Training and processing jobs answer alike, although the model names ResourceNotFound.
        missing=lambda _name, _arn: errors.invalid("Requested resource not found."),
        taken=lambda name, _arn: errors.in_use(
            f"Job name must be unique within an AWS account and region, and a {noun} job with "
            f"this name already exists ({name})."
        ),
        generic=frozenset({"Describe", "List"}),
    )


def _job_definition(quality: str) -> Kind:
    noun = f"{quality} quality job definition"
    return Kind(
        name=f"{quality}QualityJobDefinition",
        name_member="JobDefinitionName",
        arn_member="JobDefinitionArn",
        arn_path=f"{quality.lower()}-quality-job-definition",
        lists=f"{quality}QualityJobDefinitions",
        listing=Listing(
            answer="JobDefinitionSummaries",
            name="MonitoringJobDefinitionName",
            equals={"EndpointName": "EndpointName"},
            descending=True,
            page=10,
        ),
        missing=_resource_not_found(noun.capitalize()),
        taken=_resource_in_use(noun.capitalize()),
        generic=frozenset({"Create", "Describe", "Delete"}),
    )


PIPELINE = Kind(
    name="Pipeline",
    name_member="PipelineName",
    arn_member="PipelineArn",
    arn_path="pipeline",
    lists="Pipelines",
    listing=Listing(answer="PipelineSummaries", name="PipelineName", descending=True),
    missing=lambda _name, arn: errors.not_found(f"Pipeline '{arn}' does not exist."),
    # The SDK's Pipeline.upsert goes by this code and these words.
    taken=lambda name, _arn: errors.invalid(
        "Pipeline names must be unique within an AWS account and region. "
        f"Pipeline with name ({name}) already exists."
    ),
    constants={"PipelineStatus": "Active"},
    generic=frozenset({"List"}),
)
MODEL_PACKAGE_GROUP = Kind(
    name="ModelPackageGroup",
    name_member="ModelPackageGroupName",
    arn_member="ModelPackageGroupArn",
    arn_path="model-package-group",
    lists="ModelPackageGroups",
    listing=Listing(answer="ModelPackageGroupSummaryList", name="ModelPackageGroupName"),
    missing=lambda _name, arn: errors.invalid(f"ModelPackageGroup {arn} does not exist."),
    taken=lambda _name, arn: errors.invalid(f"Model Package Group already exists: {arn}"),
    constants={"ModelPackageGroupStatus": "Completed"},
    generic=frozenset({"Create", "Describe", "List"}),
)
MODEL_PACKAGE = Kind(
    **_names(resources.MODEL_PACKAGE),
    lists="ModelPackages",
    listing=Listing(
        answer="ModelPackageSummaryList",
        name="ModelPackageArn",
        equals={"ModelApprovalStatus": "ModelApprovalStatus"},
    ),
    missing=lambda _name, arn: errors.invalid(f"ModelPackage {arn} does not exist."),
    taken=lambda _name, arn: errors.conflict(f"Model Package already exists: {arn}"),
    generic=frozenset(),
)
MODEL = Kind(
    **_names(resources.MODEL),
    lists="Models",
    listing=Listing(answer="Models", name="ModelName", descending=True, page=10),
    missing=_could_not_find("model"),
    taken=_already("model"),
    generic=frozenset({"Describe", "List", "Delete"}),
)
ENDPOINT_CONFIG = Kind(
    **_names(resources.ENDPOINT_CONFIG),
    lists="EndpointConfigs",
    listing=Listing(answer="EndpointConfigs", name="EndpointConfigName", descending=True, page=10),
    missing=_could_not_find("endpoint configuration"),
    taken=_already("endpoint configuration"),
    generic=frozenset({"Describe", "List", "Delete"}),
)
ENDPOINT = Kind(
    **_names(resources.ENDPOINT),
    lists="Endpoints",
    listing=Listing(
        answer="Endpoints", name="EndpointName", status="EndpointStatus", descending=True, page=10
    ),
    missing=_could_not_find("endpoint"),
    taken=_already("endpoint"),
    generic=frozenset({"Describe", "List", "Delete"}),
)
MONITORING_SCHEDULE = Kind(
    name="MonitoringSchedule",
    name_member="MonitoringScheduleName",
    arn_member="MonitoringScheduleArn",
    arn_path="monitoring-schedule",
    lists="MonitoringSchedules",
    listing=Listing(
        answer="MonitoringScheduleSummaries",
        name="MonitoringScheduleName",
        status="MonitoringScheduleStatus",
        equals={
            "EndpointName": "EndpointName",
            "MonitoringJobDefinitionName": "MonitoringJobDefinitionName",
            "MonitoringTypeEquals": "MonitoringType",
        },
        descending=True,
        page=10,
    ),
    missing=_resource_not_found("Monitoring schedule"),
    taken=_resource_in_use("Monitoring schedule"),
    constants={"MonitoringScheduleStatus": "Scheduled"},
    generic=frozenset({"Describe", "List", "Delete"}),
)
PROCESSING_JOB = _job(resources.PROCESSING_JOB)
TRAINING_JOB = _job(resources.TRAINING_JOB)
TRANSFORM_JOB = _job(resources.TRANSFORM_JOB)
TUNING_JOB = _job(resources.TUNING_JOB)
DATA_QUALITY = _job_definition("Data")
MODEL_QUALITY = _job_definition("Model")

KINDS = (
    PIPELINE,
    MODEL_PACKAGE_GROUP,
    MODEL_PACKAGE,
    MODEL,
    ENDPOINT_CONFIG,
    ENDPOINT,
    MONITORING_SCHEDULE,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    TUNING_JOB,
    DATA_QUALITY,
    MODEL_QUALITY,
)


def kind_of(arn: str) -> Kind | None:
    """The kind of resource that an ARN names."""
    path = arn.split(":", 5)[-1].split("/", 1)[0]
    return next((kind for kind in KINDS if kind.arn_path == path), None)


def kind_made_by(step_type: str) -> Kind | None:
    """The kind of resource that steps of a type make; None when it is none of this table."""
    made = row_of(step_type).makes
    return next((kind for kind in KINDS if made and kind.name == made.noun), None)


def bare_name(kind: Kind, name_or_arn: str) -> str:
    """A resource's name, from it or from its ARN: many requests take either."""
    prefix = f":{kind.arn_path}/"
    return name_or_arn.split(prefix, 1)[1] if prefix in name_or_arn else name_or_arn
