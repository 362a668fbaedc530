"""Trials of foundation models on the terminal."""

from __future__ import annotations

import io
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.cells import cell_len

from ratchet.candidates.asking import AskingProgress
from ratchet.candidates.results import CandidateTrial, MetricPair
from ratchet.cli.commands.trial_session import agree
from ratchet.cli.console import HarmlessConsole
from ratchet.cli.views import trial_view
from ratchet.deployment.errors import DeploymentError
from tests.unit.candidates.tried import NOVA, trial

AWS, LOCAL = SimpleNamespace(local=False), SimpleNamespace(local=True)


def drawn(*trials: CandidateTrial, width: int = 80) -> str:
    file = io.StringIO()
    console = HarmlessConsole(file=file, width=width, highlight=False, emoji=False)
    console.print(trial_view.trials(trials, width=width))
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal_and_the_verdict_comes_first(width: int) -> None:
    troubled = trial(
        unparsable=7,
        unanswered=30,
        scored=163,
        examples=("'Sure! The flight will probably be late': expected a number",),
        why_unanswered="no answer within 60 s",
        stopped="interrupted",
        not_asked=40,
        caution="only 14 rows are '1'",
    )
    for text in (drawn(troubled, width=width), drawn(trial(), troubled, width=width)):
        assert max(map(cell_len, text.splitlines())) <= width
    assert drawn(trial(), width=width).startswith("Not better: auc 0.6102 against the")


def test_what_was_left_out_is_said_with_reasons_and_examples() -> None:
    text = drawn(
        trial(
            unparsable=1,
            unanswered=1,
            scored=98,
            not_asked=100,
            stopped="the limit of $1.00 is reached",
            examples=("'late': expected a number",),
            why_unanswered="no answer within 60 s",
        )
    )
    assert "It stopped after 100 of 200 rows: the limit of $1.00 is reached" in text
    assert "1 row without an answer: no answer within 60 s" in text
    assert "1 answer cannot be read, such as\n  'late': expected a number" in text
    assert "98 scored of 200, 1 unparsable, 1 unanswered, 100 not asked" in text


def test_a_cost_says_where_its_price_is_from_and_that_the_local_cloud_charges_nothing() -> None:
    assert "$0.0025, $0.01 for 1,000 rows (PriceList, 2026-11-28)" in drawn(trial())
    assert "on AWS $0.0025" in drawn(trial(local=True))
    assert "nobody knows the price" in drawn(trial(cost_usd=None))


def test_of_several_the_best_comes_first_whichever_way_is_better() -> None:
    worse = trial(candidate="b", metrics=(MetricPair(name="auc", candidate=0.5, champion=0.7),))
    table = drawn(worse, trial(), trial(candidate="none", metrics=(), no_score="x")).splitlines()
    rows = [line.split()[0] for line in table if line.startswith((" b ", " amazon", " none"))]
    assert [row[:4] for row in rows] == ["amaz", "b", "none"]
    errors = [
        trial(
            candidate=name,
            problem="regression",
            metric="rmse",
            metrics=(MetricPair(name="rmse", candidate=value, champion=2.0),),
        )
        for name, value in (("far", 9.0), ("near", 1.0))
    ]
    table = drawn(*errors).splitlines()
    assert [line.split()[0] for line in table if line.startswith((" far", " near"))] == [
        "near",
        "far",
    ]


def test_what_a_model_answers_is_text_and_no_markup_and_no_control_character() -> None:
    text = drawn(trial(unparsable=1, scored=199, examples=("'[red]\x1b[2J[/red]': no",)))
    assert "'[red][2J[/red]': no" in text


def test_progress_says_what_is_used_and_why_it_waits() -> None:
    progress = AskingProgress(
        asked=120, rows=200, unanswered=3, used=Decimal("0.0021"), busy="slow down"
    )
    assert trial_view.progress_line("nova", progress, dollars=True) == (
        "nova 120 of 200 rows, 3 without an answer, $0.0021, waiting: slow down"
    )
    assert "2,100 tokens" in trial_view.progress_line(
        "nova", AskingProgress(asked=1, rows=2, unanswered=0, used=Decimal(2100)), dollars=False
    )


# -- before rows leave -----------------------------------------------------------------------------


def asked(target: Any, *, yes: bool = False) -> None:
    agree(target, [SimpleNamespace(model=NOVA)], yes=yes)  # type: ignore[list-item]


def test_on_aws_nothing_leaves_unless_somebody_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(DeploymentError, match=r"nothing was sent.*--yes"):
        asked(AWS)
    asked(AWS, yes=True)
    asked(LOCAL)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    questions: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        questions.append(text)
        return len(questions) > 1

    monkeypatch.setattr(typer, "confirm", confirm)
    with pytest.raises(typer.Exit):
        asked(AWS)
    asked(AWS)
    assert questions[0] == "Send the rows to us-east-1?"
