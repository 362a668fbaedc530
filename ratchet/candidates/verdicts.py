"""What a trial says about integrating a model, in words (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ratchet.candidates.results import CandidateTrial
from ratchet.candidates.scoring import MOST_UNANSWERED, too_many_unanswered
from ratchet.costs.money import shown as money
from ratchet.loop.numbers import score_text

Head = Literal["Better", "Not better", "No difference", "No champion", "No verdict", "No score"]


@dataclass(frozen=True, kw_only=True)
class TrialVerdict:
    head: Head
    text: str
    """The whole sentence, which begins with the head."""


def verdict(trial: CandidateTrial) -> TrialVerdict:
    """Better or not only where the interval of the difference leaves no doubt."""
    head, reason = _head(trial)
    parts = [f"{head}: {reason}" if reason else head]
    if scores := _scores(trial):
        parts.append(scores if reason else f": {scores}")
    text = ". ".join(parts) if reason else "".join(parts)
    dollars = trial.usd_per_1000_rows
    if dollars is not None:
        text += f"; {money(dollars)} for 1,000 rows"
    return TrialVerdict(head=head, text=f"{text}.")


def _head(trial: CandidateTrial) -> tuple[Head, str]:
    """The head, and what is in the way of a comparison."""
    if trial.no_score:
        return "No score", trial.no_score
    without = trial.unanswered + trial.unparsable
    if too_many_unanswered(asked=trial.asked, without=without):
        share = 100 * without / trial.asked
        return "No verdict", (
            f"{without:,} of {trial.asked:,} rows ({share:.1f} %) have no answer that can be read, "
            f"and the others may be the easy ones; at most {100 * MOST_UNANSWERED:.0f} % may lack "
            "one"
        )
    if trial.champion_reason:
        return "No verdict", f"the champion cannot be scored: {trial.champion_reason}"
    if trial.regression is None:
        return "No champion", ""
    if trial.interval is None:
        return "No verdict", "these rows define no interval of the difference"
    if trial.interval["high"] < 0:
        return "Better", ""
    return ("Not better", "") if trial.interval["low"] > 0 else ("No difference", "")


def _scores(trial: CandidateTrial) -> str:
    """`auc 0.6102 against the champion's 0.7011 on the same 200 rows (0.0909 worse, …)`."""
    pair = trial.pair
    if pair is None or pair.candidate is None:
        return ""
    rows = f"{trial.scored:,} row{'' if trial.scored == 1 else 's'}"
    if pair.champion is None:
        text = f"{trial.metric} {_score(pair.candidate)} on {rows}"
        if trial.own_interval:
            low, high = (_score(trial.own_interval[end]) for end in ("low", "high"))
            text += f", 95 % within {low} to {high}"
        return text
    ours, theirs = (_score(value, like=pair.champion) for value in (pair.candidate, pair.champion))
    return (
        f"{trial.metric} {ours} against the champion's {theirs} on the same {rows} "
        f"({trial.difference})"
    )


def _score(value: float, *, like: float | None = None) -> str:
    return score_text(value, like=like).replace("-", "−")
