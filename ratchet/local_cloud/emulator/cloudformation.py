"""The AWS::SageMaker resource types of CloudFormation, one row each.

MiniStack replaces, refuses to replace custom-named resources, tags and rolls back by its own
tables; the rows here are entries in them. Ref, GetAtt and what forces a replacement are those of
CloudFormation's resource schemas (primaryIdentifier, readOnlyProperties, createOnlyProperties).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.model import ServiceModel, Shape
from ministack.services.cloudformation import provisioners, stacks

from ratchet.local_cloud.emulator import stacks as operations
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.sagemaker import table
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.service import SageMaker
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.table import Kind

_LOG = logging.getLogger("ratchet.cloudformation")
_MAX_NAME = 63
_STACK_ID, _LOGICAL_ID = "aws:cloudformation:stack-id", "aws:cloudformation:logical-id"

Properties = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A resource type. ``replaced_by``: the properties that replace it, None for all but tags."""

    kind: Kind
    replaced_by: tuple[str, ...] | None = None
    ref_is_name: bool = False
    tags_replace: bool = False
    prepare: Callable[[Properties], Properties] = dict


def _pipeline(properties: Properties) -> Properties:
    """The definition as the API takes it; in templates its members are below one property."""
    properties = dict(properties)
    definition = properties.pop("PipelineDefinition", {})
    if isinstance(definition, str):
        definition = json.loads(definition)
    if "PipelineDefinitionBody" in definition:
        properties["PipelineDefinition"] = definition["PipelineDefinitionBody"]
    location = definition.get("PipelineDefinitionS3Location")
    if location:
        properties["PipelineDefinitionS3Location"] = {
            "Bucket": location["Bucket"],
            "ObjectKey": location["Key"],
            **({"VersionId": location["Version"]} if "Version" in location else {}),
        }
    return properties


_ROWS = (
    _Row(
        kind=table.MODEL_PACKAGE_GROUP,
        replaced_by=("ModelPackageGroupName", "ModelPackageGroupDescription"),
    ),
    _Row(kind=table.PIPELINE, replaced_by=("PipelineName",), ref_is_name=True, prepare=_pipeline),
    _Row(kind=table.MODEL),
    _Row(kind=table.ENDPOINT_CONFIG),
    _Row(kind=table.ENDPOINT, replaced_by=("EndpointName",)),
    _Row(kind=table.DATA_QUALITY, tags_replace=True),
    _Row(kind=table.MODEL_QUALITY, tags_replace=True),
    _Row(kind=table.MONITORING_SCHEDULE, replaced_by=("MonitoringScheduleName",)),
)


def install(sagemaker: SageMaker, model: ServiceModel) -> None:
    """Teach MiniStack's CloudFormation the types of SageMaker."""
    for row in _ROWS:
        resource = f"AWS::SageMaker::{row.kind.name}"
        handlers = _Handlers(sagemaker, model, row)
        provisioners._RESOURCE_HANDLERS[resource] = {
            "create": handlers.create,
            "update": handlers.update,
            "delete": handlers.delete,
        }
        provisioners._REPLACING_PROPERTIES[resource] = (
            _AllBut(() if row.tags_replace else ("Tags",))
            if row.replaced_by is None
            else row.replaced_by
        )
        provisioners._CUSTOM_NAME_REPLACEMENT[resource] = {"name": row.kind.name_member}
        provisioners._STACK_TAG_PROPERTY[resource] = ("Tags", "list")
    _wait_off_the_loop(f"AWS::SageMaker::{table.ENDPOINT.name}")


def _wait_off_the_loop(resource: str) -> None:
    """An endpoint is waited for, so it is provisioned in a thread; its alarms need the loop."""
    blocking = stacks._runs_on_worker_thread
    if not blocking(resource):
        stacks._runs_on_worker_thread = lambda kind: kind == resource or blocking(kind)


class _AllBut(tuple[str, ...]):
    """Contains every name but its own."""

    def __contains__(self, name: object) -> bool:
        return not super().__contains__(name)


class _Handlers:
    """MiniStack's create, update and delete of one resource type."""

    def __init__(self, sagemaker: SageMaker, model: ServiceModel, row: _Row) -> None:
        self._api = sagemaker.api
        self._hosting = sagemaker.hosting
        self._model = model
        self._row = row
        self._kind = row.kind

    def create(
        self, logical_id: str, properties: Properties, stack_name: str
    ) -> tuple[str, Properties]:
        """Make the resource; answers its physical id and its attributes."""
        name = properties.get(self._kind.name_member) or provisioners._physical_name(
            stack_name, logical_id, max_len=_MAX_NAME
        )
        if operations.resumed.get() and self._is_ours(name, properties):
            return self._adopted(name, properties, stack_name)
        self._call(f"Create{self._kind.name}", {**properties, self._kind.name_member: name})
        self._set_policy(name, properties)
        if self._kind is table.ENDPOINT:
            self._wait_for_creation(name)
        return self._described(name)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack_name: str
    ) -> tuple[str, Properties]:
        """Change the resource in place; what would replace it does not come here."""
        del stack_name
        name = table.bare_name(self._kind, physical_id)
        if _without_tags(old) != _without_tags(new):
            update = f"Update{self._kind.name}"
            if update in self._api.operations and not self._is_updated(name, new):
                self._call(update, {**new, self._kind.name_member: name})
            if self._kind is table.ENDPOINT:
                self._wait_for_update(name, new["EndpointConfigName"])
            self._set_policy(name, new)
        scope = current_scope()
        arn = self._api.get(scope, self._kind, name)[self._kind.arn_member]
        self._api.set_tags(scope, arn, [*_tags(new)])
        return self._described(name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Remove the resource; one that has gone already is no error."""
        del properties
        name = table.bare_name(self._kind, physical_id)
        scope = current_scope()
        if self._api.store.get(scope, self._kind.name, name) is None:
            _LOG.info("%s %s was deleted outside of its stack", self._kind.name, name)
            return
        self._request(scope, f"Delete{self._kind.name}", {self._kind.name_member: name})

    def _is_ours(self, name: str, properties: Properties) -> bool:
        """Whether the interrupted operation made the resource: its tags tell, which are committed
        with it."""
        scope = current_scope()
        body = self._api.store.get(scope, self._kind.name, name)
        if body is None:
            return False
        ours = {tag["Key"]: tag["Value"] for tag in _tags(properties)}
        theirs = _owner(self._api, scope, body[self._kind.arn_member])
        return all(theirs.get(key) == ours.get(key, "") for key in (_STACK_ID, _LOGICAL_ID))

    def _adopted(
        self, name: str, properties: Properties, stack_name: str
    ) -> tuple[str, Properties]:
        """What the interrupted operation made, with the properties of now: updated, or made anew
        where its kind has no update, or where an endpoint did not come to serve."""
        _LOG.warning("%s %s was made before the kill", self._kind.name, name)
        updates = f"Update{self._kind.name}" in self._api.operations
        serves = (
            self._kind is not table.ENDPOINT
            or self._hosting.settled(current_scope(), name)["EndpointStatus"] == "InService"
        )
        if serves and (updates or self._row.replaced_by is not None):
            return self.update(name, {}, properties, stack_name)
        self.delete(name, properties)
        return self.create("", {**properties, self._kind.name_member: name}, stack_name)

    def _is_updated(self, name: str, properties: Properties) -> bool:
        """Whether the interrupted operation's update of an endpoint went through after all."""
        if self._kind is not table.ENDPOINT or not operations.resumed.get():
            return False
        endpoint = self._hosting.settled(current_scope(), name)
        return bool(
            endpoint["EndpointStatus"] == "InService"
            and endpoint["EndpointConfigName"] == _name_of_config(properties["EndpointConfigName"])
        )

    def _wait_for_creation(self, name: str) -> None:
        scope = current_scope()
        endpoint = self._hosting.settled(scope, name)
        if endpoint["EndpointStatus"] != "InService":
            # The stack has no record of a resource that failed, so nobody else would delete it.
            self._request(scope, "DeleteEndpoint", {"EndpointName": name})
            raise ValueError(endpoint.get("FailureReason", "the endpoint is not in service"))

    def _wait_for_update(self, name: str, config: str) -> None:
        """SageMaker ends a rolled-back update InService: only its configuration tells."""
        endpoint = self._hosting.settled(current_scope(), name)
        served = endpoint["EndpointConfigName"]
        if endpoint["EndpointStatus"] != "InService" or served != _name_of_config(config):
            raise ValueError(endpoint.get("FailureReason", f"the endpoint still serves {served}"))

    def _call(self, operation: str, properties: Properties) -> None:
        prepared = {**self._row.prepare(properties), "Tags": [*_tags(properties)]}
        shape = self._model.operation_model(operation).input_shape
        self._request(current_scope(), operation, fitted(shape, prepared))

    def _request(self, scope: AccountScope, operation: str, request: Properties) -> None:
        shape = self._model.operation_model(operation).input_shape
        members: dict[str, Shape] = shape.members if shape else {}
        if "ClientRequestToken" in members:
            token = provisioners.new_uuid()
            request = {**request, "ClientRequestToken": token}
        try:
            self._api.call(scope, operation, request)
        except ApiError as error:
            # MiniStack shows a ValueError's text as the reason of the failed resource.
            raise ValueError(
                f"{error.message} (Service: SageMaker, Error Code: {error.code})"
            ) from None

    def _set_policy(self, name: str, properties: Properties) -> None:
        if self._kind is not table.MODEL_PACKAGE_GROUP:
            return
        policy = properties.get("ModelPackageGroupPolicy")
        if policy is not None:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            request = {"ModelPackageGroupName": name, "ResourcePolicy": text}
            self._request(current_scope(), "PutModelPackageGroupPolicy", request)

    def _described(self, name: str) -> tuple[str, Properties]:
        body = self._api.get(current_scope(), self._kind, name)
        arn = body[self._kind.arn_member]
        attributes = {
            self._kind.name_member: name,
            self._kind.arn_member: arn,
            "CreationTime": str(body["CreationTime"]),
            "LastModifiedTime": str(body["LastModifiedTime"]),
        }
        status = f"{self._kind.name}Status"
        if status in body:
            attributes[status] = body[status]
        return (name if self._row.ref_is_name else arn), attributes


def sweep(sagemaker: SageMaker, model: ServiceModel) -> operations.Sweep:
    """What deletes the resources that an interrupted operation made and no record has."""
    api = sagemaker.api

    def delete_unrecorded(stack: dict[str, Any], since: float, recorded: set[str]) -> None:
        scope = current_scope()
        for row in reversed(_ROWS):
            for body in api.store.all(scope, row.kind.name):
                name, arn = body[row.kind.name_member], body[row.kind.arn_member]
                if body["CreationTime"] < round(since, 3) or {name, arn} & recorded:
                    continue
                if _owner(api, scope, arn).get(_STACK_ID) == stack["StackId"]:
                    _LOG.warning("%s %s is in no stack: deleted", row.kind.name, name)
                    _Handlers(sagemaker, model, row).delete(name, {})

    return delete_unrecorded


def _owner(api: Api, scope: AccountScope, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in api.tags(scope, arn)}


def _name_of_config(name_or_arn: str) -> str:
    return table.bare_name(table.ENDPOINT_CONFIG, name_or_arn)


def fitted(shape: Shape | None, value: Any) -> Any:
    """``value`` with the scalar types of ``shape``: a template's parameters are all text."""
    if shape is None or value is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
        return {name: fitted(members.get(name), item) for name, item in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [fitted(shape.member, item) for item in value]  # type: ignore[attr-defined]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: fitted(shape.value, item) for key, item in value.items()}  # type: ignore[attr-defined]
    try:
        return _fitted_scalar(shape.type_name, value)
    except ValueError:
        return value  # the request's check says what is wrong with it


def _fitted_scalar(kind: str, value: Any) -> Any:
    if isinstance(value, str):
        if kind in {"integer", "long"}:
            return int(value)
        if kind in {"float", "double"}:
            return float(value)
        if kind == "boolean" and value.lower() in {"true", "false"}:
            return value.lower() == "true"
    elif kind == "string" and isinstance(value, bool | int | float):
        return json.dumps(value)
    return value


def _tags(properties: Properties) -> Iterator[dict[str, str]]:
    for tag in properties.get("Tags") or []:
        yield {"Key": tag["Key"], "Value": str(tag["Value"])}


def _without_tags(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if name != "Tags"}
