"""Runs: finding those with something to record, and recording what they cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from attempts import Attempts
from decision_log import say
from notice_texts import NoticeTexts
from notices import NoticeRecord, Notices
from ratchet.costs import money, rows, run_costs
from ratchet.costs.price_book import PriceBook
from ratchet.costs.rows import Row
from ratchet.costs.run_costs import Labels, RunCostReader
from ratchet.loop import names
from ratchet.loop.answers import says_missing
from record_run.day_files import DayFiles

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_sagemaker.client import SageMakerClient

    from topic import Notice

_RUNNING = "Executing"
_STOPPED = "stopped"
_MAY_GO_ON = frozenset({"Failed", "Stopped"})
"""An execution that ended so can be retried, and ends once more."""


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    arn: str
    pipeline: str
    started: datetime
    status: str

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def day(self) -> date:
        return self.started.astimezone(UTC).date()


@dataclass(frozen=True, kw_only=True)
class RunReader:
    """The runs of a deployment's pipelines, read once for each wake."""

    sagemaker: SageMakerClient
    cloudwatch: CloudWatchClient
    files: DayFiles
    prices: PriceBook
    labels: Labels
    pipelines: Sequence[str]
    limit: Decimal
    """In US dollars for one run; 0 = none."""
    now: datetime
    notices: Notices
    attempts: Attempts

    def record(self, *, since: datetime) -> int:
        """Records the runs that started since then; returns how many rows were new."""
        written = 0

        def record_day(pipeline: str, day: date, runs: Sequence[RecordedRun]) -> None:
            nonlocal written
            written += self._record_day(pipeline, day, runs)

        def record_pipeline(pipeline: str) -> None:
            for day, runs in groupby(self._runs(pipeline, since), key=lambda run: run.day):
                self.attempts.make(partial(record_day, pipeline, day, list(runs)))

        for pipeline in self.pipelines:
            self.attempts.make(partial(record_pipeline, pipeline))
        return written

    def _runs(self, pipeline: str, since: datetime) -> Iterator[RecordedRun]:
        """The runs in the order in which they started."""
        paginator: Any = self.sagemaker.get_paginator("list_pipeline_executions")
        pages = paginator.paginate(
            PipelineName=pipeline,
            CreatedAfter=since,
            SortBy="CreationTime",
            SortOrder="Ascending",
        )
        try:
            for page in pages:
                for summary in page["PipelineExecutionSummaries"]:
                    yield RecordedRun(
                        arn=summary["PipelineExecutionArn"],
                        pipeline=pipeline,
                        started=summary["StartTime"],
                        status=summary["PipelineExecutionStatus"],
                    )
        except ClientError as error:
            if not says_missing(error):
                raise
            if not names.holds_edits(pipeline):  # most have never been edited
                say("nothing", f"there is no pipeline {pipeline}, so it has no runs")

    def _record_day(self, pipeline: str, day: date, runs: Sequence[RecordedRun]) -> int:
        before: Sequence[Row] = ()
        looked: list[RecordedRun] = []

        def change(recorded_rows: Sequence[Row]) -> list[Row]:
            nonlocal before
            before = recorded_rows
            looked.clear()
            after = list(recorded_rows)
            costs = RunCostReader(
                sagemaker=self.sagemaker,
                labels=self.labels,
                price=self.prices.price,
                now=self.now,
            )
            for run in runs:
                if self._worth_a_look(run, _of(recorded_rows, run)):
                    looked.append(run)
                    after = rows.replaced(after, run.id, costs.rows(run.arn))
            return after

        after = self.files.change(pipeline, day, change)
        current = before if after is None else after
        for run in looked:
            if run.status == _RUNNING:
                self._hold_to_the_limit(run, _of(current, run))
        if after is not None:
            for run in looked:
                self._publish(run, _of(before, run), _of(after, run))
        return sum(row.recorded_at == rows.time_text(self.now) for row in after or ())

    def _worth_a_look(self, run: RecordedRun, recorded_rows: Sequence[Row]) -> bool:
        if run.status not in rows.ENDED:
            return bool(self.limit) and run.status == _RUNNING
        if not recorded_rows or any(
            row.open or row.run_status != run.status for row in recorded_rows
        ):
            return True
        if any(not row.over and self._price_is_known_now(row) for row in recorded_rows):
            return True
        return run.status in _MAY_GO_ON and self._went_on(run, recorded_rows)

    def _price_is_known_now(self, row: Row) -> bool:
        return self.prices.price(row.component, row.instance_type) is not None

    def _went_on(self, run: RecordedRun, recorded_rows: Sequence[Row]) -> bool:
        execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=run.arn)
        recorded = max(rows.time_of(row.recorded_at) for row in recorded_rows)
        return execution.get("LastModifiedTime", recorded) > recorded

    def _publish(self, run: RecordedRun, before: Sequence[Row], after: Sequence[Row]) -> None:
        """The metric of a run that is over. Who wrote the rows puts it, so it is put once; of a run
        that went on after its end, what that cost more."""
        if not all(row.over for row in after):
            return
        amount, unpriced = run_costs.cost(after)
        earlier = run_costs.cost(before)[0] if before and all(r.over for r in before) else None
        facts = {"run": run.arn, "cost": str(amount), "unknown_prices": unpriced or None}
        say("record", run_costs.sentence(after), facts)
        if earlier == amount:
            return
        dimensions = {
            **names.dimensions(project=self.labels.project, environment=self.labels.environment),
            names.PIPELINE_DIMENSION: run.pipeline,
        }
        datum: Any = {
            "MetricName": names.RUN_COST,
            "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            "Timestamp": _last_end(after) or self.now,
            "Value": float(amount - (earlier or 0)),
        }
        try:
            self.cloudwatch.put_metric_data(Namespace=names.NAMESPACE, MetricData=[datum])
        except Exception as error:  # the rows have it
            say(
                "go on", f"the metric {names.RUN_COST} was not put: {error}", facts, level="WARNING"
            )

    # -- the limit -----------------------------------------------------------------------------

    def _hold_to_the_limit(self, run: RecordedRun, run_rows: Sequence[Row]) -> None:
        """Stops a run that has cost more than the limit, and tells people once."""
        amount, _ = run_costs.cost(run_rows)
        if not self.limit or amount <= self.limit:
            return
        say("stop", f"{run_costs.sentence(run_rows, so_far=True)} The limit is {self.limit}.")
        subject = f"stopped {run.id}"
        # Written down before, so that nothing that happens in between loses it.
        notice = self._notice_of_stop(run, run_rows)
        news = self._write_down(subject, notice)
        try:
            token = hashlib.sha256(f"limit {run.arn}".encode()).hexdigest()
            self.sagemaker.stop_pipeline_execution(
                PipelineExecutionArn=run.arn, ClientRequestToken=token
            )
        except Exception as error:
            if news:
                self.notices.change(lambda record: record.taken_back(subject))
            if not _is_over(error):
                raise
            say("nothing", f"{run.arn} is not running any more: {error}")
        else:
            self._write_down(subject, notice)  # once more, if S3 refused it

    def _write_down(self, subject: str, notice: Notice) -> bool:
        """Records the stop; returns whether it is new. The run is stopped even if this fails."""
        news = False

        def add(record: NoticeRecord) -> NoticeRecord:
            nonlocal news
            news = not record.knows(subject, _STOPPED)
            return record.with_news(subject, _STOPPED, notice)

        try:
            self.notices.change(add)
        except Exception as error:
            say("go on", f"no notice of the stop will be sent: {error}", level="ERROR")
        return news

    def _notice_of_stop(self, run: RecordedRun, rows: Sequence[Row]) -> Notice:
        texts = NoticeTexts(project=self.labels.project, environment=self.labels.environment)
        return texts.over_the_limit(
            run.id,
            pipeline=run.pipeline,
            cost=run_costs.sentence(rows, so_far=True),
            limit=money.shown(self.limit),
        )


def _is_over(error: Exception) -> bool:
    """Whether the run ended since it was listed: there is nothing to stop."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in (
        "ConflictException",
        "ValidationException",
    )


def _of(day_rows: Sequence[Row], run: RecordedRun) -> list[Row]:
    return [row for row in day_rows if row.run == run.id]


def _last_end(run_rows: Sequence[Row]) -> datetime | None:
    return max((rows.time_of(row.ended) for row in run_rows if row.ended), default=None)
