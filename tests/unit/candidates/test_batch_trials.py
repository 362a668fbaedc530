"""The files of a batch job, and what it asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.candidates.batch_trials import (
    FEWEST,
    check_rows,
    outcomes_in,
    records,
)
from ratchet.candidates.budget import Usage
from ratchet.candidates.replies import Reply
from ratchet.deployment.errors import DeploymentError


def reply(answer: Any) -> Reply[str]:
    return Reply(content=answer["text"], usage=Usage())


def test_records_are_named_by_the_position_of_their_row_in_whatever_order_they_come_back() -> None:
    lines = [json.loads(line) for line in records(iter([{"a": n} for n in range(3)])).splitlines()]
    assert [line["modelInput"] for line in lines] == [{"a": 0}, {"a": 1}, {"a": 2}]
    assert all(line["recordId"].isalnum() for line in lines)  # as AWS wants them
    answered = [
        {**lines[2], "modelOutput": {"text": "two"}},
        {**lines[0], "modelOutput": {"text": "zero"}},
        {**lines[1], "error": {"errorCode": 400, "errorMessage": "too long"}},
    ]
    body = "\n".join(map(json.dumps, answered)).encode()
    outcomes = dict(outcomes_in(body, reply))
    assert {p: o.reply.content for p, o in outcomes.items() if o.reply} == {2: "two", 0: "zero"}
    assert outcomes[1].reason == "400 too long"


def test_a_job_takes_a_hundred_rows_at_least() -> None:
    check_rows(FEWEST)
    with pytest.raises(DeploymentError, match="100 rows at least, and there are 99: --rows 100"):
        check_rows(FEWEST - 1)
