"""A trial of an embedding model: rows become texts, texts vectors, and a small head on the vectors
of training rows answers for the eval rows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from ratchet.candidates import estimate, eval_rows, row_trials, trials
from ratchet.candidates.answers import RowAnswer
from ratchet.candidates.asking import Progress
from ratchet.candidates.budget import TrialBudget
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.embeddings import Embedder, Vector, body_of
from ratchet.candidates.estimate import TokenEstimate
from ratchet.candidates.eval_rows import EvalRows
from ratchet.candidates.heads import HeadError, answers_by_head
from ratchet.candidates.plans import Plan
from ratchet.candidates.prompts import ROW, Template
from ratchet.candidates.replies import Asking
from ratchet.candidates.results import Trial
from ratchet.candidates.row_trials import Limits, RowTrial
from ratchet.candidates.sampling import sample
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.environment import Target
from ratchet.loop.problems import MULTICLASS

_TEXT = Template(text=f"{{{ROW}}}", source="")
"""What is embedded of a row: a question around it would be the same for all."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingTrial(RowTrial):
    """One embedding model, ready to be asked."""

    train: EvalRows
    """The rows that the head is fitted on."""

    @cached_property
    def texts(self) -> list[str]:
        """Of the training rows, then of the eval rows."""
        plan = replace(self.plan, template=_TEXT)
        return [*replace(plan, rows=self.train).prompts, *plan.prompts]

    @cached_property
    def tokens(self) -> TokenEstimate:
        """By length: CountTokens does not count for embedding models."""
        return estimate.estimate(self.texts, size=len, count=lambda _: None, max_tokens=0)

    def run(
        self,
        champion: Champion,
        *,
        limits: Limits,
        budget: TrialBudget,
        progress: Callable[[Progress], None],
    ) -> Trial:
        """As RowTrial has it."""
        before = budget.used
        embedder = Embedder(
            runtime=self.runtime,
            model_id=self.model.called_as,
            body=body_of(self.model.counted_as),
            failures=self.failures,
        )
        asking = row_trials.ask_all(
            self,
            self.texts,
            embedder.ask,
            characters=len,
            limits=limits,
            budget=budget,
            progress=progress,
        )
        answers, reason = self._answers(asking)
        trial = trials.trial_of(
            self.target,
            replace(self.plan, template=_TEXT),
            self.model,
            read=replace(trials.read_replies(self._of_eval_rows(asking)), answers=answers),
            champion=champion,
            spent=row_trials.spent(self, asking.usage, limits=limits, budget=budget, before=before),
            stopped=asking.stopped,
        )
        return replace(trial, no_score=reason) if reason else trial

    def _answers(self, asking: Asking[Vector]) -> tuple[dict[int, RowAnswer], str]:
        """By the position of the eval row; and why there are none."""
        vectors = {p: o.reply.content for p, o in asking.outcomes.items() if o.reply}
        first = self.train.labels.rows
        train = [position for position in sorted(vectors) if position < first]
        rows = [position for position in sorted(vectors) if position >= first]
        if not rows:
            return {}, ""
        labels = self.train.labels.of(np.array(train, dtype=int))
        try:
            answers = answers_by_head(
                [vectors[each] for each in train], labels, [vectors[each] for each in rows]
            )
        except HeadError as problem:
            return {}, str(problem)
        return {row - first: answer for row, answer in zip(rows, answers, strict=True)}, ""

    def _of_eval_rows(self, asking: Asking[Vector]) -> Asking[Vector]:
        first = self.train.labels.rows
        outcomes = {p - first: o for p, o in asking.outcomes.items() if p >= first}
        return Asking(outcomes=outcomes, stopped=asking.stopped)


def train_rows(target: Target, plan: Plan, size: int) -> EvalRows:
    """A sample of the train slice of the run whose eval slice is tried.

    Raises:
        DeploymentError: the run has none, or it has not the columns of the eval slice.
    """
    if not plan.train_uri:
        raise DeploymentError(
            f"run {plan.run} has no train slice (an output `train` of the step that makes the eval "
            "slice), on which a head for an embedding model could be fitted"
        )
    frame = _as_text(_train_slice(target, plan.train_uri))
    eval_rows.check_columns(plan.columns, frame, target.settings.model)
    model = replace(target.settings.model, classes=plan.question.classes)
    if plan.judging.problem != MULTICLASS:
        model = target.settings.model
    return sample(eval_rows.labelled(frame, model), size)


def _train_slice(target: Target, uri: str) -> pd.DataFrame:
    """All CSV and Parquet files below the folder, as one."""
    place, s3 = urlsplit(uri), target.client("s3")
    prefix = f"{place.path.strip('/')}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    frames = []
    for key in sorted(key for key in keys if key.endswith((".csv", ".parquet"))):
        body = s3.get_object(Bucket=place.netloc, Key=key)["Body"].read()
        if key.endswith(".csv"):
            frames.append(eval_rows.read_csv(body, f"s3://{place.netloc}/{key}"))
        else:
            frames.append(pd.read_parquet(io.BytesIO(body)))
    if not frames:
        raise DeploymentError(f"the train slice has no .csv and no .parquet file: {uri}")
    return pd.concat(frames, ignore_index=True)


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells as an eval slice has them, which is a CSV."""
    return eval_rows.read_csv(frame.to_csv(index=False).encode(), "the train slice")
