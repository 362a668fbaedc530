"""Filters, order and pages of List operations."""

from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.listing import Listing, page_of

LISTING = Listing(answer="Jobs", name="Name", status="Status", descending=True, page=3)
JOBS = [
    {"Name": "train-b", "Status": "Completed", "CreationTime": 10.0, "LastModifiedTime": 40.0},
    {"Name": "train-a", "Status": "Failed", "CreationTime": 20.0, "LastModifiedTime": 30.0},
    {"Name": "prepare", "Status": "Completed", "CreationTime": 20.0, "LastModifiedTime": 50.0},
    {"Name": "evaluate", "Status": "Failed", "CreationTime": 30.0, "LastModifiedTime": 60.0},
]


def names(**request: Any) -> list[str]:
    return [job["Name"] for job in page_of(LISTING, JOBS, {"MaxResults": 10, **request})["Jobs"]]


def test_the_newest_come_first_where_the_operation_says_so() -> None:
    assert names() == ["evaluate", "prepare", "train-a", "train-b"]


def test_the_order_can_be_asked_for() -> None:
    assert names(SortOrder="Ascending") == ["train-b", "train-a", "prepare", "evaluate"]
    assert names(SortBy="Name", SortOrder="Ascending") == sorted(names())
    assert names(SortBy="Status", SortOrder="Ascending")[:2] == ["train-b", "prepare"]


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({"NameContains": "TRAIN"}, ["train-a", "train-b"]),
        ({"StatusEquals": "Failed"}, ["evaluate", "train-a"]),
        ({"CreationTimeAfter": 20.0}, ["evaluate"]),
        ({"CreationTimeBefore": 20}, ["train-b"]),
        ({"LastModifiedTimeAfter": "1970-01-01T00:00:45Z"}, ["evaluate", "prepare"]),
        ({"NameContains": "x"}, []),
    ],
)
def test_filters(request_: dict[str, Any], found: list[str]) -> None:
    assert names(**request_) == found


def test_pages_cover_everything_once() -> None:
    seen: list[str] = []
    token: str | None = None
    while True:
        page = page_of(LISTING, JOBS, {"NextToken": token, "MaxResults": 1})
        seen += [job["Name"] for job in page["Jobs"]]
        token = page.get("NextToken")
        if token is None:
            break
    assert seen == names()


def test_a_page_has_the_operations_default_size() -> None:
    page = page_of(LISTING, JOBS, {})
    assert len(page["Jobs"]) == 3
    assert "NextToken" in page


def test_what_is_made_between_two_pages_repeats_nothing() -> None:
    first = page_of(LISTING, JOBS, {"MaxResults": 2})
    newer = [*JOBS, {"Name": "new", "Status": "Completed", "CreationTime": 99.0}]
    second = page_of(LISTING, newer, {"MaxResults": 2, "NextToken": first["NextToken"]})
    assert [job["Name"] for job in second["Jobs"]] == ["train-a", "train-b"]


def test_a_page_goes_on_after_its_last_resource_was_deleted() -> None:
    first = page_of(LISTING, JOBS, {"MaxResults": 2})
    left = [job for job in JOBS if job["Name"] != "prepare"]
    second = page_of(LISTING, left, {"MaxResults": 9, "NextToken": first["NextToken"]})
    assert [job["Name"] for job in second["Jobs"]] == ["train-b"]


def test_a_made_up_token_is_refused() -> None:
    with pytest.raises(ApiError, match="NextToken is not valid"):
        page_of(LISTING, JOBS, {"NextToken": "made up"})
