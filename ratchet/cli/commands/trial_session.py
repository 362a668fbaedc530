"""A session of trials on the terminal: what will leave, whether a person agrees, how far it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from ratchet.cli.console import err

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratchet.candidates.asking import AskingProgress
    from ratchet.candidates.champion_answers import Champion
    from ratchet.candidates.jumpstart_trials import JumpStartTrial
    from ratchet.candidates.plans import TrialPlan
    from ratchet.candidates.replies import RefusedTrialError
    from ratchet.candidates.results import CandidateTrial
    from ratchet.candidates.row_trials import Limits, RowTrial
    from ratchet.deployment.target.environment import Target
    from ratchet.loop.facts import TrainingFacts


def announce(plan: TrialPlan, trials: Sequence[RowTrial | JumpStartTrial]) -> None:
    """What would leave, where to, and for how much at most."""
    from ratchet.candidates.eval_rows import too_few
    from ratchet.cli.views import trial_view

    console = err()
    for line in trial_view.plan_lines(plan):
        console.print(escape(line), soft_wrap=True)
    if caution := too_few(plan.rows.labels):
        console.print(f"[yellow]few rows[/]: {escape(caution)}", soft_wrap=True)
    for trial in trials:
        console.print(escape(trial_view.estimate_line(trial)), soft_wrap=True)


def ask_champion(target: Target, plan: TrialPlan) -> Champion:
    """The champion's answers, which cost nothing; whoever agrees to a trial knows whether there
    are any."""
    from ratchet.candidates import champion_answers

    console = err()
    with console.status("[dim]asking the champion[/]"):
        champion = champion_answers.champion_of(target, plan.rows)
    if reason := champion.asked.reason:
        console.print(f"[yellow]the champion cannot be scored[/]: {escape(reason)}", soft_wrap=True)
    return champion


def agree(target: Target, trials: Sequence[RowTrial | JumpStartTrial], *, yes: bool) -> None:
    """On AWS a person agrees before rows leave and money is spent."""
    from ratchet.deployment.errors import DeploymentError

    if yes or target.local:
        return
    regions = sorted({region for trial in trials for region in trial.model.regions})
    question = f"Send the rows to {', '.join(regions)}?"
    if not sys.stdin.isatty():
        raise DeploymentError(
            "nothing was sent: nobody is here to agree. Add --yes, in a workflow and whenever this "
            "is what you mean"
        )
    if not typer.confirm(question, default=False, err=True):
        err().print("Nothing was sent.")
        raise typer.Exit(1)


def run_all(
    target: Target,
    deployed: TrainingFacts,
    trials: Sequence[RowTrial | JumpStartTrial],
    champion: Champion,
    limits: Limits,
) -> tuple[list[CandidateTrial], list[RefusedTrialError]]:
    """One trial after the other. Each is stored as soon as it ends."""
    from ratchet.candidates import results
    from ratchet.candidates.asking import INTERRUPTED
    from ratchet.candidates.replies import RefusedTrialError

    budget = limits.budget()
    ended: list[CandidateTrial] = []
    refusals: list[RefusedTrialError] = []
    for trial in trials:
        try:
            with _Shown(trial.model.id, dollars=limits.tokens is None) as shown:
                result = trial.run(champion, limits=limits, budget=budget, progress=shown)
        except RefusedTrialError as refusal:
            refusals.append(refusal)
            continue
        results.save(result, root=target.root)
        _share(target, deployed, result)
        ended.append(result)
        if result.stopped == INTERRUPTED:
            break
    return ended, refusals


def _share(target: Target, deployed: TrainingFacts, trial: CandidateTrial) -> None:
    """Colleagues read it in the bucket; who may not write there has it in the project's folder."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ratchet.candidates import results
    from ratchet.deployment.errors import explain

    try:
        results.share(trial, s3=target.client("s3"), bucket=deployed.artifacts_bucket)
    except (BotoCoreError, ClientError) as problem:
        reason = str(explain(problem)).partition("\n")[0]
        err().print(
            f"[yellow]{trial.id} is in this folder only[/]: {escape(reason)}", soft_wrap=True
        )


class _Shown:
    """How far a trial is: redrawn in place on a terminal, some lines elsewhere."""

    def __init__(self, candidate: str, *, dollars: bool) -> None:
        self._candidate, self._dollars = candidate, dollars
        self._console = err()
        self._status = self._console.status(f"[dim]{escape(candidate)}[/]")
        self._quarter, self._busy = -1, ""

    def __enter__(self) -> _Shown:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, progress: AskingProgress) -> None:
        from ratchet.cli.views import trial_view

        line = escape(trial_view.progress_line(self._candidate, progress, dollars=self._dollars))
        if self._console.is_terminal:
            self._status.update(f"[dim]{line}[/]")
            return
        quarter = 4 * progress.asked // progress.rows
        if quarter > self._quarter or (progress.busy and progress.busy != self._busy):
            self._console.print(f"[dim]{line}[/]", soft_wrap=True)
        self._quarter, self._busy = max(quarter, self._quarter), progress.busy
