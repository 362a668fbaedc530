"""A topic's KMS key in a template, which MiniStack leaves out: a publisher needs permission to
use it.

https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPE = "AWS::SNS::Topic"
_KEY = "KmsMasterKeyId"


def install(sns: Any, provisioners: Any) -> None:
    """Keep the key of each topic that a template makes or changes."""
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        answer = create(logical_id, properties, stack)
        _keep(sns, answer[0], properties)
        return answer

    def updated(
        arn: str,
        before: Mapping[str, Any],
        properties: Mapping[str, Any],
        *arguments: Any,
        **named: Any,
    ) -> Any:
        answer = update(arn, before, properties, *arguments, **named)
        replaced = isinstance(answer, tuple) and answer[0]
        _keep(sns, replaced or arn, properties)
        return answer

    handlers["create"], handlers["update"] = created, updated


def _keep(sns: Any, arn: str, properties: Mapping[str, Any]) -> None:
    attributes = sns._topics[arn]["attributes"]
    if properties.get(_KEY):
        attributes[_KEY] = properties[_KEY]
    else:
        attributes.pop(_KEY, None)
