"""Labels that became known: matched to captured answers, and put where analyses look for them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.monitoring.label_file import RequestLabels
from ratchet.deployment.registry.versions import described_version
from ratchet.deployment.runs.reports import document
from ratchet.deployment.serving import champion
from ratchet.deployment.serving.predictions import read as read_predictions
from ratchet.deployment.serving.request_rows import CSV
from ratchet.deployment.target.environment import Target
from ratchet.loop import folders
from ratchet.loop.facts import ServingFacts

LABEL_HOURS = 168
"""How old an answer may be: analyses compare labels with those of the last week
(lambdas/select_captured/window.py)."""

_MOST_FILES = 5_000
_THREADS = 8
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class CapturedAnswers:
    """The captured answers that labels were looked for among."""

    rows: Mapping[str, int | None]
    """Id of a request → how many rows it has; None where its answer cannot be read."""
    all_read: bool
    """Whether these are all captured answers of the last LABEL_HOURS, unless all ids are there."""


@dataclass(frozen=True, kw_only=True)
class Match:
    matched: int
    unmatched: list[str]
    """Ids of requests that no captured answer of the last LABEL_HOURS has."""


def eval_classes(target: Target) -> tuple[str, ...]:
    """The labels of the rows that the champion was judged by; none where they are numbers, nothing
    serves, or the report is gone."""
    arn = champion.deployed_arn(target)
    version = described_version(target, arn) if arn else None
    uri = version.metadata.get("evaluation", "") if version else ""
    report = document(target, uri) if uri else None
    classes = report.get("classes", {}) if isinstance(report, Mapping) else {}
    return tuple(map(str, classes))


def captured(
    target: Target, serving: ServingFacts, ids: Collection[str], *, now: datetime
) -> CapturedAnswers:
    """The captured answers with these ids, of the last LABEL_HOURS. Reads the newest first, and no
    more than it takes to find all."""
    s3, bucket = target.client("s3"), _place(serving.capture_uri)[0]
    prefix = folders.captured(serving.endpoint)
    since = now - timedelta(hours=LABEL_HOURS)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, StartAfter=f"{prefix}{_hour(since)}"
    )
    keys = sorted((e["Key"] for page in pages for e in page.get("Contents", ())), reverse=True)
    rows: dict[str, int | None] = {}
    lacking = set(ids)

    def get(key: str) -> dict[str, int | None]:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return dict(_answers(body))

    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        for first in range(0, min(len(keys), _MOST_FILES), _THREADS):
            for answers in pool.map(get, keys[first : first + _THREADS]):
                rows |= {id_: count for id_, count in answers.items() if id_ in ids}
            lacking -= rows.keys()
            if not lacking:
                break
    return CapturedAnswers(rows=rows, all_read=len(keys) <= _MOST_FILES)


def match(requests: Sequence[RequestLabels], answers: CapturedAnswers) -> Match:
    """Which labels belong to captured answers.

    Raises:
        DeploymentError: a request has another number of rows than labels, so an analysis would
            leave it out.
    """
    wrong = [
        f"  {request.id}: {len(request.labels)} labels for {answers.rows[request.id]} rows"
        for request in requests
        if answers.rows.get(request.id) not in (None, len(request.labels))
    ]
    if wrong:
        more = [f"  … and {len(wrong) - _SHOWN:,} more"] if len(wrong) > _SHOWN else []
        raise DeploymentError(
            "nothing was uploaded: a request needs a label for each of its rows\n"
            + "\n".join([*wrong[:_SHOWN], *more])
        )
    unmatched = [request.id for request in requests if request.id not in answers.rows]
    return Match(matched=len(requests) - len(unmatched), unmatched=unmatched)


def upload(
    target: Target,
    serving: ServingFacts,
    requests: Sequence[RequestLabels],
    *,
    name: str,
    now: datetime,
) -> str:
    """Puts the labels into the folder of this hour, in which they became known.

    Analyses read the objects in the order of their names, and of several labels of a request the
    last one stands. So the name begins with the moment.

    Args:
        name: what the object's name has after the moment.

    Returns:
        The object's URI.
    """
    body = "".join(f"{json.dumps(request.document())}\n" for request in requests).encode()
    digest = hashlib.sha256(body).hexdigest()[:12]
    bucket, folder = _place(serving.ground_truth_uri)
    key = f"{folder}{_hour(now)}{now:%M%S%f}-{name}-{digest}.jsonl"
    target.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{key}"


def _place(uri: str) -> tuple[str, str]:
    """Bucket and folder; the folder ends with a slash."""
    bucket, _, folder = uri.removeprefix("s3://").partition("/")
    return bucket, f"{folder.rstrip('/')}/"


def _hour(moment: datetime) -> str:
    return f"{moment:%Y/%m/%d/%H}/"


def _answers(body: bytes) -> Iterator[tuple[str, int | None]]:
    """Id and number of rows of each captured answer; lines that are none are left out."""
    for line in body.splitlines():
        try:
            record = json.loads(line)
            about = record["eventMetadata"]
            id_ = about.get("inferenceId") or about["eventId"]
            answer = record["captureData"]["endpointOutput"]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        yield str(id_), _rows_of(answer)


def _rows_of(answer: Mapping[str, Any]) -> int | None:
    kind = str(answer.get("observedContentType") or CSV)
    try:
        data = str(answer["data"])
        content = base64.b64decode(data) if answer.get("encoding") == "BASE64" else data.encode()
        if kind.split(";")[0].strip().lower() != CSV:
            return len(read_predictions(content, kind))
    except (DeploymentError, KeyError, ValueError):
        return None
    lines = [line for line in content.splitlines() if line.strip()]
    # One line with commas may be one row of several columns, or as many rows.
    return None if len(lines) == 1 and b"," in lines[0] else len(lines)
