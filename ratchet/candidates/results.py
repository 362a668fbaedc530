"""What a trial of a foundation model came to: one JSON document for each trial.

It lies in the project's folder, `.ratchet/candidates/<environment>/<trial>.json`, and in the
artifact bucket, where colleagues read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.costs import money
from ratchet.deployment.errors import UnknownNameError, nearest
from ratchet.loop import folders
from ratchet.loop.numbers import difference_text, interval_text

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

FOLDER = Path(".ratchet") / "candidates"
"""In the project's folder; a folder for each environment in it."""

TEXT, EMBEDDING, JUMPSTART = "text", "embedding", "jumpstart"
KINDS = (TEXT, EMBEDDING, JUMPSTART)
"""How a foundation model answers: with text, with a vector, or from a container of ours."""


@dataclass(frozen=True, kw_only=True)
class MetricPair:
    """A metric of the candidate and of the champion on the same rows."""

    name: str
    candidate: float | None
    champion: float | None
    """None: it has none, or there is no champion."""


@dataclass(frozen=True, kw_only=True)
class TrialPrice:
    """By what a trial was priced, in US dollars. None: unknown, or it is billed otherwise."""

    source: str
    """As in ratchet/costs/rows.py: PRICE_LIST | BUNDLED | UNKNOWN."""
    date: str = ""
    """ISO date on which the price was looked up."""
    input_per_million: Decimal | None = None
    output_per_million: Decimal | None = None
    """For a million tokens."""
    hourly: Decimal | None = None
    """For an hour of an instance."""


@dataclass(frozen=True, kw_only=True)
class CandidateTrial:
    """One trial, whether it went to its end or was stopped."""

    id: str
    environment: str
    model: str
    """The loop's model, whose eval slice was used."""
    candidate: str
    """The foundation model's id."""
    kind: str
    """One of KINDS."""
    local: bool
    """Whether it ran on the local cloud, whose Bedrock is a stand-in."""
    problem: str
    metric: str
    """The one that decides."""
    metrics: tuple[MetricPair, ...]
    champion: str
    """Its version; "": there is none."""
    regression: float | None
    """By how much the candidate is worse, in the metric's own unit; None: there is no champion, or
    no score."""
    interval: Mapping[str, float] | None
    """Of the regression, as in the report of an evaluation: low, high, confidence, resamples."""
    rows: int
    """Rows that were to be asked."""
    scored: int
    """Rows that both models are compared on."""
    unparsable: int
    """Answers that the schema refuses."""
    unanswered: int
    """Rows that were asked and have no answer."""
    input_tokens: int | None
    output_tokens: int | None
    """None: nothing counts them."""
    cost_usd: Decimal | None
    """What the trial cost; None: unknown."""
    price: TrialPrice
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    regions: tuple[str, ...]
    """Where rows went."""
    prompt_digest: str
    """SHA-256 of the template and its schema; "": none was used."""
    data_digest: str
    """SHA-256 of the rows, in their order, with the columns that left."""
    stopped: str
    """Why it ended before its last row; "": it did not."""
    started: datetime
    ended: datetime
    not_asked: int = 0
    """Rows that it had not come to when it stopped."""
    examples: tuple[str, ...] = ()
    """Some of the unparsable answers, each with what was expected."""
    why_unanswered: str = ""
    """The most frequent reason."""
    no_score: str = ""
    """Why there is no score; "": there is one."""
    own_interval: Mapping[str, float] | None = None
    """Of the candidate's score, where there is no champion's."""
    champion_reason: str = ""
    """Why the champion could not be scored."""
    champion_latency_ms: float | None = None
    """That the champion takes for a row, in a process on this machine."""
    wall_p50_ms: float | None = None
    wall_p95_ms: float | None = None
    """From a request to its answer, with the network; `latency` is as the service measures it."""
    caution: str = ""
    """Why the interval says little; "": it says something."""

    @property
    def asked(self) -> int:
        return self.rows - self.not_asked

    @property
    def finished(self) -> bool:
        return not self.stopped

    @property
    def answered(self) -> int:
        """Rows with an answer, which cost, whether or not it could be read."""
        return self.asked - self.unanswered

    @property
    def usd_per_1000_rows(self) -> Decimal | None:
        """None: nothing was answered, or the cost is unknown."""
        if self.cost_usd is None or self.answered <= 0:
            return None
        return money.rounded(self.cost_usd / self.answered * 1000)

    @property
    def tokens_per_row(self) -> float | None:
        if self.input_tokens is None or self.output_tokens is None or self.answered <= 0:
            return None
        return (self.input_tokens + self.output_tokens) / self.answered

    @property
    def pair(self) -> MetricPair | None:
        """The scores by the metric that decides."""
        return next((pair for pair in self.metrics if pair.name == self.metric), None)

    @property
    def difference(self) -> str:
        """`0.0451 worse, 95 % within 0.0512 worse to 0.0398 worse`; empty without a champion."""
        if self.regression is None:
            return ""
        like = self.pair.champion if self.pair else None
        within = interval_text(self.interval, like=like)
        return ", ".join(filter(None, [difference_text(self.regression, like=like), within]))

    def to_json(self) -> str:
        return json.dumps(self.as_data(), indent=2, ensure_ascii=False) + "\n"

    def as_data(self) -> dict[str, Any]:
        """For JSON: times in ISO 8601, amounts of money as text."""
        data: dict[str, Any] = _plain({**asdict(self), "usd_per_1000_rows": self.usd_per_1000_rows})
        return data

    @classmethod
    def from_json(cls, text: str | bytes) -> CandidateTrial:
        """
        Raises:
            ValueError: the text is no trial.
        """
        try:
            return cls(**_fields(json.loads(text)))
        except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise ValueError(f"not a trial ({error!r}): {text[:80]!r}") from error


def trial_id(candidate: str, started: datetime) -> str:
    """`20261128-074512-amazon-nova-lite-v1-0`: ids sort by time."""
    name = "".join(each if each.isalnum() else "-" for each in candidate.lower()).strip("-")
    return f"{started:%Y%m%d-%H%M%S}-{name[-60:].strip('-')}"


def save(trial: CandidateTrial, *, root: Path) -> Path:
    """Writes the trial below the project's folder `root`."""
    file = root / FOLDER / trial.environment / f"{trial.id}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(trial.to_json(), encoding="utf-8")
    partial.replace(file)
    return file


def share(trial: CandidateTrial, *, s3: S3Client, bucket: str) -> str:
    """Uploads the trial to the artifact bucket, and returns its URI."""
    key = folders.trial(trial.id)
    s3.put_object(
        Bucket=bucket, Key=key, Body=trial.to_json().encode(), ContentType="application/json"
    )
    return f"s3://{bucket}/{key}"


def saved(*, root: Path, environment: str, model: str) -> list[CandidateTrial]:
    """The trials of a model in the project's folder, newest first; files that are none are left
    out."""
    files = (root / FOLDER / environment).glob("*.json")
    return newest_first(_read(file.read_bytes() for file in files), model=model)


def shared(*, s3: S3Client, bucket: str, model: str) -> list[CandidateTrial]:
    """The trials of a model in the artifact bucket, newest first.

    Raises:
        ClientError: S3 refuses.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folders.TRIALS)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return newest_first(_read(_objects(s3, bucket, keys)), model=model)


def newest_first(trials: Iterable[CandidateTrial], *, model: str) -> list[CandidateTrial]:
    """Each trial of the model once."""
    by_id = {trial.id: trial for trial in trials if trial.model == model}
    return sorted(by_id.values(), key=lambda trial: trial.started, reverse=True)


def named(name: str, trials: Iterable[CandidateTrial]) -> CandidateTrial | None:
    """The trial of this id, of the one id that begins so, or the newest for `latest`; None: none.

    Raises:
        UnknownNameError: several ids begin so.
    """
    trials = list(trials)
    if name == "latest":
        return next(iter(trials), None)
    matches = [each for each in trials if each.id == name] or [
        each for each in trials if each.id.startswith(name)
    ]
    if len(matches) > 1:
        ids = ", ".join(each.id for each in matches[:5])
        raise UnknownNameError(f"{name!r} is the beginning of several trials: {ids}")
    return matches[0] if matches else None


def no_such_trial(name: str, trials: Iterable[CandidateTrial]) -> UnknownNameError:
    near = nearest(name, [trial.id for trial in trials])
    return UnknownNameError(f"there is no trial {name!r}{near}")


def _read(texts: Iterable[bytes]) -> Iterable[CandidateTrial]:
    for text in texts:
        try:
            yield CandidateTrial.from_json(text)
        except ValueError:
            continue  # written by another version, or by hand


def _objects(s3: S3Client, bucket: str, keys: Iterable[str]) -> Iterable[bytes]:
    for key in keys:
        try:
            yield s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    price = data["price"]
    return {
        **{name: data[name] for name in CandidateTrial.__dataclass_fields__},
        "metrics": tuple(MetricPair(**pair) for pair in data["metrics"]),
        "cost_usd": _amount(data["cost_usd"]),
        "price": TrialPrice(
            source=price["source"],
            date=price["date"],
            input_per_million=_amount(price["input_per_million"]),
            output_per_million=_amount(price["output_per_million"]),
            hourly=_amount(price["hourly"]),
        ),
        "regions": tuple(data["regions"]),
        "examples": tuple(data["examples"]),
        "started": datetime.fromisoformat(data["started"]),
        "ended": datetime.fromisoformat(data["ended"]),
    }


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else value


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
