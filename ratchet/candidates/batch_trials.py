"""A trial of a text model by one batch job of Bedrock: cheaper, and slower, than row by row.

The first row is asked through Converse, which tells what the model takes and that it answers at
all: a job says so of each record, hours later. A job cannot be stopped at a limit, so what it could
cost at most decides whether it starts.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from ratchet.candidates import row_trials, trials
from ratchet.candidates.asking import INTERRUPTED, AskingProgress
from ratchet.candidates.budget import TrialBudget
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.deployments import CandidateDeployment, deployment
from ratchet.candidates.replies import Asking, RefusedTrialError, Reply, RowOutcome
from ratchet.candidates.results import CandidateTrial
from ratchet.candidates.row_trials import Limits
from ratchet.candidates.text_trials import TextTrial
from ratchet.deployment.errors import DeploymentError

FEWEST = 100
"""Records of a job: AWS's quota "Minimum number of records per batch inference job", which differs
between models."""
FOLDER = "candidates/batches/"
"""In the artifact bucket; what a trial puts there goes when it ends."""
_OVER = ("Completed", "PartiallyCompleted", "Stopped")
_FAILED = ("Failed", "Expired")
_EVERY, _EVERY_LOCALLY = 15.0, 0.3
_RECORD = "R{:010d}"


@dataclass(frozen=True, kw_only=True)
class JobPlace:
    """Where a job works."""

    role_arn: str
    """By which it reads and writes S3."""
    bucket: str


@dataclass(frozen=True, kw_only=True)
class BatchTrial(TextTrial):
    """One text model, ready to be asked by a job."""

    place: JobPlace

    def run(
        self,
        champion: Champion,
        *,
        limits: Limits,
        budget: TrialBudget,
        progress: Callable[[AskingProgress], None],
    ) -> CandidateTrial:
        """As RowTrial has it."""
        before = budget.used
        first = row_trials.ask_all(
            self,
            self.prompts[:1],
            self.conversation.ask,
            characters=self._characters,
            limits=limits,
            budget=budget,
            progress=lambda _: None,
        )
        if first.stopped or not first.outcomes[0].reply:
            reason = first.stopped or first.outcomes[0].reason
            raise RefusedTrialError(f"{self.model.id}: no job was started: {reason}")
        try:
            asking = self._asked_by_job(progress, limits=limits, budget=budget)
        finally:
            self._clear()
        rates = limits.rates(self.model)
        budget.settle(Decimal(0), rates.of(asking.usage))
        return trials.trial_of(
            self.target,
            self.plan,
            self.model,
            read=trials.read_answers(
                asking, self.plan.question, max_tokens=self.sending.max_tokens
            ),
            champion=champion,
            spent=row_trials.spent(
                self, first.usage + asking.usage, limits=limits, budget=budget, before=before
            ),
            stopped=asking.stopped,
        )

    @cached_property
    def _deployment(self) -> CandidateDeployment:
        """Name and tags, by which `ratchet candidates down` finds a job that was left."""
        return deployment(
            self.target.settings,
            trial_id=self.tags["trial"],
            candidate=self.model.id,
            account=self.target.account,
            now=self.started,
        )

    @property
    def _folder(self) -> str:
        return f"{FOLDER}{self._deployment.name}/"

    def _asked_by_job(
        self, progress: Callable[[AskingProgress], None], *, limits: Limits, budget: TrialBudget
    ) -> Asking[str]:
        self.target.client("s3").put_object(
            Bucket=self.place.bucket,
            Key=f"{self._folder}in/rows.jsonl",
            Body=records(map(self.conversation.request, self.prompts)),
        )
        arn = self._create()
        stopped = ""
        try:
            self._wait(arn, progress, budget)
        except KeyboardInterrupt:
            self.target.client("bedrock").stop_model_invocation_job(jobIdentifier=arn)
            self._wait(arn, lambda _: None, budget)
            stopped = INTERRUPTED
        outcomes = dict(self._outcomes())
        lost = len(self.prompts) - len(outcomes)
        if lost and not stopped:
            stopped = f"the job ended without {lost:,} of {len(self.prompts):,} rows"
        return Asking(outcomes=outcomes, stopped=stopped)

    def _create(self) -> str:
        from botocore.exceptions import ClientError

        uri = f"s3://{self.place.bucket}/{self._folder}"
        try:
            job = self.target.client("bedrock").create_model_invocation_job(
                jobName=self._deployment.name,
                roleArn=self.place.role_arn,
                modelId=self.model.called_as,
                modelInvocationType="Converse",
                inputDataConfig={
                    "s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": f"{uri}in/rows.jsonl"}
                },
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"{uri}out/"}},
                tags=[{"key": k, "value": v} for k, v in self._deployment.tags.items()],
            )
        except ClientError as problem:
            message = problem.response["Error"].get("Message", "")
            raise RefusedTrialError(
                f"{self.model.id}: no job was started: {message}\n"
                + what_the_role_needs(self.place.role_arn)
            ) from None
        return str(job["jobArn"])

    def _wait(
        self, arn: str, progress: Callable[[AskingProgress], None], budget: TrialBudget
    ) -> None:
        """Until the job has ended.

        Raises:
            RefusedTrialError: it failed.
        """
        bedrock = self.target.client("bedrock")
        while True:
            job = bedrock.get_model_invocation_job(jobIdentifier=arn)
            status = job["status"]
            if status in _FAILED:
                reason = job.get("message") or status
                raise RefusedTrialError(
                    f"{self.model.id}: the job failed: {reason}\n"
                    + what_the_role_needs(self.place.role_arn)
                )
            progress(
                AskingProgress(
                    asked=job.get("processedRecordCount", 0),
                    rows=len(self.prompts),
                    unanswered=job.get("errorRecordCount", 0),
                    used=budget.used,
                    busy="" if status in _OVER else f"the job is {status}",
                )
            )
            if status in _OVER:
                return
            time.sleep(_EVERY_LOCALLY if self.target.local else _EVERY)

    def _outcomes(self) -> Iterator[tuple[int, RowOutcome[str]]]:
        s3 = self.target.client("s3")
        for key in self._keys(f"{self._folder}out/"):
            if key.endswith(".jsonl.out"):
                body = s3.get_object(Bucket=self.place.bucket, Key=key)["Body"].read()
                yield from outcomes_in(body, self.conversation.reply)

    def _keys(self, prefix: str) -> list[str]:
        pages = self.target.client("s3").get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.place.bucket, Prefix=prefix)
        return [entry["Key"] for page in listed for entry in page.get("Contents", ())]

    def _clear(self) -> None:
        """The rows do not stay where the job read and wrote them."""
        for key in self._keys(self._folder):
            self.target.client("s3").delete_object(Bucket=self.place.bucket, Key=key)


def records(requests: Iterator[Mapping[str, Any]]) -> bytes:
    """The job's input: one line for each row, named by its position."""
    return "".join(
        json.dumps({"recordId": _RECORD.format(position), "modelInput": request}) + "\n"
        for position, request in enumerate(requests)
    ).encode()


def outcomes_in(
    body: bytes, reply: Callable[[Mapping[str, Any]], Reply[str]]
) -> Iterator[tuple[int, RowOutcome[str]]]:
    """Position and outcome of each line of the job's output, which are in any order."""
    for line in body.splitlines():
        record = json.loads(line)
        position = int(record["recordId"].removeprefix("R"))
        if "modelOutput" in record:
            yield position, RowOutcome(reply=reply(record["modelOutput"]))
        else:
            error = record.get("error") or {}
            reason = f"{error.get('errorCode', '')} {error.get('errorMessage', '')}".strip()
            yield position, RowOutcome(reply=None, reason=reason or "the job has no answer")


def check_rows(rows: int) -> None:
    """
    Raises:
        DeploymentError: a job takes more.
    """
    if rows < FEWEST:
        raise DeploymentError(
            f"a batch job takes {FEWEST} rows at least, and there are {rows:,}: --rows {FEWEST}, "
            "or without --batch"
        )


def what_the_role_needs(role: str) -> str:
    """The next thing to do after Bedrock, or the role, was refused something."""
    return (
        f"The job works as {role}. docs/guides/roles/candidates.yaml makes such a role: it trusts "
        f"bedrock.amazonaws.com, and may read, write and list {FOLDER} in the artifact bucket. "
        "--batch-role names another"
    )
