"""What the champion answers for the rows of a trial: through the code packed with it, by the very
script that judges it in a run.

The script runs in a process that has nothing of this person's: a model's code sees no credentials.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from ratchet.authoring import judgement
from ratchet.candidates import eval_rows
from ratchet.candidates.eval_rows import EvalRows
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.serving import champion
from ratchet.deployment.target.environment import Target
from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.models import Asked
from ratchet.loop import chains, environments, folders, names
from ratchet.loop.packages import THRESHOLD_KEY, metadata_of
from ratchet.loop.problems import BINARY, MULTICLASS, OF_MODEL
from ratchet.loop.versions import number_of
from ratchet.runner import sealed
from ratchet.settings.schema import ModelSettings


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The version that serves, asked about the rows of a trial."""

    version: str
    """"": nothing serves."""
    asked: Asked
    """Answers, or the reason why there are none, or neither: nothing serves."""


def champion_of(target: Target, rows: EvalRows) -> Champion:
    """The champion's answers for these rows.

    Raises:
        DeploymentError: its model is not where its version says.
    """
    arn = champion.deployed_arn(target)
    if not arn:
        return Champion(version="", asked=Asked())
    package = target.client("sagemaker").describe_model_package(ModelPackageName=arn)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        _download(target, artifacts(package), _made(folder / "champion"))
        eval_rows.write(rows, _made(folder / "eval"))
        threshold = metadata_of(package).get(THRESHOLD_KEY, names.NONE)
        model = target.settings.model
        report, predictions = _judged(folder, script_words(target, model, rows, threshold))
    theirs = report["champion"]
    measured = {k: v for k, v in theirs["metrics"].items() if k in OF_MODEL and v}
    version = str(number_of(arn) or "")
    if theirs["status"] != names.SCORED:
        reason = theirs["reason"] or "it gave no answers"
        return Champion(version=version, asked=Asked(reason=reason))
    answers = answers_in(predictions, rows.labels, model, threshold=theirs["threshold"])
    return Champion(version=version, asked=Asked(answers=answers, measured=measured))


def artifacts(package: Mapping[str, Any]) -> list[str]:
    """The URIs of the models of a version's containers, in their order."""
    containers = package.get("InferenceSpecification", {}).get("Containers", ())
    return [
        container.get("ModelDataUrl")
        or container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
        for container in containers
    ]


def script_words(target: Target, model: ModelSettings, rows: EvalRows, threshold: str) -> list[str]:
    """What the script is told of the problem. The classes are those of the whole slice: a sample
    may lack one."""
    steps = target.root / "steps" / target.settings.model_name
    words = judgement.script_arguments(model, own=judgement.own_metrics(steps))
    if model.problem == MULTICLASS and not model.classes:
        words += [f"--class={name}" for name in rows.labels.classes]
    return [*words, f"--champion-threshold={threshold}"]


def answers_in(
    predictions: pd.DataFrame, labels: TrueLabels, model: ModelSettings, *, threshold: float | None
) -> Answers:
    """The answers in the script's predictions.csv, whose rows are those of the labels.

    Args:
        threshold: of the report; None: the model answers a class itself.
    """
    if len(predictions) != labels.rows:
        raise DeploymentError(
            f"the champion answered {len(predictions):,} of {labels.rows:,} rows; expected all"
        )
    prediction = predictions["prediction"]
    if labels.problem == BINARY:
        return _of_two(predictions, labels, threshold)
    if labels.problem != MULTICLASS:
        return Answers(prediction.astype(float).to_numpy(), quantile=model.quantile)
    only_answered = sorted(set(prediction) - set(labels.classes))
    classes = (*labels.classes, *only_answered)
    places = {name: place for place, name in enumerate(classes)}
    columns = [f"probability_{name}" for name in labels.classes]
    if set(columns) <= set(predictions):
        shares = predictions[columns].astype(float).to_numpy()
        return Answers(prediction.map(places).to_numpy(), classes, probabilities=shares)
    why = "the model answers none"
    return Answers(prediction.map(places).to_numpy(), classes, no_probabilities=why)


def _of_two(predictions: pd.DataFrame, labels: TrueLabels, threshold: float | None) -> Answers:
    named = (predictions["prediction"] == labels.classes[1]).astype(int).to_numpy()
    if "probability" not in predictions:
        why = "the model answers a class alone"
        return Answers(named.astype(float), named=named, no_probabilities=why)
    values = predictions["probability"].astype(float).to_numpy()
    if threshold is None:
        return Answers(values, named=named)
    return Answers(values, threshold=threshold)


def _judged(folder: Path, words: Sequence[str]) -> tuple[Mapping[str, Any], pd.DataFrame]:
    """The script's report and its predictions."""
    places = ("champion", "eval", "report", "predictions")
    located = [word for place in places for word in (f"--{place}", str(folder / place))]
    variables = sealed.variables(folder / "home")
    # The packages of a model's requirements.txt are installed once for all of this person's runs.
    variables["XDG_CACHE_HOME"] = str(environments.cache().parents[1])
    ended = subprocess.run(
        [sys.executable, "-m", "ratchet.judging.evaluate", *located, *words],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode:
        lines = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
        raise DeploymentError(f"the champion cannot be judged on these rows: {lines[-1]}")
    report = json.loads((folder / "report" / folders.EVALUATION_REPORT).read_text())
    file = folder / "predictions" / "predictions.csv"
    return report, pd.read_csv(file, dtype=str, keep_default_na=False)


def _download(target: Target, uris: Sequence[str], folder: Path) -> None:
    s3 = target.client("s3")
    for position, uri in enumerate(uris, start=1):
        alone = len(uris) == 1
        name = "model.tar.gz" if alone else chains.archive_name(position, of=len(uris))
        parts = urlsplit(uri)
        try:
            body = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"]
        except s3.exceptions.NoSuchKey:
            raise DeploymentError(
                f"the champion's model is gone: {uri}. `{target.command('models')}` lists versions"
            ) from None
        with (folder / name).open("wb") as file:
            for chunk in body.iter_chunks(1 << 20):
                file.write(chunk)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
