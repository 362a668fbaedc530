"""A trial of a text generator of JumpStart: one transform job, whose instances end with it.

An hour of an instance has a price, and nobody knows how many tokens an answer costs. So the limit
is one of time: the job is stopped when its hours would cost more.

Requests are those of the text generation containers:
https://huggingface.co/docs/text-generation-inference/en/reference/api_reference
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from ratchet.candidates import deployments, serving, trials
from ratchet.candidates.asking import AskingProgress
from ratchet.candidates.budget import TrialBudget, Usage
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.jumpstart_models import HubDocument
from ratchet.candidates.plans import TrialPlan, TriedModel
from ratchet.candidates.prompts import instruction
from ratchet.candidates.replies import Asking, RefusedTrialError, Reply, RowOutcome
from ratchet.candidates.results import CandidateTrial, trial_id
from ratchet.candidates.row_trials import Limits
from ratchet.candidates.trials import TrialSpending
from ratchet.costs.money import shown
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.environment import Target

TASK = "text-generation"
FOLDER = "candidates/transforms/"
"""In the artifact bucket; what a trial puts there goes when it ends."""
LEAST_HOURS = Decimal("0.5")
"""A model of some gigabytes takes this long to arrive, to load and to answer."""
_HOUR = Decimal(3600)
_JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class JumpStartTrial:
    """One text generator, ready to be asked."""

    target: Target
    plan: TrialPlan
    model: TriedModel
    document: HubDocument
    instance: str
    max_tokens: int
    bucket: str
    accept_licence: bool
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def check(self, limits: Limits) -> None:
        """
        Raises:
            DeploymentError: the model is no text generator, its licence is not accepted, nobody
                knows the instance's price, or the limit is not worth a start.
        """
        if self.document.task != TASK:
            raise DeploymentError(
                f"{self.model.id} is for {self.document.task or 'an unknown task'}; models of "
                f"JumpStart for {TASK} can be tried"
            )
        assert self.model_request  # which says what is in the way of serving it
        hourly = self.model.price.hourly
        if hourly is None:
            raise DeploymentError(
                f"{self.model.id}: nobody knows here what an hour of {self.instance} costs, so no "
                "limit can hold. `ratchet candidates show` lists its other instances: --instance"
            )
        if hourly * LEAST_HOURS > limits.usd:
            least = hourly * LEAST_HOURS
            raise DeploymentError(
                f"{self.model.id}: half an hour of {self.instance} costs {shown(least)}, more than "
                f"the limit of {shown(limits.usd)}, and it needs about as long to start. Raise "
                "--limit-usd, or choose a smaller --instance"
            )

    @cached_property
    def deployment(self) -> deployments.CandidateDeployment:
        return deployments.deployment(
            self.target.settings,
            trial_id=trial_id(self.model.id, self.started),
            candidate=self.model.id,
            account=self.target.account,
            now=self.started,
        )

    @cached_property
    def model_request(self) -> Mapping[str, Any]:
        return deployments.create_model_request(
            self.document, self.deployment, accept_licence=self.accept_licence
        )

    def run(
        self,
        champion: Champion,
        *,
        limits: Limits,
        budget: TrialBudget,
        progress: Callable[[AskingProgress], None],
    ) -> CandidateTrial:
        """Runs the job to its end, and scores what it wrote.

        Raises:
            RefusedTrialError: the job failed, or its time was up.
        """
        s3 = self.target.client("s3")
        prompts = self.plan.prompts
        body = requests(prompts, instruction(self.plan.question), max_tokens=self.max_tokens)
        s3.put_object(Bucket=self.bucket, Key=f"{self._folder}in/rows.jsonl", Body=body)
        try:
            job = self._job(budget, progress)
            key = f"{self._folder}out/rows.jsonl.out"
            answers = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        finally:
            self._clear()
        cost = self._cost((job["TransformEndTime"] - job["TransformStartTime"]).total_seconds())
        budget.settle(Decimal(0), cost)
        asking = Asking(outcomes=outcomes_in(answers, rows=len(prompts)), stopped="")
        return trials.trial_of(
            self.target,
            self.plan,
            self.model,
            read=trials.read_answers(asking, self.plan.question, max_tokens=self.max_tokens),
            champion=champion,
            spent=TrialSpending(usage=None, cost=cost, started=self.started),
            stopped="",
        )

    @property
    def _folder(self) -> str:
        return f"{FOLDER}{self.deployment.name}/"

    def _cost(self, seconds: float) -> Decimal:
        hourly = self.model.price.hourly
        assert hourly is not None, "a trial without a price is refused"
        return hourly * Decimal(str(seconds)) / _HOUR

    def _job(
        self, budget: TrialBudget, progress: Callable[[AskingProgress], None]
    ) -> Mapping[str, Any]:
        began, before = time.monotonic(), budget.used
        rows = self.plan.rows.labels.rows

        def look(state: str) -> None:
            used = self._cost(time.monotonic() - began)
            if before + used > budget.limit:
                raise RefusedTrialError(
                    f"{self.model.id}: the limit of {shown(budget.limit)} was reached after "
                    f"{shown(used)}, before the job had ended; it is stopped, and nothing is scored"
                )
            progress(
                AskingProgress(
                    asked=0, rows=rows, unanswered=0, used=used, busy=f"the job is {state}"
                )
            )

        request = deployments.transform_request(
            self.deployment,
            instance_type=self.instance,
            input_uri=f"s3://{self.bucket}/{self._folder}in/rows.jsonl",
            output_uri=f"s3://{self.bucket}/{self._folder}out/",
            content_type=_JSON,
            accept=_JSON,
        )
        sagemaker = self.target.client("sagemaker")
        try:
            return serving.transform(sagemaker, self.model_request, request, progress=look)
        except RefusedTrialError:
            raise
        except DeploymentError as problem:
            raise RefusedTrialError(str(problem)) from None

    def _clear(self) -> None:
        """The rows do not stay where the job read and wrote them."""
        s3 = self.target.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=self._folder)
        for entry in listed.get("Contents", ()):
            s3.delete_object(Bucket=self.bucket, Key=entry["Key"])


def requests(prompts: list[str], words: str, *, max_tokens: int) -> bytes:
    """The job's input: a request for each row."""
    parameters = {"max_new_tokens": max_tokens, "do_sample": False, "return_full_text": False}
    return "".join(
        json.dumps({"inputs": f"{prompt}\n\n{words}", "parameters": parameters}) + "\n"
        for prompt in prompts
    ).encode()


def outcomes_in(body: bytes, *, rows: int) -> dict[int, RowOutcome[str]]:
    """Of each line of the job's output, which are in the order of its input.

    Raises:
        RefusedTrialError: there are more or fewer than rows, so nobody knows which is whose.
    """
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) != rows:
        raise RefusedTrialError(
            f"the transform job wrote {len(lines):,} answers for {rows:,} rows; expected one each"
        )
    return {position: _outcome(line) for position, line in enumerate(lines)}


def _outcome(line: bytes) -> RowOutcome[str]:
    try:
        answer = json.loads(line)
        first = answer[0] if isinstance(answer, list) else answer
        text = first["generated_text"]
    except (ValueError, KeyError, TypeError, IndexError):
        shown_line = line[:60].decode("utf-8", "replace")
        return RowOutcome(reply=None, reason=f"no generated_text in the answer: {shown_line}")
    return RowOutcome(reply=Reply(content=str(text), usage=Usage()))
