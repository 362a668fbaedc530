"""Log groups that a template does not name: CloudFormation names them as their stack and id say.

Policies of people name log groups by the start of these names, `<stack>-<logical id>-`. MiniStack
names them `/aws/cloudformation/<stack>/<logical id>`.
"""

from __future__ import annotations

from typing import Any

KIND = "AWS::Logs::LogGroup"
_NAME = "LogGroupName"
_LONGEST = 512

Properties = dict[str, Any]
Created = tuple[str, Properties]


def install(provisioners: Any) -> None:
    """Give MiniStack's handlers the name. A group that exists keeps the one it has."""
    handlers = provisioners._RESOURCE_HANDLERS[KIND]
    create, update = handlers["create"], handlers["update"]

    def generated(stack_name: str, logical_id: str) -> str:
        return str(provisioners._physical_name(stack_name, logical_id, max_len=_LONGEST))

    def created(logical_id: str, properties: Properties, stack_name: str) -> Created:
        name = properties.get(_NAME) or generated(stack_name, logical_id)
        answer: Created = create(logical_id, {**properties, _NAME: name}, stack_name)
        return answer

    def updated(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str
    ) -> Created:
        unnamed = generated(stack_name, logical_id) if old.get(_NAME) else physical_id
        named = {**new, _NAME: new.get(_NAME) or unnamed}
        answer: Created = update(physical_id, old, named, stack_name, logical_id)
        return answer

    provisioners._RESOURCE_HANDLERS[KIND] = {
        **handlers,
        "create": created,
        "update": updated,
        "update_with_logical_id": True,
    }
