"""Events on their way: committed with what they tell of, kept until they have arrived."""

from __future__ import annotations

import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.local_cloud.emulator.queues import show_again
from ratchet.local_cloud.sagemaker.outbox import Outbox
from ratchet.local_cloud.sagemaker.store import AccountScope, Body, Store
from tests.local_cloud.sagemaker_calls import SCOPE, Caller


class Deliveries:
    """What an outbox delivers, and what says that it has arrived."""

    def __init__(self) -> None:
        self.events: list[Body] = []
        self.arrived: list[Callable[[], None]] = []

    def __call__(self, scope: AccountScope, event: Body, delivered: Callable[[], None]) -> None:
        assert scope == SCOPE
        self.events.append(event)
        self.arrived.append(delivered)


def test_an_event_is_delivered_when_its_transaction_is_committed(tmp_path: Path) -> None:
    store, deliveries = Store(tmp_path / "s.sqlite3"), Deliveries()
    outbox = Outbox(store, deliveries)
    with store.transaction():
        outbox.add(SCOPE, {"n": 1})
        assert deliveries.events == []
    assert deliveries.events == [{"n": 1}]


def test_an_event_of_a_transaction_that_fails_is_never_delivered(tmp_path: Path) -> None:
    store, deliveries = Store(tmp_path / "s.sqlite3"), Deliveries()
    outbox = Outbox(store, deliveries)

    def fail() -> None:
        with store.transaction():
            outbox.add(SCOPE, {"n": 1})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    outbox.add(SCOPE, {"n": 2})
    assert deliveries.events == [{"n": 2}]
    assert [event for _, _, event in store.events()] == [{"n": 2}]


def test_an_event_is_delivered_again_until_what_it_led_to_is_saved(tmp_path: Path) -> None:
    store, deliveries = Store(tmp_path / "s.sqlite3"), Deliveries()
    outbox = Outbox(store, deliveries)
    for number in range(3):
        outbox.add(SCOPE, {"n": number})
    deliveries.arrived[0]()
    forget = outbox.delivered()  # at the moment of a cut
    deliveries.arrived[1]()  # after it
    assert len(store.events()) == 3
    forget()
    again = Deliveries()
    assert Outbox(store, again).deliver_again() == 2
    assert again.events == [{"n": 1}, {"n": 2}]


def test_events_of_many_threads_are_all_delivered(tmp_path: Path) -> None:
    store, deliveries = Store(tmp_path / "s.sqlite3"), Deliveries()
    outbox = Outbox(store, deliveries)

    def add(thread: int) -> None:
        for number in range(50):
            with store.transaction():
                outbox.add(SCOPE, {"n": thread * 50 + number})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["n"] for event in deliveries.events) == list(range(200))


def test_an_approval_and_its_event_are_one_transaction(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = {"Image": "1.dkr.ecr.us-east-1.amazonaws.com/n:1"}
    call("CreateModelPackageGroup", ModelPackageGroupName="g")
    arn = call(
        "CreateModelPackage",
        ModelPackageGroupName="g",
        InferenceSpecification={"Containers": [container]},
    )["ModelPackageArn"]

    def fail(*arguments: object) -> int:
        raise OSError("killed")

    monkeypatch.setattr(call.sagemaker.store, "insert_event", fail)
    with pytest.raises(OSError, match="killed"):
        call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    package = call("DescribeModelPackage", ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"


def test_messages_that_functions_were_at_are_visible_again() -> None:
    later = time.time() + 60

    def queue(arn: str, *messages: dict[str, Any]) -> dict[str, Any]:
        return {"attributes": {"QueueArn": arn}, "messages": list(messages)}

    at_work = {"visible_at": later, "receive_count": 1}
    delayed = {"visible_at": later, "receive_count": 0}
    elsewhere = {"visible_at": later, "receive_count": 1}
    queues = {"1": queue("fed", at_work, delayed), "2": queue("read by somebody", elsewhere)}
    sqs = types.SimpleNamespace(
        _queues=types.SimpleNamespace(_data=queues), _queues_lock=threading.Lock()
    )
    mappings = [("account", "region", {"EventSourceArn": "fed"})]
    functions = types.SimpleNamespace(_iter_all_esms=lambda: iter(mappings))
    assert show_again(sqs, functions) == 1
    assert at_work["visible_at"] <= time.time()
    assert at_work["receive_count"] == 0  # a kill is no failure of the function
    assert delayed["visible_at"] == elsewhere["visible_at"] == later
