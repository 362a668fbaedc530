"""A wake's decision from what it has seen, and what it reads before it decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from start_pipeline import seen as parts
from start_pipeline import snapshot
from start_pipeline.drift import Episode
from start_pipeline.plan import GiveUp, Plan, RecordRun, StartRun, plan
from start_pipeline.rules import LookAgain, Nothing
from start_pipeline.seen import (
    Execution,
    NoContent,
    NotReadError,
    Part,
    Pending,
    Started,
    State,
    TriggerSeen,
    WindowContent,
)
from start_pipeline.settings import Feedback
from start_pipeline.snapshot import Snapshot
from start_pipeline.window import DataWindow, ListedObject
from tests.unit.lambdas.driver import SETTINGS
from tests.unit.lambdas.fake_cloud import EPOCH as NOW

OBJECT = ListedObject(key="raw/2013-01/a.csv", etag="e", size=4, last_modified=NOW)
WINDOW = DataWindow(objects=[OBJECT])
SNAPSHOT = Snapshot(bucket="data", objects=[snapshot.Content(OBJECT.key, "crc32:x", 4)])
CONTENT = WindowContent(snapshot=SNAPSHOT, text=b"text", digest="0123456789abcdef")
SETTLED = Pending(
    fingerprint=WINDOW.fingerprint, since=NOW - timedelta(hours=1), changed=NOW - timedelta(hours=1)
)
RUN = State(run=WINDOW.fingerprint)
"""The window's content has been run."""
EXECUTIONS, CONTENT_PART, EPISODE = (
    Part(parts.EXECUTIONS),
    Part(parts.CONTENT),
    Part(parts.EPISODE),
)
RECORD = Part(parts.RUN_OF, CONTENT.digest)
DRIFT = Episode(since=NOW - timedelta(hours=2), alarms=("flights-dev-drift",))
WITH_DRIFT = replace(SETTINGS, feedback=Feedback(alarms=DRIFT.alarms, fruitless_limit=1))


def seen(state: State, **known: object) -> TriggerSeen:
    return TriggerSeen(state=state, window=WINDOW, **known)  # type: ignore[arg-type]


def decided(seen: TriggerSeen, settings: object = SETTINGS) -> Plan:
    return plan(seen, settings, now=NOW)  # type: ignore[arg-type]


def missing(seen: TriggerSeen, settings: object = SETTINGS) -> Part:
    with pytest.raises(NotReadError) as missing:
        decided(seen, settings)
    return missing.value.part


def execution(name: str, status: str = "Failed", hours_ago: float = 48) -> Execution:
    started = NOW - timedelta(hours=hours_ago)
    return Execution(
        arn=f"arn:{name}", status=status, display_name=name, description="", started=started
    )


# -- what is read ----------------------------------------------------------------------------------


def test_a_window_that_settles_costs_no_request() -> None:
    assert isinstance(decided(seen(State())).act, LookAgain)


def test_content_is_identified_only_when_no_run_is_in_progress() -> None:
    settled = seen(State(pending=SETTLED))
    assert missing(settled) == EXECUTIONS
    busy = settled.with_part(EXECUTIONS, [execution("x", "Executing")])
    assert isinstance(decided(busy).act, Nothing)
    assert missing(settled.with_part(EXECUTIONS, [])) == CONTENT_PART


def test_the_record_of_a_run_is_read_by_the_contents_digest() -> None:
    identified = seen(State(pending=SETTLED), parts={EXECUTIONS: [], CONTENT_PART: CONTENT})
    assert missing(identified) == RECORD


def test_alarms_are_read_only_when_drift_may_start_a_run() -> None:
    assert isinstance(decided(seen(RUN)).act, Nothing)
    assert missing(seen(RUN), WITH_DRIFT) == EPISODE


def test_what_a_run_registered_is_read_only_for_runs_that_count() -> None:
    runs = [execution("2013-01-drift-0123456789ab", "Succeeded"), execution("2012-12-0123456789ab")]
    drifted = seen(RUN, parts={EPISODE: DRIFT, EXECUTIONS: runs})
    assert missing(drifted, WITH_DRIFT) == Part(parts.REGISTERED, runs[0].arn)


# -- what is decided -------------------------------------------------------------------------------


def identified(state: State, *, record: str | None = None, **known: object) -> TriggerSeen:
    known = {"executions": [], "content": CONTENT, **known}
    return seen(
        state,
        parts={
            EXECUTIONS: known["executions"],
            CONTENT_PART: known["content"],
            RECORD: record,
            EPISODE: known.get("episode"),
        },
    )


def test_content_that_was_not_run_is_run_under_a_claim() -> None:
    planned = decided(identified(State(pending=SETTLED)))
    assert planned.act == StartRun(content=CONTENT)
    assert planned.state.claim is not None
    assert planned.state.claim.digest == CONTENT.digest
    assert planned.state.run is None, "it is not run before it is started"


def test_content_that_was_run_before_is_known_to_be_run_from_now_on() -> None:
    planned = decided(identified(State(pending=SETTLED), record="arn:1"))
    assert planned.act == Nothing(why="this content has been run by arn:1")
    assert planned.state == RUN


def test_a_run_that_was_started_and_not_recorded_is_recorded_first() -> None:
    lost = execution(f"2013-01-{CONTENT.digest[:12]}")
    before = identified(State(pending=SETTLED), executions=[lost])
    started = Started(digest=CONTENT.digest, at=NOW, execution_arn=lost.arn)
    assert decided(before).act == RecordRun(started=started)
    after = decided(replace(before, recovered=started))
    assert after.act == Nothing(why=f"{lost.arn} ran this content and had not been recorded")
    assert after.state == replace(RUN, started=started)


@pytest.mark.parametrize(("moved", "seconds"), [(True, 60), (False, 0)])
def test_content_that_cannot_be_identified_is_looked_at_again(moved: bool, seconds: int) -> None:
    content = NoContent(why="it moved", moved=moved)
    planned = decided(identified(State(pending=SETTLED), content=content))
    assert planned.act == LookAgain(until=NOW + timedelta(seconds=seconds), why="it moved")


def test_a_scheduled_run_runs_the_same_content_once_more() -> None:
    planned = decided(replace(identified(RUN), scheduled=NOW))
    assert planned.act == StartRun(content=CONTENT)
    assert planned.state.claim is not None
    assert planned.state.claim.episode == "scheduled 2013-04-01T12:00:00Z"
    assert planned.facts["scheduled"] == "2013-04-01 12:00 UTC"


def test_a_scheduled_time_that_a_run_answers_leaves_drift_its_turn() -> None:
    answered = identified(RUN, executions=[execution("x", hours_ago=0)], episode=DRIFT)
    planned = decided(replace(answered, scheduled=NOW), WITH_DRIFT)
    assert isinstance(planned.act, Nothing)
    assert planned.state.on_time == NOW
    assert planned.facts.keys() == {"scheduled", "answered_by", "drift_since"}


def test_drift_that_retraining_does_not_help_is_told() -> None:
    fruitless = [execution("2013-01-drift-0123456789ab")]
    planned = decided(identified(RUN, executions=fruitless, episode=DRIFT), WITH_DRIFT)
    assert isinstance(planned.act, GiveUp)
    assert (planned.act.since, planned.act.exhausted.fruitless) == (DRIFT.id, 1)


def test_the_same_world_gives_the_same_plan() -> None:
    world = identified(State(pending=SETTLED))
    assert decided(world) == decided(world)
