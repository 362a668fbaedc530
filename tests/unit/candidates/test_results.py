"""A trial is one document: in the project's folder, and in the artifact bucket."""

from __future__ import annotations

import io
import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ratchet.candidates import results
from ratchet.candidates.results import CandidateTrial, MetricPair, TrialPrice
from ratchet.costs.rows import PRICE_LIST
from ratchet.deployment.errors import UnknownNameError

STARTED = datetime(2026, 11, 28, 7, 45, 12, tzinfo=UTC)

TRIAL = CandidateTrial(
    id=results.trial_id("amazon.nova-lite-v1:0", STARTED),
    environment="dev",
    model="flights",
    candidate="amazon.nova-lite-v1:0",
    kind=results.TEXT,
    local=False,
    problem="binary",
    metric="auc",
    metrics=(
        MetricPair(name="auc", candidate=0.645, champion=0.712),
        MetricPair(name="logloss", candidate=None, champion=0.31),
    ),
    champion="3",
    regression=0.067,
    interval={"low": 0.05, "high": 0.08, "confidence": 0.95, "resamples": 1000},
    rows=200,
    scored=196,
    unparsable=3,
    unanswered=1,
    input_tokens=30_000,
    output_tokens=1_840,
    cost_usd=Decimal("0.0022416"),
    price=TrialPrice(
        source=PRICE_LIST,
        date="2026-11-28",
        input_per_million=Decimal("0.06"),
        output_per_million=Decimal("0.24"),
    ),
    latency_p50_ms=412.0,
    latency_p95_ms=1290.5,
    regions=("us-east-1",),
    prompt_digest="ab" * 32,
    data_digest="cd" * 32,
    stopped="",
    started=STARTED,
    ended=datetime(2026, 11, 28, 7, 46, tzinfo=UTC),
)


class Bucket:
    """The objects of one bucket, with botocore's answers."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        return [{"Contents": [{"Key": key}]} for key in keys] or [{}]


def test_a_trial_comes_back_from_its_document_as_it_was() -> None:
    assert CandidateTrial.from_json(TRIAL.to_json()) == TRIAL


def test_a_trial_without_champion_price_and_tokens_comes_back_too() -> None:
    trial = replace(
        TRIAL,
        champion="",
        regression=None,
        interval=None,
        cost_usd=None,
        input_tokens=None,
        output_tokens=None,
        price=TrialPrice(source="unknown"),
        latency_p50_ms=None,
        latency_p95_ms=None,
        stopped="the limit of $1.00 was reached after 120 rows",
    )
    assert CandidateTrial.from_json(trial.to_json()) == trial
    assert (trial.usd_per_1000_rows, trial.tokens_per_row, trial.difference) == (None, None, "")


def test_the_document_has_every_field_and_what_follows_from_them() -> None:
    data = json.loads(TRIAL.to_json())
    names = {field.name for field in fields(CandidateTrial)}
    assert set(data) == names | {"usd_per_1000_rows"}
    assert data["cost_usd"] == "0.0022416"


def test_a_row_is_paid_for_when_it_was_answered_whether_or_not_it_could_be_read() -> None:
    trial = replace(TRIAL, rows=200, unanswered=100, unparsable=50, cost_usd=Decimal("0.5"))
    assert trial.usd_per_1000_rows == 5
    assert trial.tokens_per_row == pytest.approx(318.4)


def test_the_difference_says_which_is_better_and_how_sure_that_is() -> None:
    assert TRIAL.difference == "0.0670 worse, 95 % within 0.0800 worse to 0.0500 worse"


def test_ids_sort_by_time_and_hold_only_what_a_file_name_may() -> None:
    long = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us." + "x" * 80
    assert TRIAL.id == "20261128-074512-amazon-nova-lite-v1-0"
    assert len(results.trial_id(long, STARTED)) <= 76


def test_saved_trials_are_listed_newest_first_and_only_those_of_the_model(tmp_path: Path) -> None:
    older = replace(TRIAL, id="20261127-000000-x", started=datetime(2026, 11, 27, tzinfo=UTC))
    for trial in (older, TRIAL, replace(TRIAL, id="other", model="prices")):
        results.save(trial, root=tmp_path)
    (tmp_path / results.FOLDER / "dev" / "notes.json").write_text("{}")
    assert results.saved(root=tmp_path, environment="dev", model="flights") == [TRIAL, older]
    assert results.saved(root=tmp_path, environment="prod", model="flights") == []


def test_a_shared_trial_is_read_by_colleagues() -> None:
    s3: Any = Bucket()
    uri = results.share(TRIAL, s3=s3, bucket="artifacts")
    assert uri == f"s3://artifacts/candidates/trials/{TRIAL.id}.json"
    s3.objects["candidates/trials/broken.json"] = b"not JSON"
    s3.objects["costs/notices.json"] = b"{}"
    assert results.shared(s3=s3, bucket="artifacts", model="flights") == [TRIAL]


def test_a_trial_is_named_by_the_beginning_of_its_id_or_as_the_latest() -> None:
    older = replace(TRIAL, id="20261127-000000-x")
    trials = [TRIAL, older]
    assert results.named("latest", trials) == TRIAL
    assert results.named("20261127", trials) == older
    assert results.named("2025", trials) is None
    with pytest.raises(UnknownNameError, match="beginning of several trials: 20261128"):
        results.named("2026112", trials)
    near = results.no_such_trial(TRIAL.id[:-1] + "9", trials)
    assert f"did you mean {TRIAL.id}?" in str(near)
