"""`ratchet costs setup` and `ratchet costs reconcile`: cost allocation tags and AWS's own bill."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, Yes, connect, connect_to_change

if TYPE_CHECKING:
    from ratchet.deployment.costs.allocation_tags import AllocationTag
    from ratchet.deployment.target.environment import Target


class Tag(StrEnum):
    """Tags that split a bill, and that recorded rows carry too."""

    pipeline = "pipeline"
    experiment = "experiment"
    step = "step"


def register(app: typer.Typer) -> None:
    app.command(short_help="Check and activate the cost allocation tags.")(setup)
    app.command(short_help="Compare the estimate with what AWS has billed.")(reconcile)


# -- setup -----------------------------------------------------------------------------------------


def setup(
    activate: Annotated[
        bool,
        typer.Option("--activate", help="Activate the tags that can be activated, after asking."),
    ] = False,
    yes: Yes = False,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Only print the AWS command that activates them; do not call AWS."
        ),
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Check whether the tags are active as cost allocation tags.

    Budgets and Cost Explorer see only active tags. AWS lists a tag within 24
    hours of its first use, and costs carry it within 24 hours of its activation.
    """
    from ratchet.cli.views.tag_view import table
    from ratchet.deployment.costs import allocation_tags
    from ratchet.settings import tags

    if show:
        out().print(allocation_tags.command(tags.ON_STEPS), soft_wrap=True)
        return
    if activate:
        doing = "activate tags for the whole organization"
        target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    else:
        target = connect(environment, local, model)
    ce = target.client("ce")
    tag_states = allocation_tags.look(ce, tags.ON_STEPS)
    inactive = [tag.key for tag in tag_states if tag.status == "inactive"]
    if activate and inactive and (yes or _agreed(inactive)):
        for refusal in allocation_tags.activate(ce, inactive):
            err().print(f"[red]{refusal.key} was not activated:[/] {refusal.why}", soft_wrap=True)
        tag_states = allocation_tags.look(ce, tags.ON_STEPS)
        inactive = [tag.key for tag in tag_states if tag.status == "inactive"]
    if as_json:
        document = [
            {"key": t.key, "status": t.status, "last_used": t.used or None} for t in tag_states
        ]
        echo_json(document)
        return
    console = out()
    console.print(table(tag_states))
    _say_what_to_do(target, tag_states, inactive)


def _agreed(keys: list[str]) -> bool:
    return typer.confirm(f"Activate {', '.join(keys)} for the whole organization?", err=True)


def _say_what_to_do(target: Target, tag_states: list[AllocationTag], inactive: list[str]) -> None:
    from ratchet.costs_report.period import months_before
    from ratchet.deployment.costs import allocation_tags

    console = out()
    unseen = [tag.key for tag in tag_states if tag.status == "not seen"]
    if inactive:
        console.print(f"\nActivate them: {target.command('costs setup --activate')}, or")
        console.print(f"  {allocation_tags.command(inactive)}", soft_wrap=True)
        console.print(
            "Costs carry them within 24 hours; those of the last 12 months too after\n"
            "  aws ce start-cost-allocation-tag-backfill --backfill-from "
            f"{months_before(datetime.now(UTC).date(), 11)}T00:00:00Z",
            soft_wrap=True,
        )
    if unseen:
        console.print(
            f"\nAWS has not yet seen {', '.join(unseen)} on anything that costs money. It lists a "
            "tag within 24 hours of its first use; pipeline, step, experiment and run are on the "
            f"jobs of runs. Try again after a run: {target.command('costs setup')}",
            soft_wrap=True,
        )
    if not inactive and not unseen:
        console.print("\nAll are active.")
        err().print(f"[dim]{target.command('costs reconcile')}[/]", soft_wrap=True)


# -- reconcile -------------------------------------------------------------------------------------


def reconcile(
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="Default: this month.")
    ] = None,
    by: Annotated[Tag, typer.Option("--by", help="The tag to split both by.")] = Tag.pipeline,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Compare the estimate with what AWS has billed, by tag, and show the difference.

    Cost Explorer is up to a day late, and shows a tag only for the time since it
    became active (`ratchet costs setup`). Each request to it costs $0.01.
    """
    from ratchet.cli.views import reconciled_view
    from ratchet.costs_report import grouping, reconciled
    from ratchet.costs_report.period import Period
    from ratchet.deployment.costs import bill
    from ratchet.deployment.costs import recorded as recorded_costs
    from ratchet.deployment.target import facts
    from ratchet.settings import tags

    target = connect(environment, local, model)
    today = datetime.now(UTC).date()
    first, last = bill.month(month, today=today)
    period = Period(first=first, last=last)
    bucket = facts.read(target).artifacts_bucket
    pipelines = recorded_costs.pipelines(target, bucket)
    objects = recorded_costs.objects(target, bucket, period, pipelines=pipelines)
    estimate = grouping.lines(recorded_costs.read(target, bucket, objects), by.value, period)
    billed = bill.read(
        target.client("ce"),
        first=first,
        last=last,
        tag=by.value,
        only={
            tags.PROJECT: target.settings.project,
            tags.MODEL: target.settings.model_name,
            tags.ENVIRONMENT: target.settings.environment,
        },
    )
    billed_lines = ((line.value, line.service, line.amount) for line in billed.billed)
    lines = reconciled.compare(estimate, billed_lines, by=by.value)
    if as_json:
        document: dict[str, Any] = {
            **reconciled_view.as_data(lines),
            "from": str(first),
            "to": str(last),
            "currency": billed.currency,
            "open_days": [str(day) for day in billed.open_days],
        }
        echo_json(document)
        return
    console = out()
    console.print(reconciled_view.table(lines, by=by.value))
    console.print(*reconciled_view.remarks(lines, billed, today=today), sep="\n", soft_wrap=True)
    if not billed.billed:
        err().print(f"[dim]{target.command('costs setup')}[/]", soft_wrap=True)
