"""What is kept of a run, an endpoint or a bucket: one row for each thing that is billed (pure).

Rows are JSON lines, packed, in
s3://<artifacts>/costs/rows/pipeline=<name>/month=<YYYY-MM>/<YYYY-MM-DD>.jsonl.gz: all rows of a
pipeline's runs that started on that day (UTC). Endpoints are below `pipeline=_endpoint`, buckets
below `pipeline=_storage`. Athena reads them as the Glue table `run_costs`; the command line reads
them by day.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from ratchet.definition.resources import PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB
from ratchet.loop import folders

FOLDER, SUFFIX = folders.COST_ROWS, ".jsonl.gz"
ENDPOINTS, STORAGE = "_endpoint", "_storage"
"""In place of a pipeline's name."""

Kind = Literal["step", "endpoint", "storage"]
STEP, ENDPOINT, BUCKET = "step", "endpoint", "storage"

TRAINING, PROCESSING = TRAINING_JOB.billed_as, PROCESSING_JOB.billed_as
TRANSFORM, HOSTING = TRANSFORM_JOB.billed_as, "Hosting"
COMPONENTS = (TRAINING, PROCESSING, TRANSFORM, HOSTING)
"""What an instance is priced as. A tuning step's children are trainings."""
STORED, NOTHING = "Storage", "none"

PRICE_LIST, BUNDLED, UNKNOWN = "price-list", "bundled", "unknown"
"""Where a price is from."""

HOUR, GB_MONTH = "hour", "GB-month"

ENDED = frozenset({"Succeeded", "Failed", "Stopped"})
"""Statuses of an execution that is over."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A step of a run, an endpoint on one day, or a bucket on one day."""

    kind: Kind
    recorded_at: str
    """ISO 8601 UTC, as all times here."""
    project: str
    environment: str
    owner: str
    cost_center: str
    pipeline: str
    """The pipeline's name, or ENDPOINTS or STORAGE."""
    run: str = ""
    """Execution id."""
    run_name: str = ""
    """Its display name."""
    run_status: str = ""
    """Succeeded | Failed | Stopped | Executing | Stopping"""
    experiment: str = ""
    step: str = ""
    step_type: str = ""
    attempt: int = 0
    """Which attempt at the step this was, from 1."""
    job_arn: str = ""
    resource: str = ""
    """The job, the endpoint, or the bucket."""
    component: str = NOTHING
    """One of COMPONENTS, STORED, or NOTHING: it runs on no instance."""
    instance_type: str = ""
    instance_count: int = 0
    started: str = ""
    ended: str = ""
    """Of an endpoint: until when it is reckoned."""
    billed_seconds: float = 0.0
    """Of each instance, as AWS bills it; a tuning step's are those of all its children."""
    used_seconds: float = 0.0
    """Of each instance, as it ran: with spot capacity more than is billed."""
    units: Decimal | None = Decimal(0)
    """What the price is of: instance-hours, or GB-months. None: not known, such as of a job that
    SageMaker no longer describes."""
    price: Decimal | None = None
    """Of one unit. None: not known."""
    price_unit: str = ""
    """HOUR | GB_MONTH"""
    currency: str = "USD"
    price_source: str = ""
    """PRICE_LIST | BUNDLED | UNKNOWN; "" where nothing is priced."""
    price_date: str = ""
    """ISO date of the price."""
    cost: Decimal | None = Decimal(0)
    """None when the price is not known, or what was used is not: never zero then."""
    spot: bool = False
    saved_by_spot: Decimal = Decimal(0)
    cache_hit: bool = False
    cached_from: str = ""
    """Execution id of the run whose result was taken."""
    saved_by_cache: Decimal | None = Decimal(0)
    """What that step cost there. None: not known."""
    children: int = 0
    """Training jobs of a tuning step."""
    kept_warm_seconds: float = 0.0
    """How much of `billed_seconds` the instances were kept for a next job."""
    model_version: int | None = None
    """That this step registered."""
    open: bool = False
    """More will be billed, or is not known yet."""

    @property
    def over(self) -> bool:
        """Whether there is nothing more to find out: a price that is not known may be, later."""
        if self.open or self.run_status not in ENDED:
            return False
        return self.cost is not None or self.units is None


_NAMES = tuple(field.name for field in fields(Row))
_PACKED = b"\x1f\x8b"  # how every gzip file begins
_NUMBERS = frozenset({"billed_seconds", "used_seconds", "kept_warm_seconds"})


def line(row: Row) -> str:
    """The row as JSON. Money is a JSON number of at most nine decimal places."""
    return json.dumps(asdict(row), default=_number, separators=(",", ":"), ensure_ascii=False)


def _number(value: object) -> float | int:
    if isinstance(value, Decimal):
        # At most 15 digits in use (a million dollars, in nanodollars), which a double keeps.
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{value!r} has no place in a row")


def read(body: bytes) -> list[Row]:
    """The rows of one object; keys that this version does not know are left alone.

    Raises:
        ValueError: a line is no row.
    """
    return [_row(text) for text in unpacked(body).splitlines() if text.strip()]


def unpacked(body: bytes) -> bytes:
    """The lines of one object, which somebody may have put there unpacked.

    Raises:
        ValueError: it is packed, and not whole.
    """
    if not body.startswith(_PACKED):
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as problem:
        raise ValueError(f"it cannot be unpacked: {problem}") from problem


def _row(text: bytes) -> Row:
    body = json.loads(text, parse_float=Decimal)
    values: dict[str, Any] = {name: body[name] for name in _NAMES if name in body}
    for name, value in values.items():
        if name in _NUMBERS:
            values[name] = float(value)
        elif isinstance(value, int) and name in _MONEY:
            values[name] = Decimal(value)
    try:
        return Row(**values)
    except TypeError as problem:
        raise ValueError(f"not a row of costs ({problem}): {text[:80]!r}") from problem


_MONEY = frozenset({"units", "price", "cost", "saved_by_spot", "saved_by_cache"})


def write(rows: Iterable[Row]) -> bytes:
    """One object: in the order of time, then of name, so that the same rows are the same bytes.

    Packed, rows are a twentieth: 10,000 runs are fetched in 2 MB.
    """
    ordered = sorted(rows, key=lambda r: (r.started or "~", r.run, r.step, r.attempt, r.resource))
    text = "".join(f"{line(row)}\n" for row in ordered)
    return gzip.compress(text.encode(), mtime=0) if text else b""


def key(pipeline: str, day: date) -> str:
    """Of the object that holds the rows of this pipeline and day."""
    return f"{FOLDER}pipeline={pipeline}/month={day:%Y-%m}/{day:%Y-%m-%d}{SUFFIX}"


def replaced(before: Sequence[Row], run: str, rows: Sequence[Row]) -> list[Row]:
    """The rows of a day with those of this run in place of what was known of it.

    A job that was known and is not told any more stays: when a step is tried again, SageMaker tells
    of its last job only, and the one before cost as much. A row that says what was known already
    keeps the time at which that was recorded, so recording twice changes nothing.
    """
    others = [row for row in before if row.run != run]
    recorded = {_identity(row): row for row in before if row.run == run}
    job_arns = {row.job_arn for row in rows}
    earlier = [row for row in recorded.values() if row.job_arn and row.job_arn not in job_arns]
    tried = {(row.step, row.attempt) for row in earlier}
    status = rows[0].run_status if rows else ""
    return [
        *others,
        *(replace(row, run_status=status or row.run_status) for row in earlier),
        *(
            _first_recorded(row, recorded.get(_identity(row)))
            for row in rows
            if row.units is not None or (row.step, row.attempt) not in tried
        ),
    ]


def _first_recorded(row: Row, recorded: Row | None) -> Row:
    if recorded is None:
        return row
    return recorded if replace(row, recorded_at=recorded.recorded_at) == recorded else row


def _identity(row: Row) -> tuple[str, int, str, str, int]:
    return row.step, row.attempt, row.job_arn, row.instance_type, row.instance_count


def time_text(moment: datetime | None) -> str:
    """As a row keeps it, to the millisecond; "" when there is none."""
    if moment is None:
        return ""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def columns() -> Mapping[str, str]:
    """Column → type in Athena, for the table; the partition keys are `pipeline` and `month`."""
    athena = {"int": "int", "float": "double", "bool": "boolean", "Decimal": "decimal(18,9)"}
    return {
        field.name: athena.get(str(field.type).removesuffix(" | None"), "string")
        for field in fields(Row)
        if field.name != "pipeline"
    }
