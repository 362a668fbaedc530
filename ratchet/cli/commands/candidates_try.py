"""`ratchet candidates try`: a foundation model on the rows that the champion was judged by."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo, echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratchet.candidates.asking import Progress
    from ratchet.candidates.champion_answers import Champion
    from ratchet.candidates.plans import Plan, TriedModel
    from ratchet.candidates.prompts import Question, Template
    from ratchet.candidates.replies import RefusedTrialError
    from ratchet.candidates.results import Trial
    from ratchet.candidates.row_trials import Limits, RowTrial, Sending
    from ratchet.deployment.target.environment import Target
    from ratchet.loop.facts import TrainingFacts


def register(app: typer.Typer) -> None:
    app.command("try", short_help="Try foundation models on your rows, beside the champion.")(try_)


def try_(
    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID…", help="Models, as `ratchet candidates list` has them."),
    ],
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows",
            min=1,
            metavar="N",
            help="How many rows of the eval slice; default: candidates.rows of the settings.",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(
            "--prompt",
            metavar="FILE",
            help="The template of the prompts; default: config/<model>/prompt.txt, if it is there.",
            show_default=False,
        ),
    ] = None,
    show_prompt: Annotated[
        bool,
        typer.Option("--show-prompt", help="Print the prompt of one row; nothing is sent."),
    ] = False,
    limit_usd: Annotated[
        str | None,
        typer.Option(
            "--limit-usd",
            metavar="USD",
            help="What all trials together may cost; default: candidates.limit_usd of the settings.",
            show_default=False,
        ),
    ] = None,
    limit_tokens: Annotated[
        int | None,
        typer.Option(
            "--limit-tokens",
            min=1,
            metavar="N",
            help="A limit in tokens instead, for models whose price is unknown.",
            show_default=False,
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            min=1,
            metavar="N",
            help="That one answer may have; more for models that think aloud.",
            show_default=False,
        ),
    ] = None,
    train_rows: Annotated[
        int,
        typer.Option(
            "--train-rows",
            min=10,
            metavar="N",
            help="Of an embedding model: rows of the train slice for the small model on top.",
        ),
    ] = 1000,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=64, metavar="N", help="Rows asked at once.")
    ] = 8,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.1, metavar="SECONDS", help="That one row may take."),
    ] = 60.0,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before rows leave and money is spent.")
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Try foundation models on rows of the newest eval slice, beside the champion.

    Only the columns of candidates.columns of the settings leave, and never the label. What it
    may cost at most is shown first; Ctrl-C ends it with what there is.
    """
    from ratchet.candidates import lookup, plans
    from ratchet.candidates.asking import Patience
    from ratchet.candidates.champion_answers import champion_of
    from ratchet.candidates.row_trials import Limits, Sending, check_limits
    from ratchet.cli.views import trial_view
    from ratchet.deployment.target import facts

    target = connect(environment, local, model)
    settings, deployed = target.settings.candidates, facts.read(target)
    limits = Limits(usd=_dollars(limit_usd, settings.limit_usd), tokens=limit_tokens)
    plan = plans.plan(
        target,
        deployed.pipeline,
        columns=settings.columns,
        template=lambda question: _template(target, prompt, question),
        size=rows or settings.rows,
    )
    if show_prompt:
        _show_prompt(plan)
        return
    tried = lookup.tried_models(target, ids)
    sending = Sending(
        patience=Patience(
            at_once=at_once, between=0 if target.local else settings.seconds_between_requests
        ),
        max_tokens=max_tokens or plan.max_tokens,
        seconds=timeout,
    )
    trials = _trials(target, plan, tried, sending, train_rows=train_rows)
    with err().status("[dim]asking the champion[/]"):
        champion = champion_of(target, plan.rows)
    _announce(plan, trials, champion.asked.reason)
    check_limits(trials, limits)
    _agree(target, trials, yes=yes)
    results, refusals = _run(target, deployed, trials, champion, limits)
    if as_json:
        echo_json([trial_view.as_data(result) for result in results])
    elif results:
        console = out()
        console.print(trial_view.trials(results, width=console.width))
    if refusals:
        raise refusals[0]


def _trials(
    target: Target,
    plan: Plan,
    models: Sequence[TriedModel],
    sending: Sending,
    *,
    train_rows: int,
) -> list[RowTrial]:
    """The trial of each model, by its kind."""
    from ratchet.candidates.embedding_trials import EmbeddingTrial
    from ratchet.candidates.embedding_trials import train_rows as rows_of_train_slice
    from ratchet.candidates.results import EMBEDDING
    from ratchet.candidates.text_trials import TextTrial

    trials: list[RowTrial] = []
    for model in models:
        if model.kind != EMBEDDING:
            trials.append(TextTrial(target=target, plan=plan, model=model, sending=sending))
            continue
        train = rows_of_train_slice(target, plan, train_rows)
        trials.append(
            EmbeddingTrial(target=target, plan=plan, model=model, sending=sending, train=train)
        )
    return trials


def _dollars(text: str | None, default: float) -> Decimal:
    try:
        amount = Decimal(str(default) if text is None else text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount <= 0:
        raise typer.BadParameter(
            f"{text!r}; expected dollars, such as 0.50", param_hint="--limit-usd"
        )
    return amount


def _template(target: Target, file: Path | None, question: Question) -> Template:
    """The template of the command line, or of the project, or else the one that is made."""
    from ratchet.candidates.prompts import Template, default_template
    from ratchet.deployment.errors import DeploymentError

    named = target.settings.candidates.prompt_file(target.settings.model_name)
    path = file or target.root / named
    if not path.is_file():
        if file is None and not target.settings.candidates.prompt:
            return default_template(question)
        raise DeploymentError(
            f"no such file: {file or named}. It holds the text of a prompt with places such as "
            "{row} in it; without one, a template is made of the settings: --show-prompt"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise DeploymentError(f"{file or named} is not UTF-8 text: {problem}") from None
    return Template(text=text, source=str(file or named))


def _show_prompt(plan: Plan) -> None:
    """What a model is sent for the first row, and nothing is sent."""
    from ratchet.candidates.prompts import instruction
    from ratchet.cli.views import trial_view

    for line in trial_view.plan_lines(plan):
        err().print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    echo(plan.prompts[0].rstrip("\n"))
    echo("")
    echo(instruction(plan.question))
    err().print("[dim]nothing was sent[/]")


def _announce(plan: Plan, trials: Sequence[RowTrial], unscorable: str | None) -> None:
    """What would leave, where to, and for how much at most."""
    from ratchet.candidates.eval_rows import too_few
    from ratchet.cli.views import trial_view

    console = err()
    for line in trial_view.plan_lines(plan):
        console.print(escape(line), soft_wrap=True)
    if caution := too_few(plan.rows.labels):
        console.print(f"[yellow]few rows[/]: {escape(caution)}", soft_wrap=True)
    if unscorable:
        console.print(
            f"[yellow]the champion cannot be scored[/]: {escape(unscorable)}", soft_wrap=True
        )
    for trial in trials:
        console.print(escape(trial_view.estimate_line(trial.model, trial.tokens)), soft_wrap=True)


def _agree(target: Target, trials: Sequence[RowTrial], *, yes: bool) -> None:
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


def _run(
    target: Target,
    deployed: TrainingFacts,
    trials: Sequence[RowTrial],
    champion: Champion,
    limits: Limits,
) -> tuple[list[Trial], list[RefusedTrialError]]:
    """One trial after the other. Each is stored as soon as it ends."""
    from ratchet.candidates import results
    from ratchet.candidates.asking import INTERRUPTED
    from ratchet.candidates.replies import RefusedTrialError

    budget = limits.budget()
    ended: list[Trial] = []
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


def _share(target: Target, deployed: TrainingFacts, trial: Trial) -> None:
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
        self._tenth, self._busy = -1, ""

    def __enter__(self) -> _Shown:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, progress: Progress) -> None:
        from ratchet.cli.views import trial_view

        line = escape(trial_view.progress_line(self._candidate, progress, dollars=self._dollars))
        if self._console.is_terminal:
            self._status.update(f"[dim]{line}[/]")
            return
        tenth = 10 * progress.asked // progress.rows
        if tenth > self._tenth or (progress.busy and progress.busy != self._busy):
            self._console.print(f"[dim]{line}[/]", soft_wrap=True)
        self._tenth, self._busy = max(tenth, self._tenth), progress.busy
