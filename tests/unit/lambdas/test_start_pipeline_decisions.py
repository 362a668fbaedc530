"""What a wake does, told by what happens to the data bucket."""

from __future__ import annotations

import itertools
import json

import pytest

from start_pipeline.rules import LookAgain, Nothing
from start_pipeline.trigger import Start
from tests.unit.lambdas.driver import Driver
from tests.unit.lambdas.fake_cloud import ARTIFACTS, DATA, FakeCloud, ServiceError


@pytest.fixture
def driver(cloud: FakeCloud) -> Driver:
    return Driver(cloud)


def landed(driver: Driver, *months: str) -> None:
    """Months of flights, settled and run."""
    for month in months:
        driver.cloud.land(f"raw/2013-{month}/flights.csv", month.encode())
        driver.cloud.land(f"raw/2013-{month}/weather.csv", month.encode())
        driver.until_quiet("landed")
        driver.cloud.end_runs()


def test_landed_data_is_run_once_it_has_settled(driver: Driver) -> None:
    driver.cloud.land("raw/2013-01/flights.csv")
    assert isinstance(driver.wake("landed"), LookAgain)
    assert not driver.cloud.executions

    assert isinstance(driver.until_quiet(), Start)
    assert driver.keys_of(run=0) == ["raw/2013-01/flights.csv"]


def test_a_manifest_is_in_the_form_that_sagemaker_reads(driver: Driver) -> None:
    landed(driver, "01")
    (execution,) = driver.cloud.executions
    key = execution.manifest.removeprefix(f"s3://{ARTIFACTS}/")
    assert json.loads(driver.cloud.buckets[ARTIFACTS][key].body) == [
        {"prefix": f"s3://{DATA}/"},
        "raw/2013-01/flights.csv",
        "raw/2013-01/weather.csv",
    ]


def test_500_objects_landing_over_seconds_make_one_run_that_names_them_all(driver: Driver) -> None:
    for number in range(500):
        driver.cloud.land(f"raw/2013-01/part-{number}.csv")
        driver.cloud.advance(0.02)
        if number % 50 == 0:
            driver.wake("landed")
    driver.converge()
    assert len(driver.cloud.executions) == 1
    assert len(driver.keys_of(run=0)) == 500


def test_while_data_settles_only_one_delayed_message_is_on_its_way(driver: Driver) -> None:
    for number in range(20):
        driver.cloud.land(f"raw/2013-01/part-{number}.csv")
        driver.wake("landed")
        driver.cloud.advance(1)
    assert len(driver.cloud.messages) == 1


def test_data_that_never_stops_landing_is_run_after_the_longest_wait(driver: Driver) -> None:
    for number in range(100):
        driver.cloud.land(f"raw/2013-01/part-{number}.csv")
        driver.wake("landed")
        driver.cloud.due()
        driver.cloud.advance(10)
    (execution,) = driver.cloud.executions
    assert execution.status == "Executing"
    assert len(driver.keys_of(run=0)) == 91  # those of the first 900 seconds


def test_redelivered_and_repeated_events_start_nothing(driver: Driver) -> None:
    landed(driver, "01")
    for _ in range(5):
        assert driver.wake("landed") == Nothing(why="the window's content has been run")
    assert len(driver.cloud.executions) == 1


def test_a_wake_with_nothing_new_costs_one_listing_and_one_read(driver: Driver) -> None:
    landed(driver, "01", "02")
    driver.cloud.calls.clear()
    driver.wake("landed")
    assert [name for name, _ in driver.cloud.calls] == ["GetObject", "ListObjectsV2"]


def test_landing_the_same_files_again_starts_nothing_though_their_etags_change(
    driver: Driver,
) -> None:
    landed(driver, "01")
    landed(driver, "01")
    assert len(driver.cloud.executions) == 1
    assert driver.wake() == Nothing(why="the window's content has been run")


def test_without_a_checksum_the_etag_counts_and_the_log_says_so(driver: Driver) -> None:
    for _ in range(2):
        driver.cloud.land("raw/2013-01/flights.csv", checksum=False)
        driver.until_quiet("landed")
        driver.cloud.end_runs()
    assert len(driver.cloud.executions) == 2
    assert driver.facts[-1]["without_checksum"] == 1


def test_changed_content_under_the_same_key_is_run(driver: Driver) -> None:
    landed(driver, "01")
    driver.cloud.land("raw/2013-01/flights.csv", b"corrected")
    driver.until_quiet("landed")
    assert len(driver.cloud.executions) == 2
    assert "2013-01: 1 changed object, landed." in driver.cloud.executions[1].description


def test_a_deleted_object_changes_the_content_and_is_run(driver: Driver) -> None:
    landed(driver, "01", "02")
    driver.cloud.delete("raw/2013-01/weather.csv")
    assert isinstance(driver.wake("deleted"), LookAgain), "the rest of it may still be deleted"
    driver.until_quiet()
    assert driver.keys_of(run=2) == [
        "raw/2013-01/flights.csv",
        "raw/2013-02/flights.csv",
        "raw/2013-02/weather.csv",
    ]
    assert "2013-01: 1 removed object, deleted." in driver.cloud.executions[2].description


def test_deleting_everything_starts_nothing_and_says_so(driver: Driver) -> None:
    landed(driver, "01")
    for key in list(driver.cloud.buckets[DATA]):
        driver.cloud.delete(key)
    assert driver.until_quiet("deleted") == Nothing(
        why="s3://data/raw/ holds no data: nothing to run on"
    )
    assert len(driver.cloud.executions) == 1


def test_older_content_that_comes_back_is_not_run_again(driver: Driver) -> None:
    landed(driver, "01")
    driver.cloud.land("raw/2013-01/flights.csv", b"corrected")
    driver.until_quiet("landed")
    driver.cloud.end_runs()
    landed(driver, "01")
    assert len(driver.cloud.executions) == 2


def test_data_that_lands_during_a_run_is_run_when_the_run_ends(driver: Driver) -> None:
    driver.cloud.land("raw/2013-01/flights.csv")
    driver.until_quiet("landed")
    driver.cloud.land("raw/2013-02/flights.csv")
    during = driver.until_quiet("landed")
    assert isinstance(during, Nothing)
    assert "is in progress; its end wakes the function again" in during.why
    assert not driver.cloud.messages

    driver.cloud.end_runs()
    assert isinstance(driver.wake("landed during the run before"), Start)
    assert len(driver.keys_of(run=1)) == 2


def test_a_run_that_failed_is_not_run_again_by_itself(driver: Driver) -> None:
    driver.cloud.land("raw/2013-01/flights.csv")
    driver.until_quiet("landed")
    driver.cloud.end_runs("Failed")
    driver.converge()
    assert len(driver.cloud.executions) == 1


def test_a_lost_event_is_caught_by_the_schedule(driver: Driver) -> None:
    driver.cloud.land("raw/2013-01/flights.csv")
    driver.cloud.advance(1800)
    assert isinstance(driver.until_quiet("found by the schedule"), Start)
    assert "found by the schedule" in driver.cloud.executions[0].description


@pytest.mark.parametrize(
    "key",
    [
        "raw/2013-01/two words.csv",
        "raw/2013-01/a+b.csv",
        "raw/2013-01/100%25.csv",
        "raw/2013-01/äöü–航班.csv",
        "raw/2013-01/\N{LATIN SMALL LETTER A}\N{COMBINING DIAERESIS}.csv",
        "raw/2013-01/quote\"and'.csv",
        "raw/2013-01/back\\slash,comma.csv",
        "raw/top.csv",
    ],
)
def test_odd_keys_reach_the_manifest_as_they_are(driver: Driver, key: str) -> None:
    driver.cloud.land(key)
    driver.until_quiet("landed")
    assert driver.keys_of(run=0) == [key]


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("raw/2013-02/", b""),
        ("raw/2013-02/empty.csv", b""),
        ("raw/2013-02/_SUCCESS", b"ok"),
        ("raw/2013-02/_temporary/0/part-0.csv", b"half"),
        ("raw/2013-02/.part-0.csv.crc", b"crc"),
        ("raw/.staging/flights.csv", b"half"),
        ("other/2013-02/flights.csv", b"data"),
        ("raw2/2013-02/flights.csv", b"data"),
    ],
)
def test_what_is_no_data_changes_nothing(driver: Driver, key: str, body: bytes) -> None:
    landed(driver, "01")
    driver.cloud.land(key, body)
    assert driver.wake("landed") == Nothing(why="the window's content has been run")


@pytest.mark.parametrize("key", ["raw/2013-01/new\nline.csv", "raw//flights.csv", "raw/a\x7f.csv"])
@pytest.mark.parametrize("window", [0, 5])
def test_a_key_that_no_job_can_read_is_left_out_and_named(
    driver: Driver, key: str, window: int
) -> None:
    driver.set(window=window)
    driver.cloud.land("raw/2013-01/flights.csv")
    driver.cloud.land(key)
    driver.until_quiet("landed")
    assert driver.keys_of(run=0) == ["raw/2013-01/flights.csv"]
    assert driver.facts[-1]["left_out"] == [key]
    assert "Not readable and left out: 1 object." in driver.cloud.executions[0].description


def test_only_the_newest_partitions_are_run(driver: Driver) -> None:
    driver.set(window=2)
    landed(driver, "01", "02", "03")
    assert [key[:11] for key in driver.keys_of(run=2)] == ["raw/2013-02"] * 2 + ["raw/2013-03"] * 2
    name = driver.cloud.executions[2].name
    assert name.startswith("2013-03-"), "a partition that left the window does not name the run"


def test_a_change_in_an_older_partition_than_the_window_starts_nothing(driver: Driver) -> None:
    driver.set(window=1)
    landed(driver, "01", "02")
    driver.cloud.land("raw/2013-01/flights.csv", b"corrected")
    assert driver.wake("landed") == Nothing(why="the window's content has been run")


def test_a_run_tells_which_data_and_why(driver: Driver) -> None:
    landed(driver, "01", "02")
    first, second = driver.cloud.executions
    digest = second.manifest.split("/")[-2]
    assert second.name == f"2013-02-{digest[:12]}"
    assert first.description.startswith("2013-01: 2 new objects, landed. Window: 2 objects of")
    assert second.description == (
        "2013-02: 2 new objects, landed. Window: 4 objects of 2013-01 to 2013-02, 8 B. "
        f"Snapshot {digest[:12]}."
    )


def test_a_reason_in_words_reaches_the_run_even_when_it_comes_while_data_settles(
    driver: Driver,
) -> None:
    driver.cloud.land("raw/2013-07/flights.csv")
    driver.wake("landed")
    driver.wake("drift of temperature")
    driver.until_quiet()
    assert "1 new object, drift of temperature." in driver.cloud.executions[0].description


@pytest.mark.parametrize("code", ["ConflictException", "ResourceLimitExceeded"])
def test_a_start_that_is_refused_for_now_is_tried_again_later(driver: Driver, code: str) -> None:
    driver.cloud.land("raw/2013-01/flights.csv")
    refusals = 3

    def refuse(name: str, given: object) -> None:
        nonlocal refusals
        if name == "StartPipelineExecution" and refusals:
            refusals -= 1
            raise ServiceError(code, "20 executions")

    driver.cloud.before = refuse
    assert isinstance(driver.until_quiet("landed"), Start)
    refused = [d for d in driver.decisions if isinstance(d, LookAgain) and code in d.why]
    assert len(refused) == 3
    assert len(driver.cloud.executions) == 1


def test_an_object_that_changes_while_it_is_looked_at_waits_for_the_change_to_settle(
    driver: Driver,
) -> None:
    driver.cloud.land("raw/2013-01/flights.csv", b"old")
    driver.wake("landed")
    changed = False

    def change(name: str, given: object) -> None:
        nonlocal changed
        if name == "HeadObject" and not changed:
            changed = True
            driver.cloud.land("raw/2013-01/flights.csv", b"new")

    driver.cloud.before = change
    assert isinstance(driver.until_quiet(), Start)
    assert any("changed while it was looked at" in d.why for d in driver.decisions)
    (record,) = [k for k in driver.cloud.buckets[ARTIFACTS] if k.endswith("snapshot.json")]
    assert json.loads(driver.cloud.buckets[ARTIFACTS][record].body)["objects"][0][2] == 3


def test_only_new_and_changed_objects_cost_a_request_each(driver: Driver) -> None:
    landed(driver, "01", "02")
    driver.cloud.calls.clear()
    landed(driver, "03")
    assert driver.cloud.count("HeadObject") == 2


def test_losing_the_state_and_the_cache_changes_nothing(driver: Driver) -> None:
    landed(driver, "01")
    for key in [k for k in driver.cloud.buckets[ARTIFACTS] if k.startswith("trigger/")]:
        del driver.cloud.buckets[ARTIFACTS][key]
    driver.converge()
    assert len(driver.cloud.executions) == 1


def test_a_broken_state_and_cache_are_written_anew(driver: Driver) -> None:
    landed(driver, "01")
    for key in [k for k in driver.cloud.buckets[ARTIFACTS] if k.startswith("trigger/")]:
        driver.cloud.buckets[ARTIFACTS][key].body = b'{"format": 99}'
    landed(driver, "02")
    driver.converge()
    assert len(driver.cloud.executions) == 2


def test_more_new_objects_than_one_wake_has_time_for_are_read_over_several(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is up after each chunk; what is known so far is kept."""
    monkeypatch.setattr("start_pipeline.data_bucket._CHUNK", 4)
    for number in range(10):
        driver.cloud.land(f"raw/2013-01/part-{number}.csv")
    driver.wake("landed")
    driver.cloud.advance(60)
    driver.cloud.due()
    ticks = itertools.count()
    driver.monotonic = lambda: float(next(ticks))
    driver.wake(seconds=2)  # one chunk
    assert driver.cloud.count("HeadObject") == 4
    assert len(driver.cloud.messages) == 1
    driver.until_quiet()
    assert driver.cloud.count("HeadObject") == 10, "none is asked for twice"
    assert len(driver.cloud.executions) == 1
