"""What type each call of a function gives, where a definition and the service's model say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.definition import references, service_model
from ratchet.definition.document import Document
from ratchet.definition.expressions import GET, JOIN
from ratchet.definition.references import EXECUTION, PARAMETERS, STEPS, Reference
from ratchet.definition.row import Properties

PARAMETER_TYPES = {
    "string": "String",
    "timestamp": "String",
    "integer": "Integer",
    "long": "Integer",
    "float": "Float",
    "double": "Float",
    "boolean": "Boolean",
}
"""Types of the API's shapes → types of pipeline parameters."""


def type_of(call: Mapping[str, Any], document: Document) -> str | None:
    """String, Integer, Float, Boolean, or the API's structure, list, map; None: unknown."""
    if JOIN in call:
        return "String"
    text = call.get(GET)
    if not isinstance(text, str):
        return None
    reference = references.parse(text)
    if reference.fault:
        return None
    if reference.root == EXECUTION:
        return "String"
    if reference.root == PARAMETERS:
        parameter = document.parameters_by_name.get(reference.name)
        return parameter.type if parameter else None
    return _type_of_property(reference, document) if reference.root == STEPS else None


def _type_of_property(reference: Reference, document: Document) -> str | None:
    step = document.by_name.get(reference.name)
    if step is None:
        return None
    if reference.output_parameter in step.output_parameters:
        return step.output_parameters[str(reference.output_parameter)]
    if step.row.properties is Properties.LISTED:
        return "String"
    described = service_model.describe_shape(step.type)
    if described is None:
        return None
    try:
        kind = str(service_model.follow(described, reference.path)["type"])
    except service_model.PathError:
        return None
    return PARAMETER_TYPES.get(kind, kind)
