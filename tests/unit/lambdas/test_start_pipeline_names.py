"""What a person reads about a run, and what SageMaker accepts of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from start_pipeline import run_names, wakes
from start_pipeline.runs import token_of
from start_pipeline.snapshot import Content, Snapshot, SnapshotDifference

DIGEST = "9f86d081884c7d65" * 4
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}")


def described(
    difference: SnapshotDifference, *keys: str, reasons: tuple[str, ...] = ("landed",)
) -> str:
    content = Snapshot(bucket="data", objects=[Content(key, "crc32:x", 1500) for key in keys])
    return run_names.description(
        difference,
        content,
        label=run_names.label_of(difference, content, prefix="raw/"),
        digest=DIGEST,
        prefix="raw/",
        reasons=reasons,
        left_out=0,
    )


@given(label=st.text(max_size=300))
def test_every_label_makes_a_name_that_sagemaker_accepts(label: str) -> None:
    name = run_names.display_name(label, DIGEST)
    assert len(name) <= 82
    assert _NAME.fullmatch(name)
    assert name.endswith("-9f86d081884c")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("2013-03", "2013-03-9f86d081884c"),
        ("2013-01 to 2013-03", "2013-01-to-2013-03-9f86d081884c"),
        ("year=2013/month=03", "year-2013-month-03-9f86d081884c"),
        ("航班", "data-9f86d081884c"),
    ],
)
def test_a_name_begins_with_the_partition(label: str, name: str) -> None:
    assert run_names.display_name(label, DIGEST) == name


def test_a_description_tells_what_came_and_what_is_run() -> None:
    keys = ("raw/2013-01/a", "raw/2013-02/a", "raw/2013-03/a")
    assert described(SnapshotDifference(new=keys[1:], changed=keys[:1]), *keys) == (
        "2013-01 to 2013-03: 2 new, 1 changed objects, landed. "
        "Window: 3 objects of 2013-01 to 2013-03, 4.5 kB. Snapshot 9f86d081884c."
    )


def test_objects_below_no_folder_are_named_by_the_prefix() -> None:
    assert described(SnapshotDifference(new=["raw/a"]), "raw/a").startswith(
        "raw/: 1 new object, landed."
    )


def test_a_snapshot_that_only_reads_anew_says_so() -> None:
    assert described(SnapshotDifference(), "raw/2013-03/a").startswith(
        "2013-03: the same objects, read anew, landed."
    )


def test_an_unknown_reason_is_not_made_up() -> None:
    assert "1 new object, found changed." in described(
        SnapshotDifference(new=["raw/2013-03/a"]), "raw/2013-03/a", reasons=()
    )


@pytest.mark.parametrize(
    ("bodies", "told"),
    [
        (['{"source": "aws.s3", "detail-type": "Object Created"}'] * 500, "landed"),
        (['{"source": "aws.s3", "detail-type": "Object Deleted"}'], "deleted"),
        (['{"source": "aws.sagemaker"}'], "landed during the run before"),
        (['{"source": "aws.events"}'], "found by the schedule"),
        (['{"source": "aws.events"}', '{"source": "aws.s3"}'], "landed"),
        (['{"reason": "drift of\\n temperature"}', '{"source": "aws.s3"}'], "drift of temperature"),
        (['{"reason": "a"}', '{"reason": "b"}', '{"reason": "a"}'], "a, b"),
        (['{"reason": "   "}', '{"reason": 5}', "no json", "[]", "", "null"], ""),
        (['{"wake": "delayed"}'], ""),
    ],
)
def test_the_most_telling_reasons_of_a_batch_are_told(bodies: list[str], told: str) -> None:
    assert wakes.in_words(wakes.reasons(bodies)) == told


@given(bodies=st.lists(st.text() | st.builds(lambda r: f'{{"reason": "{r}"}}', st.text())))
def test_any_body_is_read_and_any_number_of_reasons_stays_short(bodies: list[str]) -> None:
    found = wakes.reasons(bodies)
    assert len(found) <= 3
    assert all(len(reason) <= 200 and reason.isprintable() for reason in found)


def test_a_token_has_a_length_that_sagemaker_accepts_and_is_the_pipelines_own() -> None:
    token = token_of(pipeline="flights-dev-training", digest=DIGEST)
    assert 32 <= len(token) <= 128
    assert token == token_of(pipeline="flights-dev-training", digest=DIGEST)
    assert token != token_of(pipeline="flights-prod-training", digest=DIGEST)
