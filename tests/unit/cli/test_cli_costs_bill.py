"""What AWS says of costs, through answers that botocore's model of Cost Explorer allows."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.config import Config
from botocore.stub import Stubber

from ratchet.deployment.costs import allocation_tags, bill
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.environment import RETRIES
from ratchet.settings import tags
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import World

KEYS = ["project", "run"]


@pytest.fixture
def ce() -> Any:
    return boto3.client(
        "ce",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )


@pytest.fixture
def stub(ce: Any) -> Iterator[Stubber]:
    with Stubber(ce) as stub:
        yield stub
        stub.assert_no_pending_responses()


def tag(key: str, status: str = "Active") -> dict[str, str]:
    used = {"LastUsedDate": "2026-11-25T00:00:00Z", "LastUpdatedDate": "2026-11-01T00:00:00Z"}
    return {"TagKey": key, "Type": "UserDefined", "Status": status, **used}


def listed(stub: Stubber, *found: dict[str, str], keys: list[str], pages: int = 1) -> None:
    asked: dict[str, Any] = {"TagKeys": keys, "Type": "UserDefined"}
    for page in range(pages):
        more = {"NextToken": "n"} if page + 1 < pages else {}
        shown = [one for place, one in enumerate(found) if place % pages == page]
        expected = asked if page == 0 else {**asked, "NextToken": "n"}
        stub.add_response(
            "list_cost_allocation_tags", {"CostAllocationTags": shown, **more}, expected
        )


# -- setup -----------------------------------------------------------------------------------------


def test_tags_are_active_inactive_or_not_seen_over_all_pages(ce: Any, stub: Stubber) -> None:
    keys = ["project", "owner", "run"]
    listed(stub, tag("owner", "Inactive"), tag("project"), keys=keys, pages=2)
    found = allocation_tags.look(ce, keys)
    assert [(t.key, t.status, t.used) for t in found] == [
        ("project", "active", "2026-11-25"),
        ("owner", "inactive", "2026-11-25"),
        ("run", "not seen", ""),
    ]


def test_tags_are_activated_twenty_at_a_time_and_refusals_are_told(ce: Any, stub: Stubber) -> None:
    keys = [f"k{n}" for n in range(21)]
    refused = {"TagKey": "k3", "Code": "NotFound", "Message": "Tag keys not found: k3"}
    for wanted, errors in ((keys[:20], [refused]), (keys[20:], [])):
        statuses = [{"TagKey": key, "Status": "Active"} for key in wanted]
        stub.add_response(
            "update_cost_allocation_tags_status",
            {"Errors": errors},
            {"CostAllocationTagsStatus": statuses},
        )
    (refusal,) = allocation_tags.activate(ce, keys)
    assert (refusal.key, refusal.why) == ("k3", "Tag keys not found: k3")


@pytest.mark.parametrize(
    ("call", "operation", "action"),
    [
        (allocation_tags.look, "list_cost_allocation_tags", "ce:ListCostAllocationTags"),
        (
            allocation_tags.activate,
            "update_cost_allocation_tags_status",
            "ce:UpdateCostAllocationTagsStatus",
        ),
    ],
)
def test_a_missing_permission_is_named_with_the_statement_that_adds_it(
    ce: Any, stub: Stubber, call: Any, operation: str, action: str
) -> None:
    stub.add_client_error(operation, "AccessDeniedException", "Linked account doesn't have access")
    with pytest.raises(DeploymentError) as failed:
        call(ce, KEYS)
    assert f'{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}' in str(failed.value)
    assert "management account" in str(failed.value)


@pytest.fixture
def here(world: World, ce: Any, stub: Stubber) -> Stubber:
    world.target._clients["ce"] = ce
    return stub


def test_setup_shows_each_tag_and_gives_the_command(here: Stubber, type_: Type) -> None:
    keys = list(tags.ON_STEPS)
    listed(here, tag("project"), tag("environment", "Inactive"), keys=keys)
    shown = type_("costs", "setup")
    assert shown.exit_code == 0, shown.output
    assert "✓ active" in shown.output
    assert (
        "aws ce update-cost-allocation-tags-status --cost-allocation-tags-status "
        "TagKey=environment,Status=Active\n" in shown.output
    )
    assert "AWS has not yet seen model, owner, cost-center, pipeline, step" in shown.output


def test_setup_activates_what_can_be_and_says_what_was_refused(here: Stubber, type_: Type) -> None:
    keys = list(tags.ON_STEPS)
    before = [tag(key, "Inactive") for key in keys]
    listed(here, *before, keys=keys)
    refused = {"TagKey": "run", "Code": "x", "Message": "too many"}
    here.add_response("update_cost_allocation_tags_status", {"Errors": [refused]})
    listed(here, *(tag(k, "Inactive" if k == "run" else "Active") for k in keys), keys=keys)
    shown = type_("costs", "setup", "--activate", "--yes")
    assert "run was not activated: too many" in shown.output
    assert shown.output.count("✓ active") == len(tags.ON_STEPS) - 1


def test_the_command_is_shown_without_asking_aws(type_: Type) -> None:
    shown = type_("costs", "setup", "--show")
    assert shown.output.count("Status=Active") == len(tags.ON_STEPS)


# -- reconcile -------------------------------------------------------------------------------------


def group(value: str, amount: str, service: str = "Amazon SageMaker") -> dict[str, Any]:
    return {
        "Keys": [f"pipeline${value}", service],
        "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}},
    }


def usage(day: int, *groups: dict[str, Any], estimated: bool = False) -> dict[str, Any]:
    return {
        "TimePeriod": {"Start": f"2026-11-{day:02}", "End": f"2026-11-{day + 1:02}"},
        "Total": {},
        "Groups": list(groups),
        "Estimated": estimated,
    }


def read(ce: Any) -> bill.Bill:
    return bill.read(
        ce,
        first=date(2026, 11, 1),
        last=date(2026, 11, 25),
        tag="pipeline",
        only={"project": "flights", "environment": "dev"},
    )


def test_the_bill_is_read_over_all_pages_and_added_up_by_tag_and_service(
    ce: Any, stub: Stubber
) -> None:
    asked = {
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-26"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "Filter": {
            "And": [
                {"Tags": {"Key": "project", "Values": ["flights"]}},
                {"Tags": {"Key": "environment", "Values": ["dev"]}},
            ]
        },
        "GroupBy": [{"Type": "TAG", "Key": "pipeline"}, {"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    first = [usage(1, group("a", "0.1"), group("", "2")), usage(2, group("a", "0.2000000001"))]
    stub.add_response(
        "get_cost_and_usage", {"ResultsByTime": first, "NextPageToken": "more"}, asked
    )
    second = [usage(25, group("a", "1", "AWS Lambda"), estimated=True)]
    stub.add_response(
        "get_cost_and_usage", {"ResultsByTime": second}, {**asked, "NextPageToken": "more"}
    )
    found = read(ce)
    assert [(b.value, b.service, b.amount) for b in found.billed] == [
        ("", "Amazon SageMaker", Decimal(2)),
        ("a", "AWS Lambda", Decimal(1)),
        ("a", "Amazon SageMaker", Decimal("0.3000000001")),
    ]
    assert found.open_days == (date(2026, 11, 25),)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "ce:GetCostAndUsage is not allowed"),
        ("DataUnavailableException", "Cost Explorer has no data"),
        ("LimitExceededException", "LimitExceededException"),
    ],
)
def test_a_refusal_says_what_to_do(ce: Any, stub: Stubber, code: str, told: str) -> None:
    stub.add_client_error("get_cost_and_usage", code, "no")
    with pytest.raises(DeploymentError, match=told):
        read(ce)


def test_throttled_requests_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the configuration that every client of the command line has."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    client = boto3.client(
        "ce",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries=RETRIES),
    )
    throttled = {"__type": "LimitExceededException", "Message": "You made too many calls"}
    answers = iter([(400, throttled), (400, throttled), (200, {"ResultsByTime": []})])

    def answer(request: Any, **_: Any) -> AWSResponse:
        status, body = next(answers)
        raw: Any = io.BytesIO(json.dumps(body).encode())
        raw.stream = lambda **_: [raw.getvalue()]
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    client.meta.events.register("before-send", answer)
    assert read(client).billed == ()
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (None, (date(2026, 11, 1), date(2026, 11, 26))),
        ("2026-02", (date(2026, 2, 1), date(2026, 2, 28))),
    ],
)
def test_a_month_is_whole_unless_it_is_this_one(text: str | None, days: tuple[date, date]) -> None:
    assert bill.month(text, today=date(2026, 11, 26)) == days


@pytest.mark.parametrize("text", ["2026-13", "November", "2027-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(DeploymentError, match=text):
        bill.month(text, today=date(2026, 11, 26))


def test_reconcile_without_a_bill_says_what_to_do_first(here: Stubber, type_: Type) -> None:
    here.add_response("get_cost_and_usage", {"ResultsByTime": []})
    shown = type_("costs", "reconcile", "--month", "2026-10", "--json")
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["lines"] == []
