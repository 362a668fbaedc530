"""The files of a transform job of a text generator, and what its limit of time means."""

from __future__ import annotations

import json

import pytest

from ratchet.candidates.jumpstart_trials import outcomes_in, requests
from ratchet.candidates.replies import RefusedTrialError


def test_each_row_is_one_line_with_the_words_that_say_how_to_answer() -> None:
    lines = requests(["row 1", "row\n2"], "Answer so.", max_tokens=100).decode().splitlines()
    assert [json.loads(line)["inputs"] for line in lines] == [
        "row 1\n\nAnswer so.",
        "row\n2\n\nAnswer so.",
    ]
    assert json.loads(lines[0])["parameters"]["max_new_tokens"] == 100
    assert json.loads(lines[0])["parameters"]["return_full_text"] is False


def test_answers_are_read_in_the_forms_of_the_containers_and_others_are_none() -> None:
    body = b'{"generated_text": "0.5"}\n[{"generated_text": "0.7"}]\n{"error": "x"}\nno JSON\n'
    outcomes = outcomes_in(body, rows=4)
    texts = [o.reply.content if o.reply else None for o in outcomes.values()]
    assert texts == ["0.5", "0.7", None, None]
    assert "no generated_text" in outcomes[2].reason


@pytest.mark.parametrize("rows", [1, 3])
def test_more_or_fewer_answers_than_rows_are_refused_since_nobody_knows_whose_they_are(
    rows: int,
) -> None:
    body = b'{"generated_text": "0.5"}\n{"generated_text": "0.7"}\n'
    with pytest.raises(RefusedTrialError, match="wrote 2 answers"):
        outcomes_in(body, rows=rows)
