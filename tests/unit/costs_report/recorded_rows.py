"""Rows as `record_run` would have written them: months of runs of a project that does not exist.

    python -m tests.unit.costs_report.recorded_rows FOLDER [--runs 200] [--days 90]

writes them below FOLDER as they lie in the artifact bucket.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ratchet.costs import money, rows
from ratchet.costs.rows import Row
from ratchet.costs_report.recorded_rows import ReportRow, read

LAST = date(2026, 11, 26)
LABELS: dict[str, Any] = {
    "recorded_at": "2026-11-26T09:00:00.000Z",
    "project": "flights",
    "environment": "dev",
    "owner": "ml",
    "cost_center": "ml-1",
}
TRAINING, EVALUATION = "flights-dev-training", "flights-dev-evaluation"
STEPS = (
    ("prepare", "Processing", rows.PROCESSING, "ml.m5.large", "0.115", 240),
    ("train", "Training", rows.TRAINING, "ml.m5.xlarge", "0.23", 900),
    ("evaluate", "Processing", rows.PROCESSING, "ml.m5.large", "0.115", 180),
    ("champion", "Lambda", "", "", "", 0),
    ("no-regression", "Condition", "", "", "", 0),
    ("register", "RegisterModel", "", "", "", 0),
)


def read_all(objects: Iterable[tuple[bytes, date]]) -> list[ReportRow]:
    """The rows of several objects, each with its day."""
    return [row for body, day in objects for row in read(body, day=day)]


def step_row(**more: Any) -> Row:
    """A step of a training run that cost nothing, unless told otherwise."""
    return Row(
        **{
            **LABELS,
            "kind": rows.STEP,
            "pipeline": TRAINING,
            "run": "run1",
            "run_name": "run one",
            "run_status": "Succeeded",
            "experiment": "default",
            "step": "train",
            **more,
        }
    )


def priced(cost: str | None, **more: Any) -> Row:
    """A training of an hour at `cost`; None: its price is not known."""
    amount = None if cost is None else Decimal(cost)
    known = {"price_source": rows.PRICE_LIST, "price_date": "2026-11-20"}
    return step_row(
        **{
            "component": rows.TRAINING,
            "instance_type": "ml.m5.xlarge",
            "instance_count": 1,
            "started": "2026-11-20T08:00:00.000Z",
            "units": Decimal(1),
            "price": amount,
            "cost": amount,
            **({"price_source": rows.UNKNOWN} if cost is None else known),
            **more,
        }
    )


def objects(*, runs: int, days: int, last: date = LAST, seed: int = 5) -> dict[str, bytes]:
    """Key → object: runs of two pipelines, an endpoint and a bucket, over the last `days`."""
    chance = random.Random(seed)
    found: dict[str, list[Row]] = {}
    versions = 0
    for number in range(runs):
        day = last - timedelta(days=(runs - 1 - number) * days // runs)
        pipeline = EVALUATION if number % 5 == 4 else TRAINING
        own = list(_run(chance, number, pipeline, day, versions + 1))
        versions += any(row.model_version for row in own)
        found.setdefault(rows.key(pipeline, day), []).extend(own)
    for back in range(days):
        day = last - timedelta(days=back)
        for row in _by_the_day(day, back, days):
            found.setdefault(rows.key(row.pipeline, day), []).append(row)
    return {key: rows.write(own) for key, own in found.items()}


def _run(
    chance: random.Random, number: int, pipeline: str, day: date, version: int
) -> Iterator[Row]:
    started = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    started += timedelta(minutes=number % 200 * 5)  # in the order of their numbers
    status = chance.choices(("Succeeded", "Failed", "Stopped"), (8, 2, 0.3))[0]
    of_run = {
        "pipeline": pipeline,
        "run": f"r{number:05}{chance.getrandbits(32):08x}"[:12],
        "run_name": f"{day:%Y-%m}-{chance.getrandbits(48):012x}",
        "run_status": status,
        "experiment": chance.choice(("default", "default", "deeper-trees", "no-weather")),
    }
    for place, (step, kind, component, instance, price, seconds) in enumerate(STEPS):
        begun = rows.time_text(started + timedelta(minutes=place * 5))
        base = {**of_run, "step": step, "step_type": kind, "attempt": 1, "started": begun}
        if not component:
            registers = step == "register" and status == "Succeeded" and pipeline == TRAINING
            yield step_row(**base, model_version=version if registers else None)
            continue
        took = Decimal(round(seconds * chance.uniform(0.6, 1.8)))
        amount = money.rounded(Decimal(price) * took / 3600)
        if step == "prepare" and chance.random() < 0.4:
            source = {"cache_hit": True, "cached_from": "r00000000000"}
            yield step_row(**base, **source, saved_by_cache=amount)
            continue
        spot = step == "train" and chance.random() < 0.5
        strange = chance.random() < 0.004
        yield step_row(
            **base,
            resource=f"{step}-{of_run['run']}",
            component=component,
            instance_type="ml.m9x.large" if strange else instance,
            instance_count=1,
            billed_seconds=float(took),
            used_seconds=float(took * 3 if spot else took),
            units=money.rounded(took / 3600),
            price_unit=rows.HOUR,
            price=None if strange else Decimal(price),
            price_source=rows.UNKNOWN if strange else rows.PRICE_LIST,
            price_date="" if strange else f"{day - timedelta(days=3)}",
            cost=None if strange else amount,
            spot=spot,
            saved_by_spot=amount * 2 if spot and not strange else Decimal(0),
        )


def _by_the_day(day: date, back: int, days: int) -> Iterator[Row]:
    hours = Decimal(24 if back else 9)
    yield Row(
        **LABELS,
        kind="endpoint",
        pipeline=rows.ENDPOINTS,
        resource="flights-dev",
        component=rows.HOSTING,
        instance_type="ml.t2.medium",
        instance_count=1,
        started=f"{day}T00:00:00.000Z",
        units=hours,
        price=Decimal("0.056"),
        price_unit=rows.HOUR,
        price_source=rows.BUNDLED if back > 60 else rows.PRICE_LIST,
        price_date="2026-09-01" if back > 60 else f"{day}",
        cost=hours * Decimal("0.056"),
    )
    stored = money.rounded(Decimal(3 + (days - back) / 20) / 30)
    yield Row(
        **LABELS,
        kind="storage",
        pipeline=rows.STORAGE,
        resource="flights-dev-artifacts",
        component=rows.STORED,
        started=f"{day}T00:00:00.000Z",
        units=stored,
        price=Decimal("0.023"),
        price_unit=rows.GB_MONTH,
        price_source=rows.PRICE_LIST,
        price_date=f"{day}",
        cost=money.rounded(stored * Decimal("0.023")),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    for key, text in objects(runs=given.runs, days=given.days).items():
        path = given.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


if __name__ == "__main__":
    main()
