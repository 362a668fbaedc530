"""Cost Explorer of a cloud that costs nothing.

The cost allocation tags of an account can be looked at and activated. There is no bill, so what
asks for it is told so, by the error that AWS has for data it cannot give.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ratchet.local_cloud.billing.pages import page
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

_INACTIVE = "Inactive"
_USER_DEFINED, _BY_AWS = "UserDefined", "AWSGenerated"


class CostExplorer:
    """`now`: seconds since 1970. Which tags are active is forgotten with the process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._tags: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def get_cost_and_usage(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        del scope, request
        raise ApiError(
            "DataUnavailableException",
            "The local cloud has no bill: nothing that runs here is paid for. "
            "Ask an account of AWS for what Cost Explorer says.",
        )

    def list_cost_allocation_tags(
        self, scope: AccountScope, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Lists every requested key; AWS would list only keys that its resources carry."""
        with self._lock:
            recorded_tags = {
                key: dict(tag)
                for (account, key), tag in self._tags.items()
                if account == scope.account
            }
        keys = request.get("TagKeys") or sorted(recorded_tags)
        tags = [recorded_tags.get(key) or _tag(key, _INACTIVE) for key in keys]
        for member in ("Status", "Type"):
            if member in request:
                tags = [tag for tag in tags if tag[member] == request[member]]
        chosen, token = page(tags, request.get("NextToken"), request.get("MaxResults", 100))
        return {"CostAllocationTags": chosen, "NextToken": token}

    def update_cost_allocation_tags_status(
        self, scope: AccountScope, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        moment = dt.datetime.fromtimestamp(self._now(), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._lock:
            for entry in request["CostAllocationTagsStatus"]:
                tag = {**_tag(entry["TagKey"], entry["Status"]), "LastUpdatedDate": moment}
                self._tags[scope.account, entry["TagKey"]] = tag
        return {"Errors": []}

    def reset(self) -> None:
        """Forget which tags are active."""
        with self._lock:
            self._tags.clear()


def _tag(key: str, status: str) -> dict[str, Any]:
    kind = _BY_AWS if key.startswith("aws:") else _USER_DEFINED
    return {"TagKey": key, "Type": kind, "Status": status}
