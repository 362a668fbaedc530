"""`ratchet predict`: rows of a file to the endpoint, and its answers."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from ratchet.cli.console import Echo, echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect
from ratchet.cli.views.wording import count, duration, number

if TYPE_CHECKING:
    from ratchet.deployment.serving.predictions import EndpointAnswer

SHOWN = 20
COLUMNS_OF_CSV = ("row", "prediction", "inference_id")
COLUMNS = 5
"""How many of the rows' own columns to show: enough to recognise a row."""


def register(app: typer.Typer) -> None:
    app.command(short_help="Send rows of a file to the endpoint and print its answers.")(predict)


def predict(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV, JSON or JSON lines.", show_default=False),
    ],
    rows: Annotated[
        int, typer.Option("--rows", "-r", min=1, metavar="N", help="How many rows per request.")
    ] = 100,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="COLUMN",
            help="A column that is not sent. May be given repeatedly; default: the label of the "
            "settings.",
        ),
    ] = None,
    header: Annotated[
        bool,
        typer.Option(
            "--header/--no-header",
            help="Whether the first line of a CSV file holds the column names.",
        ),
    ] = True,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Send rows of a file to the endpoint and print its answers.

    Each request carries an inference id. Data capture stores it, so that labels
    can be joined to the prediction later.
    """
    from ratchet.deployment.serving import predictions
    from ratchet.deployment.serving.request_rows import batches
    from ratchet.deployment.target import facts

    target = connect(environment, local, model)
    endpoint = facts.read_serving(target).endpoint
    left_out = [*target.settings.model.not_in_requests] if without is None else without
    started = time.monotonic()
    answers = predictions.predict(
        target,
        endpoint,
        batches(file, size=rows, without=left_out, header=header),
        prefix=predictions.new_prefix(),
    )
    if as_csv:
        writer = csv.writer(Echo(), lineterminator="\n")
        writer.writerow(COLUMNS_OF_CSV)
        writer.writerows([line[name] for name in COLUMNS_OF_CSV] for line in _lines(answers))
        return
    listed = list(answers)
    if as_json:
        echo_json(list(_lines(listed)))
        return
    sent = sum(len(answer.predictions) for answer in listed)
    if not sent:
        out().print(f"{file} holds no rows")
        return
    out().print(table(listed))
    took = time.monotonic() - started
    err().print(
        f"[dim]{count(sent, 'row')} in {count(len(listed), 'request')} to {endpoint}, "
        f"{duration(took)}[/]",
        soft_wrap=True,
    )


def _lines(answers: Iterable[EndpointAnswer]) -> Iterable[dict[str, Any]]:
    """A line for each row; `answer` is in it where a model answers more than the prediction."""
    from ratchet.deployment.serving.predictions import prediction_of

    for answer in answers:
        for place, value in enumerate(answer.predictions):
            prediction = prediction_of(value)
            yield {
                "row": answer.batch.first + place,
                "prediction": prediction,
                "inference_id": answer.inference_id,
                **({} if prediction == value else {"answer": value}),
            }


def table(answers: list[EndpointAnswer]) -> Table:
    """The first rows with their predictions, and how many more there are."""
    from ratchet.deployment.serving.predictions import prediction_of

    first = answers[0].batch.rows[0]
    names = list(first)[:COLUMNS]
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("row", justify="right", no_wrap=True)
    drawn.add_column("prediction", justify="right", no_wrap=True)
    for name in names:
        drawn.add_column(name, style="dim", overflow="ellipsis", no_wrap=True)
    shown = [
        (answer.batch.first + place, prediction_of(prediction), row)
        for answer in answers
        for place, (prediction, row) in enumerate(
            zip(answer.predictions, answer.batch.rows, strict=True)
        )
    ]
    for place, prediction, row in shown[:SHOWN]:
        drawn.add_row(
            str(place),
            number(prediction),
            *(str(row.get(name, "")) for name in names),
        )
    if len(shown) > SHOWN:
        drawn.caption = f"… and {len(shown) - SHOWN:,} more: --csv or --json has all of them"
        drawn.caption_justify = "left"
    return drawn
