"""Production traffic: flights as a product would ask about them, and a client that calls on."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.flights import write_month
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.serving.predictions import read
from ratchet.deployment.serving.request_rows import CSV, JSON, Batch
from ratchet.project import current


@dataclass(frozen=True, kw_only=True)
class Flight:
    """A flight as it is asked about, and what became of it."""

    columns: Mapping[str, str]
    late: bool


def flights_of(month: int, *, rows: int, label: str) -> list[Flight]:
    """Flights of a month, evenly chosen, joined with weather and planes by the prepare step itself.

    Its eval slice is the newest month, whole, when the month before is there as well: so requests
    have the very columns that the model was evaluated on.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for landed_month in (month - 1, month):
            write_month(landed_month, folder / "raw")
        done = subprocess.run(
            [
                *(sys.executable, str(current().root / "steps/flights/prepare.py")),
                *("--raw", str(folder / "raw")),
                *("--train", str(folder / "train"), "--eval", str(folder / "eval")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DeploymentError(f"steps/prepare.py cannot make requests: {done.stderr[-500:]}")
        with (folder / "eval" / "eval.csv").open(newline="") as file:
            flights = list(csv.DictReader(file))
    chosen = flights[:: max(1, len(flights) // rows)][:rows]
    return [Flight(late=row.pop(label) == "1", columns=row) for row in chosen]


def requests_of(flights: Sequence[Flight], *, size: int) -> list[Batch]:
    """The flights as CSV with a header, `size` to a request."""
    return [
        _request([flight.columns for flight in flights[first : first + size]], first + 1)
        for first in range(0, len(flights), size)
    ]


def _request(rows: Sequence[Mapping[str, Any]], first: int) -> Batch:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    body = text.getvalue().encode()
    return Batch(body=body, content_type=CSV, rows=tuple(rows), first=first)


@dataclass
class Tally:
    """What a client saw."""

    calls: int = 0
    failures: list[str] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    """One for each answered call, in order."""
    slowest: float = 0.0
    """Seconds."""

    @property
    def changes(self) -> int:
        """How often an answer differed from the one before: each time another model answered."""
        return sum(a != b for a, b in zip(self.answers, self.answers[1:], strict=False))


class Client:
    """Asks about one flight again and again, in a thread of its own, until it is closed.

    It does not retry: what fails counts.
    """

    def __init__(self, runtime: Any, endpoint: str, batch: Batch, *, pause: float = 0.05) -> None:
        self.tally = Tally()
        self._runtime = runtime
        self._endpoint = endpoint
        self._batch = batch
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._call_on, name="client", daemon=True)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=60)

    def _call_on(self) -> None:
        while not self._ended.is_set():
            started = time.monotonic()
            self._call()
            self.tally.slowest = max(self.tally.slowest, time.monotonic() - started)
            self._ended.wait(self._pause)

    def _call(self) -> None:
        self.tally.calls += 1
        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self._endpoint,
                Body=self._batch.body,
                ContentType=CSV,
                Accept=JSON,
                InferenceId=f"client-{self.tally.calls}",
            )
            (score,) = read(answer["Body"].read(), answer.get("ContentType", JSON))
            self.tally.answers.append(float(score))
        except Exception as problem:  # whatever it is, the product got no answer
            self.tally.failures.append(f"call {self.tally.calls}: {problem}"[:300])
