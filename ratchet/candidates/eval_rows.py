"""The newest run's eval slice, of which a trial asks about some rows (sampling.py)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from ratchet.authoring import judgement
from ratchet.candidates.prompts import RowQuestion
from ratchet.definition.resources import PROCESSING_JOB
from ratchet.deployment.errors import DeploymentError, nearest
from ratchet.deployment.runs import executions
from ratchet.deployment.runs.executions import RunState
from ratchet.deployment.target.environment import Target
from ratchet.judging.answers import MOST_REFUSED, RefusedError, TrueLabels, most_labels
from ratchet.judging.answers import read_weights as weights_of
from ratchet.judging.comparison import Judging
from ratchet.judging.own_metrics import own_metrics
from ratchet.judging.slices import FEWEST_OF_A_CLASS, FEWEST_ROWS
from ratchet.loop.problems import BINARY
from ratchet.settings.schema import ModelSettings

_EVAL_FILE = "eval.csv"
_MOST_RUNS = 20
"""Runs that are looked through for one that has come to its evaluation."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class SliceLocation:
    """Where a run left the rows that models are judged by, and those that they are trained on."""

    run: str
    """Its id."""
    eval_uri: str
    train_uri: str = ""
    """"": the run has none."""


@dataclass(frozen=True, kw_only=True)
class EvalRows:
    """Rows of an eval slice, and what is true of them."""

    cells: pd.DataFrame
    """All columns as they are written, the label among them."""
    labels: TrueLabels

    def at(self, positions: Array) -> EvalRows:
        return EvalRows(cells=self.cells.iloc[positions], labels=self.labels.of(positions))

    def records(self) -> list[dict[str, str]]:
        """Column → cell, row by row."""
        columns = list(map(str, self.cells.columns))
        return [dict(zip(columns, row, strict=True)) for row in self.cells.to_numpy(dtype=str)]


def newest_slice(target: Target, pipeline: str) -> SliceLocation:
    """The eval slice of the newest run that has one.

    Args:
        pipeline: the full name of the training pipeline.

    Raises:
        DeploymentError: no run has.
    """
    for run in executions.listed(target, pipeline=pipeline, limit=_MOST_RUNS):
        location = _location(target, executions.read(target, run))
        if location is not None:
            return location
    raise DeploymentError(
        f"no run of {pipeline} has an eval slice yet, so there are no rows to try a model on. Land "
        f"data (`{target.command('land FILE…')}`): a run starts by itself"
    )


def _location(target: Target, state: RunState) -> SliceLocation | None:
    jobs = list(_processing_jobs(target, state))
    for inputs, _ in jobs:
        uri = inputs.get("eval")
        if uri is None:
            continue
        for _, outputs in jobs:
            if uri in outputs.values():
                train = outputs.get("train", "")
                return SliceLocation(run=state.run.id, eval_uri=uri, train_uri=train)
        return SliceLocation(run=state.run.id, eval_uri=uri)
    return None


def _processing_jobs(
    target: Target, state: RunState
) -> Iterator[tuple[Mapping[str, str], Mapping[str, str]]]:
    """URIs of inputs and of outputs, by name, of the jobs that have succeeded."""
    for step in state.steps:
        if step.status != "Succeeded" or not step.job or step.job[0] is not PROCESSING_JOB:
            continue
        job = target.client("sagemaker").describe_processing_job(ProcessingJobName=step.job[1])
        yield (
            {
                source["InputName"]: source["S3Input"]["S3Uri"]
                for source in job.get("ProcessingInputs", ())
                if "S3Input" in source
            },
            {
                output["OutputName"]: output["S3Output"]["S3Uri"]
                for output in job.get("ProcessingOutputConfig", {}).get("Outputs", ())
                if "S3Output" in output
            },
        )


def read_slice(target: Target, location: SliceLocation) -> pd.DataFrame:
    """All rows of the eval slice; cells stay as they are written.

    Raises:
        DeploymentError: it is gone, or no CSV with a header.
    """
    uri = f"{location.eval_uri.rstrip('/')}/{_EVAL_FILE}"
    parts = urlsplit(uri)
    s3 = target.client("s3")
    try:
        body = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
    except s3.exceptions.NoSuchKey:
        raise DeploymentError(
            f"the eval slice of run {location.run} is gone ({uri}): [retention] run_days says how "
            f"long runs stay. Run it again: {target.command('run training')}"
        ) from None
    return read_csv(body, uri)


def read_csv(body: bytes, what: str) -> pd.DataFrame:
    """Raises DeploymentError where it is no CSV with a header."""
    try:
        return pd.read_csv(io.BytesIO(body), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise DeploymentError(f"{what} is no CSV with a header: {error}") from None


def labelled(cells: pd.DataFrame, model: ModelSettings) -> EvalRows:
    """The rows whose labels are understood, as `evaluate` reads them.

    Raises:
        DeploymentError: there is no such column, or more labels are not understood than may be.
    """
    for role, name in (("label", model.label), ("weights", model.weights)):
        if name and name not in cells:
            raise DeploymentError(
                f"the eval slice has no column {name!r}, the {role} of [model]"
                f"{nearest(name, cells.columns)} There are {', '.join(cells.columns)}"
            )
    try:
        labels, understood, _ = most_labels(
            model.problem,
            cells[model.label],
            positive=model.positive,
            classes=model.classes,
            most=MOST_REFUSED,
        )
        weights = weights_of(cells[model.weights][understood]) if model.weights else None
    except RefusedError as error:
        raise DeploymentError(f"the eval slice cannot be judged by: {error}") from None
    labels = TrueLabels(labels.problem, labels.values, labels.classes, weights)
    return EvalRows(cells=cells[understood].reset_index(drop=True), labels=labels)


def question_of(model: ModelSettings, labels: TrueLabels) -> RowQuestion:
    return RowQuestion(problem=model.problem, label=model.label, classes=labels.classes)


def judging_of(target: Target) -> Judging:
    """By what `evaluate` judges this model, with the metrics of the team's own."""
    model = target.settings.model
    file = judgement.own_metrics(target.root / "steps" / target.settings.model_name)
    return Judging(
        problem=model.problem,
        metric=model.metric_name,
        own=own_metrics(file, model.problem) if file else {},
    )


def rows_digest(cells: pd.DataFrame, columns: Sequence[str]) -> str:
    """SHA-256 (hex) of the rows in their order, with the columns that leave."""
    text = cells[list(columns)].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def too_few(labels: TrueLabels) -> str:
    """Why the interval of a difference on these rows says little; "": it says something."""
    if labels.problem == BINARY:
        smallest = min(labels.counts, key=labels.counts.__getitem__)
        if labels.counts[smallest] < FEWEST_OF_A_CLASS:
            return (
                f"only {labels.counts[smallest]:,} of {labels.rows:,} rows are {smallest!r}; below "
                f"{FEWEST_OF_A_CLASS} of a class an interval says little"
            )
    if labels.rows < FEWEST_ROWS:
        return f"only {labels.rows:,} rows; below {FEWEST_ROWS} an interval says little"
    return ""


def check_columns(columns: Sequence[str], cells: pd.DataFrame, model: ModelSettings) -> None:
    """Holds the columns that may be sent against the slice.

    Raises:
        DeploymentError: there are none, one is the label or the weights, or is not in the slice.
    """
    inputs = [name for name in cells.columns if name not in model.not_in_requests]
    example = ", ".join(f'"{name}"' for name in inputs[:3])
    if not columns:
        raise DeploymentError(
            "settings do not say which columns may be sent to a foundation model, so none is. In "
            f"the model's settings: [candidates] columns = [{example}]. There are "
            f"{', '.join(inputs)}"
        )
    for name in columns:
        if name in model.not_in_requests:
            role = "label" if name == model.label else "weights"
            raise DeploymentError(
                f"[candidates] columns: {name!r} is the {role} of [model], which no model may see"
            )
        if name not in cells:
            raise DeploymentError(
                f"[candidates] columns: the eval slice has no column {name!r}"
                f"{nearest(name, inputs)} There are {', '.join(inputs)}"
            )


def write(rows: EvalRows, folder: Path) -> None:
    """The rows as an eval slice of their own, for the script that judges the champion."""
    rows.cells.to_csv(folder / _EVAL_FILE, index=False)
