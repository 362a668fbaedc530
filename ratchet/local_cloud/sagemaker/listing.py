"""List operations: the filters, sorting and paging that SageMaker's List* calls have in common."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.local_cloud.sagemaker.errors import invalid
from ratchet.local_cloud.sagemaker.shapes import epoch

Body = dict[str, Any]
_DEFAULT_PAGE = 100

# request member → (time member of the resource, is the bound a lower one)
_TIMES = {
    "CreationTimeAfter": ("CreationTime", True),
    "CreationTimeBefore": ("CreationTime", False),
    "CreatedAfter": ("CreationTime", True),
    "CreatedBefore": ("CreationTime", False),
    "LastModifiedTimeAfter": ("LastModifiedTime", True),
    "LastModifiedTimeBefore": ("LastModifiedTime", False),
    "ScheduledTimeAfter": ("ScheduledTime", True),
    "ScheduledTimeBefore": ("ScheduledTime", False),
}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How one List* operation reads its resources.

    ``answer``: output member that holds the page. ``name`` and ``status``: members of the resource
    behind ``SortBy: Name | Status``, ``NameContains`` and ``StatusEquals``. ``equals``: request
    member → resource member that must be equal. ``descending``: the order when none is asked for,
    as the API reference gives it for the operation. ``page``: the default of ``MaxResults``.
    """

    answer: str
    name: str
    status: str = ""
    equals: Mapping[str, str] = field(default_factory=dict)
    descending: bool = False
    page: int = _DEFAULT_PAGE


def page_of(
    listing: Listing, resources: Iterable[Body], request: Mapping[str, Any]
) -> dict[str, Any]:
    """The page of ``resources`` (given oldest first) that ``request`` asks for.

    ``NextToken`` names the last resource of the page before, not a count, so that what is created
    or deleted between two calls neither repeats nor hides another resource.
    """
    chosen = [body for body in resources if _selected(listing, body, request)]
    chosen.sort(key=_sort_key(listing, request))
    order = request.get("SortOrder")
    if order == "Descending" or (order is None and listing.descending):
        chosen.reverse()
    start = _start(listing, chosen, request.get("NextToken"))
    end = start + (request.get("MaxResults") or listing.page)
    answer: dict[str, Any] = {listing.answer: chosen[start:end]}
    if end < len(chosen):
        answer["NextToken"] = _token(str(chosen[end - 1][listing.name]), end)
    return answer


def _selected(listing: Listing, body: Body, request: Mapping[str, Any]) -> bool:
    name = str(body.get(listing.name, ""))
    contains = request.get("NameContains")
    if contains and contains.lower() not in name.lower():
        return False
    prefix = request.get("PipelineNamePrefix")
    if prefix and not name.startswith(prefix):
        return False
    status = request.get("StatusEquals")
    if status and body.get(listing.status) != status:
        return False
    for filter_name, member in listing.equals.items():
        if request.get(filter_name) is not None and body.get(member) != request[filter_name]:
            return False
    for filter_name, (member, after) in _TIMES.items():
        if request.get(filter_name) is None:
            continue
        bound, moment = epoch(request[filter_name]), epoch(body.get(member, 0.0))
        if (moment <= bound) if after else (moment >= bound):
            return False
    return True


def _sort_key(listing: Listing, request: Mapping[str, Any]) -> Callable[[Body], Any]:
    by = request.get("SortBy") or "CreationTime"
    if by == "Name":
        return lambda body: str(body.get(listing.name, ""))
    if by == "Status":
        return lambda body: str(body.get(listing.status, ""))
    if by == "PipelineExecutionArn":
        return lambda body: str(body.get("PipelineExecutionArn", ""))
    # Python's sort is stable, so resources of the same instant keep the order they were made in.
    return lambda body: float(body.get(by, 0.0))


def _token(name: str, position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, position]).encode()).decode()


def _start(listing: Listing, chosen: list[Body], token: str | None) -> int:
    if not token:
        return 0
    try:
        name, position = json.loads(base64.urlsafe_b64decode(token.encode()))
        position = int(position)
    except ValueError:
        raise invalid("The NextToken is not valid. Use the one of the page before.") from None
    for index, body in enumerate(chosen):
        if body[listing.name] == name:
            return index + 1
    return min(position, len(chosen))
