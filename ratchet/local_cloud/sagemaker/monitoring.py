"""Model Monitor's job definitions, schedules and executions: what their operations answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker.errors import invalid, not_found
from ratchet.local_cloud.sagemaker.listing import Listing, page_of
from ratchet.local_cloud.sagemaker.monitors.observer import EXECUTION
from ratchet.local_cloud.sagemaker.monitors.runs import KINDS
from ratchet.local_cloud.sagemaker.monitors.windows import timetable_of
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import (
    DATA_QUALITY,
    ENDPOINT,
    MODEL_QUALITY,
    MONITORING_SCHEDULE,
    Kind,
)

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request
    from ratchet.local_cloud.sagemaker.switches import Switches

_EXECUTIONS = Listing(
    answer="MonitoringExecutionSummaries",
    name="JobName",
    status="MonitoringExecutionStatus",
    equals={
        "MonitoringScheduleName": "MonitoringScheduleName",
        "EndpointName": "EndpointName",
        "MonitoringJobDefinitionName": "MonitoringJobDefinitionName",
        "MonitoringTypeEquals": "MonitoringType",
    },
    descending=True,
    page=10,
)
_CLOSED = (
    "Amazon SageMaker Model Monitor is no longer available to new customers. Existing customers "
    "can continue to use it."
)


def operations(switches: Switches) -> dict[str, Handler]:
    """The operations; ``switches`` may close Model Monitor as AWS has for new customers."""

    def open_only(handler: Handler) -> Handler:
        def checked(api: Api, scope: AccountScope, request: Request) -> Answer:
            if switches.monitoring_closed:
                raise invalid(_CLOSED)
            return handler(api, scope, request)

        return checked

    return {
        "CreateDataQualityJobDefinition": open_only(_definer(DATA_QUALITY)),
        "CreateModelQualityJobDefinition": open_only(_definer(MODEL_QUALITY)),
        "CreateMonitoringSchedule": open_only(_create),
        "UpdateMonitoringSchedule": _update,
        "StartMonitoringSchedule": _setting("Scheduled"),
        "StopMonitoringSchedule": _setting("Stopped"),
        "ListMonitoringExecutions": _list_executions,
        "ListDataQualityJobDefinitions": _lister(DATA_QUALITY),
        "ListModelQualityJobDefinitions": _lister(MODEL_QUALITY),
    }


def _definer(kind: Kind) -> Handler:
    def handler(api: Api, scope: AccountScope, request: Request) -> Answer:
        name = _endpoint_of(kind, request)
        if name is not None:
            endpoint = api.get(scope, ENDPOINT, name)
            if not (endpoint.get("DataCaptureConfig") or {}).get("EnableCapture"):
                raise invalid(
                    f'Endpoint "{name}" does not capture data: its configuration needs a '
                    "DataCaptureConfig with EnableCapture."
                )
        return api.create(scope, kind, request)

    return handler


def _create(api: Api, scope: AccountScope, request: Request) -> Answer:
    members = _shown(api, scope, request["MonitoringScheduleConfig"])
    return api.create(scope, MONITORING_SCHEDULE, request, members)


def _update(api: Api, scope: AccountScope, request: Request) -> Answer:
    config = request["MonitoringScheduleConfig"]
    changes = {"MonitoringScheduleConfig": config, **_shown(api, scope, config)}
    return api.change(scope, MONITORING_SCHEDULE, request["MonitoringScheduleName"], changes)


def _setting(status: str) -> Handler:
    def handler(api: Api, scope: AccountScope, request: Request) -> Answer:
        changes = {"MonitoringScheduleStatus": status}
        return api.change(scope, MONITORING_SCHEDULE, request["MonitoringScheduleName"], changes)

    return handler


def _shown(api: Api, scope: AccountScope, config: Body) -> Body:
    """What a schedule shows beside its configuration, from the job definition it names."""
    plan = config.get("ScheduleConfig")
    if plan is None:
        raise invalid("ScheduleConfig is required: say when the schedule runs.")
    if timetable_of(plan["ScheduleExpression"]) is None and not (
        "DataAnalysisStartTime" in plan and "DataAnalysisEndTime" in plan
    ):
        raise invalid("NOW needs DataAnalysisStartTime and DataAnalysisEndTime.")
    name = config.get("MonitoringJobDefinitionName")
    if name is None:
        if "MonitoringJobDefinition" not in config:
            raise invalid("Give MonitoringJobDefinitionName or MonitoringJobDefinition.")
        return {"MonitoringType": config.get("MonitoringType", "DataQuality")}
    kind = KINDS.get(config.get("MonitoringType", "DataQuality"))
    if kind is None:
        raise invalid(
            f"The local cloud knows MonitoringType {', '.join(KINDS)}; "
            f"got {config['MonitoringType']}."
        )
    definition = api.store.get(scope, kind.name, name)
    if definition is None:
        raise not_found(f"Job definition {name} of type {config['MonitoringType']} not found.")
    return {
        "MonitoringType": config["MonitoringType"],
        "MonitoringJobDefinitionName": name,
        "EndpointName": _endpoint_of(kind, definition),
    }


def _endpoint_of(kind: Kind, definition: Body) -> str | None:
    job_input: dict[str, Any] = definition.get(f"{kind.name.removesuffix('Definition')}Input", {})
    endpoint: str | None = job_input.get("EndpointInput", {}).get("EndpointName")
    return endpoint


def _lister(kind: Kind) -> Handler:
    def handler(api: Api, scope: AccountScope, request: Request) -> Answer:
        summaries = [
            {
                "MonitoringJobDefinitionName": definition["JobDefinitionName"],
                "MonitoringJobDefinitionArn": definition["JobDefinitionArn"],
                "CreationTime": definition["CreationTime"],
                "EndpointName": _endpoint_of(kind, definition) or "",
            }
            for definition in api.store.all(scope, kind.name)
        ]
        return page_of(kind.listing, summaries, request)

    return handler


def _list_executions(api: Api, scope: AccountScope, request: Request) -> Answer:
    return page_of(_EXECUTIONS, api.store.all(scope, EXECUTION), request)
