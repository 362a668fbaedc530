"""AddTags, ListTags, DeleteTags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import table
from ratchet.local_cloud.sagemaker.errors import invalid
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_LIMIT = 50


def _add(api: Api, scope: AccountScope, request: Request) -> Answer:
    arn = _existing(api, scope, request["ResourceArn"])
    with api.store.transaction():
        merged = {tag["Key"]: tag["Value"] for tag in api.tags(scope, arn)}
        merged.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
        if len(merged) > _LIMIT:
            raise invalid(f"A resource can have {_LIMIT} tags; this would make {len(merged)}.")
        api.set_tags(scope, arn, [{"Key": k, "Value": v} for k, v in merged.items()])
    return {"Tags": api.tags(scope, arn)}


def _list(api: Api, scope: AccountScope, request: Request) -> Answer:
    return {"Tags": api.tags(scope, _existing(api, scope, request["ResourceArn"]))}


def _delete(api: Api, scope: AccountScope, request: Request) -> Answer:
    arn = _existing(api, scope, request["ResourceArn"])
    remaining = [tag for tag in api.tags(scope, arn) if tag["Key"] not in request["TagKeys"]]
    api.set_tags(scope, arn, remaining)
    return {}


def _existing(api: Api, scope: AccountScope, arn: str) -> str:
    kind = table.kind_of(arn)
    if kind is None:
        raise invalid(f"The local cloud keeps no tags for {arn}.")
    existing_arn: str = api.get(scope, kind, arn)[kind.arn_member]
    if kind is table.MODEL_PACKAGE:
        raise invalid(
            f"A versioned model package has no tags of its own: tag its group instead ({arn})."
        )
    return existing_arn


OPERATIONS: dict[str, Handler] = {"AddTags": _add, "ListTags": _list, "DeleteTags": _delete}
