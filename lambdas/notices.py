"""The notices that were sent and those that still wait: one object of S3.

A function acts first. What is to be told of it is written down here, told when all is done, and
stays until SNS has taken it: a notice that SNS refuses is tried again by the next wake, and holds
nothing back. Of wakes that run at the same time one tells. A notice is told once, and once more
after a crash between telling and writing that down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import stored
from decision_log import say
from ratchet.loop import names
from topic import Notice, publish

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sns.client import SNSClient

_FORMAT = 1
_TELLING = timedelta(minutes=3)
"""How long a wake that tells keeps others from telling: longer than it may run."""
_MOST_WAITING = 20
_MOST_TOLD = 500
_TRIES = 20


@dataclass(frozen=True, kw_only=True)
class PendingNotice:
    """A notice that is not sent yet."""

    subject: str
    news: str
    notice: Notice


@dataclass(frozen=True, kw_only=True)
class NoticeRecord:
    """The object's content."""

    latest: Mapping[str, str] = field(default_factory=dict)
    """The newest news by subject; some of it may still wait."""
    waiting: tuple[PendingNotice, ...] = ()
    telling: datetime | None = None
    """Since when a wake tells what waits."""
    claim: str | None = None
    """Name of the wake that acts."""
    claimed: datetime | None = None

    def knows(self, subject: str, news: str) -> bool:
        return self.latest.get(subject) == news

    def with_news(self, subject: str, news: str, notice: Notice) -> NoticeRecord:
        """The same news about a subject is no news."""
        if self.knows(subject, news):
            return self
        others = {name: text for name, text in self.latest.items() if name != subject}
        latest = dict([*others.items(), (subject, news)][-_MOST_TOLD:])
        waiting = (*self.waiting, PendingNotice(subject=subject, news=news, notice=notice))
        return replace(self, latest=latest, waiting=waiting[-_MOST_WAITING:])

    def taken_back(self, subject: str) -> NoticeRecord:
        """Drops the news about this subject and its waiting notice: the event did not happen."""
        waiting = tuple(w for w in self.waiting if w.subject != subject)
        return replace(self.without(subject), waiting=waiting)

    def without(self, subject: str) -> NoticeRecord:
        """Forgets the news about this subject, so that the same news counts again."""
        return replace(self, latest={n: text for n, text in self.latest.items() if n != subject})


@dataclass(kw_only=True)
class Notices:
    """Overwrites only what it has read. If the object is lost, a notice is repeated."""

    s3: S3Client
    bucket: str
    key: str
    record: NoticeRecord = NoticeRecord()
    etag: str | None = None

    def read(self) -> NoticeRecord:
        content = stored.read(self.s3, bucket=self.bucket, key=self.key)
        self.record, self.etag = (
            (_parsed(content.body), content.etag) if content else (NoticeRecord(), None)
        )
        return self.record

    def write(self, record: NoticeRecord) -> None:
        """Raises stored.MovedError if another wake has written since this one read."""
        if record == self.record:
            return
        self.etag = stored.write_over(
            self.s3, bucket=self.bucket, key=self.key, body=_text(record), over=self.etag
        )
        self.record = record

    def change(self, change: Callable[[NoticeRecord], NoticeRecord]) -> None:
        """Apply `change` to the record and write it, even if others write meanwhile."""
        for left in reversed(range(_TRIES)):
            try:
                self.write(change(self.record))
            except stored.MovedError:
                if not left:
                    raise
                self.read()
            else:
                return

    def tell(self, *, now: datetime, send: Callable[[Notice], None]) -> list[str]:
        """Send each waiting notice on its own; return the titles that were sent. Never raises:
        the work itself is done by now."""
        sent: list[str] = []
        tried: set[PendingNotice] = set()
        try:
            while batch := [w for w in self.record.waiting if w not in tried]:
                if self.record.telling and now < self.record.telling + _TELLING:
                    break  # that wake tells until nothing waits any more
                try:
                    self.write(replace(self.record, telling=now))
                except stored.MovedError:
                    self.read()
                    continue
                done = [w for w in batch if _sent(w, send)]
                tried.update(batch)
                sent.extend(w.notice.title for w in done)
                self._forget(done)
        except Exception as error:
            say("go on", f"what was told is not written down: {error}", level="WARNING")
        return sent

    def _forget(self, done: list[PendingNotice]) -> None:
        self.change(
            lambda record: replace(
                record,
                waiting=tuple(w for w in record.waiting if w not in done),
                telling=None,
            )
        )


def tell_people(
    notices: Notices,
    *,
    sns: SNSClient,
    cloudwatch: CloudWatchClient,
    topic_arn: str,
    project: str,
    environment: str,
    now: datetime,
) -> list[str]:
    """Send the waiting notices to the topic, measure how many still wait, and return the titles
    that were sent. Never raises."""
    sent = notices.tell(
        now=now, send=lambda notice: publish(sns, topic_arn=topic_arn, notice=notice)
    )
    _measure_waiting(cloudwatch, notices.record, project=project, environment=environment, now=now)
    return sent


def _measure_waiting(
    cloudwatch: CloudWatchClient,
    record: NoticeRecord,
    *,
    project: str,
    environment: str,
    now: datetime,
) -> None:
    """Ratchet / NoticesWaiting, dimensions Project and Environment, while any notice waits. Never
    raises."""
    if not record.waiting:
        return
    dimensions = names.dimensions(project=project, environment=environment)
    try:
        cloudwatch.put_metric_data(
            Namespace=names.NAMESPACE,
            MetricData=[
                {
                    "MetricName": names.NOTICES_WAITING,
                    "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                    "Timestamp": now,
                    "Value": float(len(record.waiting)),
                }
            ],
        )
    except Exception as error:
        why = f"the metric {names.NOTICES_WAITING} was not put: {error}"
        say("go on", why, level="WARNING")


def _sent(waiting: PendingNotice, send: Callable[[Notice], None]) -> bool:
    try:
        send(waiting.notice)
    except Exception as error:
        why = f"the notice is not sent yet: {type(error).__name__}: {error}"
        say("go on", why, {"notice": waiting.notice.title}, level="ERROR")
        return False
    return True


def _text(record: NoticeRecord) -> bytes:
    value = {
        "format": _FORMAT,
        "latest": dict(record.latest),
        "waiting": [
            {
                "subject": w.subject,
                "news": w.news,
                "title": w.notice.title,
                "text": w.notice.text,
                "commands": w.notice.commands,
            }
            for w in record.waiting
        ],
        "telling": record.telling,
        "claim": record.claim,
        "claimed": record.claimed,
    }
    return json.dumps(value, default=str, indent=1).encode()


def _parsed(text: bytes) -> NoticeRecord:
    try:
        value = json.loads(text)
        if value["format"] != _FORMAT:
            raise ValueError("another format")
        return NoticeRecord(
            latest=_latest(value),
            waiting=tuple(_waiting(entry) for entry in value.get("waiting", ())),
            telling=_time(value["telling"]) if "latest" in value else None,
            claim=value.get("claim"),
            claimed=_time(value.get("claimed")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        say("forget", f"the record of notices is not readable: {error}", level="WARNING")
        return NoticeRecord()


def _latest(value: Mapping[str, Any]) -> Mapping[str, str]:
    """Older records have no `latest`: the reconciler stored its two subjects beside each other."""
    latest = value["latest"] if "latest" in value else {n: value[n] for n in ("served", "problem")}
    return MappingProxyType({str(n): str(text) for n, text in latest.items() if text is not None})


def _waiting(entry: Mapping[str, Any]) -> PendingNotice:
    notice = Notice(
        title=str(entry["title"]), text=str(entry["text"]), commands=tuple(entry["commands"])
    )
    return PendingNotice(subject=str(entry["subject"]), news=str(entry["news"]), notice=notice)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
