"""`ratchet candidates try`: a foundation model on the rows that the champion was judged by."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ratchet.cli.commands.trial_session import agree, announce, ask_champion, run_all
from ratchet.cli.console import echo, echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect

if TYPE_CHECKING:
    from ratchet.candidates.batch_trials import JobPlace
    from ratchet.candidates.jumpstart_trials import JumpStartTrial
    from ratchet.candidates.lookup import TriedHubModel
    from ratchet.candidates.plans import TrialPlan, TriedModel
    from ratchet.candidates.prompts import RowQuestion, Template
    from ratchet.candidates.row_trials import RowTrial, Sending
    from ratchet.deployment.target.environment import Target
    from ratchet.loop.facts import TrainingFacts


def register(app: typer.Typer) -> None:
    app.command(name="try", short_help="Try foundation models on your rows, beside the champion.")(
        try_
    )


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
            help="How many rows of the eval slice; default: candidates.rows.",
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
            help="What all trials together may cost; default: candidates.limit_usd.",
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
    batch: Annotated[
        bool,
        typer.Option(
            "--batch",
            help="By a batch job of Bedrock: for less, within hours, 100 rows at least.",
        ),
    ] = False,
    batch_role: Annotated[
        str | None,
        typer.Option(
            "--batch-role",
            metavar="NAME",
            help="The role that the job has: a name or an ARN; default: PROJECT-ENV-candidate.",
            show_default=False,
        ),
    ] = None,
    instance: Annotated[
        str,
        typer.Option(
            "--instance",
            metavar="TYPE",
            help="Of a model of JumpStart: what it runs on; default: as the hub says.",
            show_default=False,
        ),
    ] = "",
    accept_licence: Annotated[
        bool,
        typer.Option(
            "--accept-licence", help="Of a model of JumpStart: you may accept its licence, and do."
        ),
    ] = False,
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

    Only the columns leave that the settings name, and never the label. What it
    may cost at most is shown first; Ctrl-C ends it with what there is.
    """
    from ratchet.candidates import lookup, plans
    from ratchet.candidates.asking import Patience
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
    job = _job(target, deployed, plan, batch_role) if batch else None
    tried = lookup.tried_models(target, ids, batch=batch, instance=instance)
    sending = Sending(
        patience=Patience(
            at_once=at_once, between=0 if target.local else settings.seconds_between_requests
        ),
        max_tokens=max_tokens or plan.max_tokens,
        seconds=timeout,
    )
    trials: list[RowTrial | JumpStartTrial] = [
        _of_hub(target, deployed, plan, each, sending, accept_licence=accept_licence)
        if isinstance(each, lookup.TriedHubModel)
        else _of_bedrock(target, plan, each, sending, train_rows=train_rows, job=job)
        for each in tried
    ]
    announce(plan, trials)
    check_limits(trials, limits)
    champion = ask_champion(target, plan)
    agree(target, trials, yes=yes)
    results, refusals = run_all(target, deployed, trials, champion, limits)
    if as_json:
        echo_json([trial_view.as_data(result) for result in results])
    elif results:
        console = out()
        console.print(trial_view.trials(results, width=console.width))
    if refusals:
        raise refusals[0]


def _of_bedrock(
    target: Target,
    plan: TrialPlan,
    model: TriedModel,
    sending: Sending,
    *,
    train_rows: int,
    job: JobPlace | None,
) -> RowTrial:
    """The trial of a model of this kind.

    Args:
        job: where a batch job works; None: row by row.
    """
    from ratchet.candidates import embedding_trials
    from ratchet.candidates.batch_trials import BatchTrial
    from ratchet.candidates.results import EMBEDDING
    from ratchet.candidates.text_trials import TextTrial
    from ratchet.deployment.errors import DeploymentError

    how: dict[str, Any] = {"target": target, "plan": plan, "model": model, "sending": sending}
    if model.kind != EMBEDDING:
        return TextTrial(**how) if job is None else BatchTrial(**how, place=job)
    if job is not None:
        raise DeploymentError(
            f"{model.id} is an embedding model, which is asked row by row: without --batch"
        )
    train = embedding_trials.train_rows(target, plan, train_rows)
    return embedding_trials.EmbeddingTrial(**how, train=train)


def _of_hub(
    target: Target,
    deployed: TrainingFacts,
    plan: TrialPlan,
    model: TriedHubModel,
    sending: Sending,
    *,
    accept_licence: bool,
) -> JumpStartTrial:
    from ratchet.candidates.jumpstart_trials import JumpStartTrial

    return JumpStartTrial(
        target=target,
        plan=plan,
        model=model.tried,
        document=model.document,
        instance=model.instance,
        max_tokens=sending.max_tokens,
        bucket=deployed.artifacts_bucket,
        accept_licence=accept_licence,
    )


def _job(target: Target, deployed: TrainingFacts, plan: TrialPlan, role: str | None) -> JobPlace:
    """Where a batch job works; without a name, as the role that candidates have."""
    from ratchet.candidates import batch_trials, deployments
    from ratchet.settings.arns import partition

    batch_trials.check_rows(plan.rows.labels.rows)
    name = role or deployments.role_name(target.settings)
    arn = f"arn:{partition(target.region)}:iam::{target.account}:role/{name}"
    return batch_trials.JobPlace(
        role_arn=name if name.startswith("arn:") else arn, bucket=deployed.artifacts_bucket
    )


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


def _template(target: Target, file: Path | None, question: RowQuestion) -> Template:
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


def _show_prompt(plan: TrialPlan) -> None:
    """What a model is sent for the first row, and nothing is sent."""
    from ratchet.candidates.prompts import instruction
    from ratchet.cli.views import trial_view

    for line in trial_view.plan_lines(plan):
        err().print(f"[dim]{escape(line)}[/]", soft_wrap=True)
    echo(plan.prompts[0].rstrip("\n"))
    echo("")
    echo(instruction(plan.question))
    err().print("[dim]nothing was sent[/]")
