"""Labels for a deployment's roles, after their users, and the role that a name means. Pure."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ratchet.deployment.errors import UnknownNameError
from ratchet.deployment.roles.use import Role

ROLE = "AWS::IAM::Role"
_PATH = "aws:cdk:path"
_HOLDERS = ("Role", "RoleArn", "ExecutionRoleArn")
"""Properties that name the role which a resource acts as."""

Resource = Mapping[str, Any]


def _function(resource: Resource, physical_id: str) -> str:
    handler = str(resource["Properties"].get("Handler") or "")
    return f"{handler.partition('.')[0] or physical_id} function"


def _pipeline(resource: Resource, physical_id: str) -> str:
    name = resource["Properties"].get("PipelineName")
    return f"{name if isinstance(name, str) else physical_id} pipeline"


_ACTORS: Mapping[str, Callable[[Resource, str], str]] = {
    "AWS::Lambda::Function": _function,
    "AWS::SageMaker::Pipeline": _pipeline,
    "AWS::SageMaker::Model": lambda *_: "endpoint",
    "AWS::SageMaker::DataQualityJobDefinition": lambda *_: "model monitor",
    "AWS::SageMaker::ModelQualityJobDefinition": lambda *_: "model monitor",
    "AWS::SageMaker::MonitoringSchedule": lambda *_: "model monitor",
}
"""Who acts as a role, in the order of how well it is known."""


def labels(
    resources: Mapping[str, Resource], physical_ids: Mapping[str, str], *, prefix: str
) -> dict[str, str]:
    """The labels of a stack's roles, by their logical ids.

    Args:
        resources: of the stack's template, by their logical ids.
        physical_ids: of what is deployed of them; a role that is not deployed is left out.
        prefix: of the environment's names, with the hyphen: `shop-dev-`.
    """
    return {
        logical_id: _label(logical_id, resources, physical_ids).removeprefix(prefix)
        for logical_id, resource in resources.items()
        if resource.get("Type") == ROLE and logical_id in physical_ids
    }


def _label(role: str, resources: Mapping[str, Resource], physical_ids: Mapping[str, str]) -> str:
    for kind, label in _ACTORS.items():
        for logical_id, resource in resources.items():
            if resource.get("Type") == kind and role in _held(resource.get("Properties")):
                return label(resource, physical_ids.get(logical_id, logical_id))
    return _place(role, resources[role])


def _held(value: Any) -> Iterator[str]:
    """Logical ids of the roles that properties hold."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _HOLDERS and isinstance(inner, Mapping):
                attribute = inner.get("Fn::GetAtt")
                yield str(attribute[0] if isinstance(attribute, list) else inner.get("Ref"))
            else:
                yield from _held(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _held(inner)


def _place(logical_id: str, resource: Resource) -> str:
    """`monitoring schedule`: where a role stands, if nothing known acts as it."""
    path = (resource.get("Metadata") or {}).get(_PATH, "")
    parts = path.split("/")[2:] if path else [re.sub(r"[0-9A-F]{8}$", "", logical_id)]
    words = [word for part in parts for word in re.findall(r"[A-Z]*[a-z0-9]+|[A-Z]+", part)]
    telling = [word.lower() for word in words if word not in ("Role", "Resource")]
    return " ".join(dict.fromkeys(telling)) or logical_id


def distinct(names: Sequence[tuple[str, str]]) -> list[str]:
    """Labels that differ, given stack and label: `start_pipeline function of evaluation`."""
    counts = Counter(label for _, label in names)
    return [f"{label} of {stack}" if counts[label] > 1 else label for stack, label in names]


def find(
    roles: Sequence[Role], text: str, *, command: Callable[[str], str] = "ratchet {}".format
) -> Role:
    """The role with this label or a part of it, name, logical id or ARN.

    Raises:
        UnknownNameError: there is none, or more than one.
    """
    words = _words(text)
    whole = [role for role in roles if words in map(_words, _identifiers(role))]
    partly = whole or [
        role for role in roles if set(words) <= {*_words(role.label), *_words(role.stack)}
    ]
    if len(partly) == 1:
        return partly[0]
    if partly:
        listed = "\n".join(f"  {command(f'permissions {role.label}')}" for role in partly)
        raise UnknownNameError(f"{text!r} may be {len(partly)} roles. Name one:\n{listed}")
    names = {" ".join(_words(name)): role.label for role in roles for name in _identifiers(role)}
    for role in roles:
        names.setdefault(" ".join(_words(role.label)[:-1]), role.label)
    near = difflib.get_close_matches(" ".join(words), names, n=3, cutoff=0.5)
    close = list(dict.fromkeys(names[name] for name in near))
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise UnknownNameError(f"no role {text!r}.{hint} To list them: {command('permissions')}")


def _identifiers(role: Role) -> tuple[str, ...]:
    return (role.label, role.name, role.arn, role.logical_id)


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"[\s_-]+", text.strip().lower()))
