"""AWS's REST protocol in JSON, read and written by a botocore model (pure).

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from ratchet.local_cloud.sagemaker.errors import ApiError

_CONTENT_TYPE = "application/json"
_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


class Payload(bytes):
    """The body of an answer, with headers that no shape declares."""

    headers: Mapping[str, str] = MappingProxyType({})


class Routes:
    """The operations of a service by method and path."""

    def __init__(self, model: ServiceModel) -> None:
        self._routes = [_route(model.operation_model(name)) for name in model.operation_names]
        # Of two that fit, the one with more text of its own: /model/x/invoke, not /model/x.
        self._routes.sort(key=lambda route: -len(route[3].http["requestUri"]))

    def find(self, method: str, path: str) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation of a request, and the members that its path holds."""
        for verb, pattern, names, operation in self._routes:
            matched = pattern.fullmatch(path) if verb == method else None
            if matched:
                values = (unquote(value) for value in matched.groups())
                return operation, dict(zip(names, values, strict=True))
        return None


def request_of(
    operation: OperationModel,
    in_path: Mapping[str, str],
    query: Mapping[str, list[str]],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    """The members of a request. ``headers`` have lower-case names. Raises ApiError."""
    shape = operation.input_shape
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    request = {payload: body} if payload else _parsed(body)
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        wire_name = member.serialization.get("name", name)
        text = None
        if location == "uri":
            text = in_path.get(wire_name)
        elif location == "querystring":
            text = next(iter(query.get(wire_name, ())), None)
        elif location == "header":
            text = headers.get(wire_name.lower())
        if location:
            request.pop(name, None)
        if text is not None:
            request[name] = _converted(member, text)
    return request


def answer_of(
    operation: OperationModel, answer: Mapping[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    shape = operation.output_shape
    headers = {"Content-Type": _CONTENT_TYPE}
    status = int(operation.http.get("responseCode", 200))
    if shape is None:
        return status, headers, b"{}"
    payload = shape.serialization.get("payload")
    in_body = {}
    for name, value in answer.items():
        member = shape.members[name]
        if member.serialization.get("location") == "header":
            headers[member.serialization["name"]] = str(value)
        elif name != payload:
            in_body[name] = written(member, value)
    if payload is None:
        return status, headers, json.dumps(in_body).encode()
    body = answer[payload]
    return status, {**headers, **getattr(body, "headers", {})}, bytes(body)


def written(shape: Shape, value: Any) -> Any:
    """A member as its JSON has it: times as the shape says, epoch seconds or ISO 8601."""
    if isinstance(shape, StructureShape):
        return {name: written(shape.members[name], item) for name, item in value.items()}
    if isinstance(shape, ListShape):
        return [written(shape.member, item) for item in value]
    if shape.type_name == "timestamp" and shape.serialization.get("timestampFormat") == "iso8601":
        moment = dt.datetime.fromtimestamp(value, dt.UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def _route(operation: OperationModel) -> tuple[str, re.Pattern[str], list[str], OperationModel]:
    template = operation.http["requestUri"].partition("?")[0]
    names = re.findall(r"{(\w+)\+?}", template)
    # An ARN in a path may come decoded, with its slashes.
    pattern = re.sub(r"\\{\w+(?:\\\+)?\\}", "(.+)", re.escape(template))
    return operation.http["method"], re.compile(pattern), names, operation


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ApiError("SerializationException", "The request is not a JSON object.")
    return content


def _converted(shape: Shape, text: str) -> Any:
    if shape.type_name in _NUMBERS:
        try:
            return _NUMBERS[shape.type_name](text)
        except ValueError:
            message = f"{text!r} can not be converted to {shape.type_name}"
            raise ApiError("SerializationException", message) from None
    if shape.type_name == "boolean":
        return text == "true"
    return text
