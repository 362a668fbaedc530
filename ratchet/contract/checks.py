"""The checks of a model's scripts: what the loop relies on, each a sentence that holds or not.

They stand on each other, so those of a model share the runs of one trial.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from ratchet.authoring import DefinitionError, judgement
from ratchet.contract.errors import ContractError, SkippedError
from ratchet.contract.serving import LoadedModel
from ratchet.contract.trial import Trial
from ratchet.deployment.pipelines import source
from ratchet.judging.answers import RefusedError, read_labels
from ratchet.judging.responses import Reading, read_response
from ratchet.loop import folders
from ratchet.loop.problems import LATENCY
from ratchet.project import Project
from ratchet.runner import Result, StepRecord
from ratchet.settings.candidates import unknown_columns
from ratchet.settings.schema import SettingsError

_PREPARE, _TRAIN_ROWS, _EVAL_ROWS = "prepare", "train", "eval"


@dataclass(frozen=True)
class Check:
    """One sentence about one model."""

    sentence: str
    trial: Trial
    make: Callable[[Trial], None]

    def __str__(self) -> str:
        return f"{self.trial.model}: {self.sentence}"

    def __call__(self) -> None:
        """Makes the check.

        Raises:
            ContractError: it does not hold.
            SkippedError: it cannot be made.
        """
        self.make(self.trial)


def checks(project: Project, model: str | None = None) -> list[Check]:
    """The checks of one model, or of every model of the project.

    Raises:
        SettingsError: there is no such model.
    """
    return [check for name in project.chosen(model) for check in _checks_of(Trial(project, name))]


def _checks_of(trial: Trial) -> Iterator[Check]:
    for make in (
        _settings,
        _sample,
        _first_run,
        _eval_slice,
        _same_bytes,
        _same_model,
        _packed,
        _answers,
        _equal,
        _worse,
        _unscorable,
    ):
        yield Check((make.__doc__ or "").strip().rstrip("."), trial, make)


def _settings(trial: Trial) -> None:
    """the settings hold in every environment, and the training script takes its hyperparameters."""
    mistakes = {}
    for environment in trial.project.environments:
        try:
            settings = trial.project.settings(environment, trial.model)
            source.check(settings, root=trial.project.root)
        except (SettingsError, DefinitionError) as mistake:
            mistakes[str(mistake)] = environment
    if mistakes:
        raise ContractError("\n".join(mistakes))


def _sample(trial: Trial) -> None:
    """there are rows to try the scripts on."""
    if not trial.files:
        raise ContractError(
            f"{trial.data} holds no file; put a small drop of data there, laid out as it lands "
            f"below {trial.settings.data.prefix}"
        )


def _first_run(trial: Trial) -> None:
    """the pipeline runs, and registers the first model."""
    _registered(trial.first, "the first model, with no champion to lose against")


def _eval_slice(trial: Trial) -> None:
    """the eval slice has the columns that the settings name, and labels that differ."""
    rows = _rows(trial, _EVAL_ROWS)
    columns = list(map(str, rows.columns))
    for environment in trial.project.environments:
        settings = trial.project.settings(environment, trial.model)
        model = settings.model
        for key, name in (("label", model.label), ("weights", model.weights)):
            if name and name not in columns:
                near = difflib.get_close_matches(name, columns, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ContractError(
                    f"{key} = {name!r} in {environment}, and the eval slice has the columns "
                    f"{', '.join(columns)}{hint}"
                )
        for mistake in unknown_columns(settings.candidates, columns):
            raise ContractError(f"{settings.origin('candidates.columns')}: {mistake}")
    label = trial.settings.model.label
    if rows[label].nunique() < 2:
        raise ContractError(
            f"every row of the eval slice has the label {rows[label].iloc[0]!r}, so no model can "
            "be judged by it; prepare.py has to choose other rows, or the sample needs more"
        )


def _same_bytes(trial: Trial) -> None:
    """the same data makes the same rows, byte by byte."""
    for record in _processing(trial.first):
        outputs = trial.outputs(record)
        if judgement.REPORT in outputs and judgement.PREDICTIONS in outputs:
            continue  # the evaluation is Ratchet's, and its report says how long a row took
        again = _step(trial.second, record.name)
        for name, uri in outputs.items():
            before = _digests(trial, uri)
            after = _digests(trial, trial.outputs(again)[name])
            if before != after:
                other = sorted(
                    path for path in {*before, *after} if before.get(path) != after.get(path)
                )
                raise ContractError(
                    f"two runs of step {record.name} wrote other bytes into {name}: "
                    f"{', '.join(other[:3])}. What follows is then never a cache hit. Seed what "
                    "is random, sort what has no order, and write no time"
                )


def _same_model(trial: Trial) -> None:
    """the same rows train the same model."""
    first, second = (
        [_digests(trial, uri) for uri in trial.artifacts_of(result)]
        for result in (trial.first, trial.second)
    )
    if first == second:
        return
    answers = [_answered(trial, run) for run in (trial.first, trial.second)]
    if answers[0] != answers[1]:
        raise ContractError(
            "two trainings on the same rows made models that answer otherwise; seed what is "
            "random (random_state=0)"
        )


def _packed(trial: Trial) -> None:
    """the model carries the code that answers for it."""
    containers = trial.containers
    scripts = [
        (container.get("Environment") or {}).get("SAGEMAKER_PROGRAM", "inference.py")
        for container in containers
    ]
    with LoadedModel(trial, containers) as served:
        for (name, folder), script in zip(served.model_dirs.items(), scripts, strict=True):
            if not (folder / "code" / script).is_file():
                whose = "" if len(scripts) == 1 else f" of {name}"
                raise ContractError(
                    f"model.tar.gz{whose} holds no code/{script}; the script that trains it has to "
                    "copy it to <model_dir>/code/, beside the modules that it imports"
                )


def _answers(trial: Trial) -> None:
    """an endpoint answers for every row of the eval slice, as CSV and as JSON."""
    rows, model = _requests(trial), trial.settings.model
    eval_rows = _rows(trial, _EVAL_ROWS)
    if model.label not in eval_rows:
        raise ContractError(f"the eval slice has no column {model.label!r}, the label")
    column = eval_rows[model.label]
    with LoadedModel(trial, trial.containers) as served:
        answer = served.ask(rows.to_csv(index=False).encode(), "text/csv")
        reading = Reading(prediction=model.prediction, probability=model.probability)
        try:
            labels = read_labels(
                model.problem, column, positive=model.positive, classes=model.classes
            )
            read_response(answer.decode(errors="replace"), labels, reading)
        except RefusedError as refused:
            raise ContractError(
                f"the answer to {len(rows):,} rows as text/csv is not understood: {refused}. "
                "inference.py has to answer one line a row; prediction and probability of [model] "
                "say where in it"
            ) from None
        # Numbers as numbers, and what is missing as null.
        typed = pd.read_csv(io.StringIO(rows.head(20).to_csv(index=False)))
        records = typed.to_json(orient="records").encode()
        answer = served.ask(records, "application/json")
        try:
            body = json.loads(answer)
        except ValueError as error:
            raise ContractError(
                f"the answer to a request as application/json is no JSON: {error}; it begins with "
                f"{answer.decode(errors='replace')[:80]!r}"
            ) from None
        answers = body.get("predictions") if isinstance(body, dict) else body
        if not isinstance(answers, list) or len(answers) != min(20, len(rows)):
            raise ContractError(
                f"expected {min(20, len(rows))} predictions as application/json, got "
                f"{str(body)[:80]}"
            )


def _equal(trial: Trial) -> None:
    """a model that is equal to the champion passes the gate."""
    champion = trial.champion_of(trial.first)
    _registered(trial.run(champion=champion, earlier=_made(trial.first)), "an equal model")


def _worse(trial: Trial) -> None:
    """a model that is worse than the champion is halted."""
    record = _prepared(trial)
    uri = trial.outputs(record)[_TRAIN_ROWS]
    shuffled = f"{uri.rstrip('/')}-shuffled"
    for path, content in trial.below(uri):
        rows = _shuffled(path, content, trial.settings.model.label)
        trial.storage.write_bytes(f"{shuffled}{path}", rows)
    earlier = {_PREPARE: trial.with_output(record, _TRAIN_ROWS, shuffled)}
    result = trial.run(champion=trial.champion_of(trial.first), earlier=earlier)
    if result.status == "Succeeded":
        raise ContractError(
            "a model that was trained on shuffled labels is no worse than yours, and passes the "
            "gate: the sample is too small, the gate's tolerance too large for this metric, or "
            "the columns say nothing about the label"
        )
    if not _halted(result):
        raise ContractError(f"a model trained on shuffled labels broke the run: {_why(result)}")


def _unscorable(trial: Trial) -> None:
    """a champion that cannot answer is said, and is no crash."""
    uri = "s3://artifacts/broken/model.tar.gz"
    trial.storage.write_bytes(uri, b"no archive")
    result = trial.run(champion=uri, earlier=_made(trial.first))
    passes = trial.settings.gate.unscorable_champion == "pass"
    if passes:
        _registered(result, "a model beside a champion that cannot answer")
    elif not _halted(result):
        raise ContractError(f"a champion that cannot answer breaks the run: {_why(result)}")


def _registered(result: Result, what: str) -> None:
    if result.status != "Succeeded":
        raise ContractError(f"{what} was not registered: {_why(result)}")


def _why(result: Result) -> str:
    failed = [step for step in result.steps if step.status == "Failed"]
    words = [f"{step.name}: {step.failure_reason}" for step in failed]
    return "; ".join(words) or result.failure_reason or result.status


def _halted(result: Result) -> bool:
    return any(step.type == "Fail" and step.status == "Failed" for step in result.steps)


def _made(result: Result) -> dict[str, StepRecord]:
    """What need not be made again: rows and model."""
    return {
        step.name: step for step in result.steps if step.type == "Training" or step.name == _PREPARE
    }


def _processing(result: Result) -> list[StepRecord]:
    return [step for step in result.steps if step.type == "Processing"]


def _step(result: Result, name: str) -> StepRecord:
    try:
        return result.step(name)
    except KeyError:
        raise ContractError(f"the second run never reached step {name}: {_why(result)}") from None


def _prepared(trial: Trial) -> StepRecord:
    try:
        record = trial.first.step(_PREPARE)
        trial.outputs(record)[_TRAIN_ROWS]
    except KeyError:
        raise SkippedError(
            f"the pipeline has no step {_PREPARE!r} with an output {_TRAIN_ROWS!r}"
        ) from None
    return record


def _rows(trial: Trial, output: str) -> pd.DataFrame:
    record = _prepared(trial)
    uri = trial.outputs(record).get(output)
    files = [(path, content) for path, content in trial.below(uri or "")] if uri else []
    tables = [_table(path, content) for path, content in files]
    if not tables:
        raise ContractError(f"step {_PREPARE} wrote nothing into its output {output!r}")
    return pd.concat(tables, ignore_index=True)


def _requests(trial: Trial) -> pd.DataFrame:
    """The rows of the eval slice as they are asked about."""
    without = [*trial.settings.model.not_in_requests]
    return _rows(trial, _EVAL_ROWS).drop(columns=without, errors="ignore")


def _table(path: str, content: bytes) -> pd.DataFrame:
    if path.endswith(".parquet"):
        return pd.read_parquet(io.BytesIO(content))
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)


def _shuffled(path: str, content: bytes, label: str) -> bytes:
    """The rows with the labels of other rows."""
    rows = _table(path, content)
    if label not in rows:
        return content
    rows[label] = rows[label].sample(frac=1, random_state=0).to_numpy()
    if path.endswith(".parquet"):
        written = io.BytesIO()
        rows.to_parquet(written)
        return written.getvalue()
    return rows.to_csv(index=False).encode()


def _digests(trial: Trial, uri: str) -> dict[str, str]:
    return {
        path: hashlib.sha256(_without_times(path, content)).hexdigest()
        for path, content in trial.below(uri)
    }


def _without_times(path: str, content: bytes) -> bytes:
    """The report of an evaluation says how long each model took, which is measured anew."""
    if not path.endswith(f"/{folders.EVALUATION_REPORT}"):
        return content
    report = json.loads(content)
    for part in ("candidate", "champion"):
        ((report.get(part) or {}).get("metrics") or {}).pop(LATENCY, None)
    return json.dumps(report).encode()


def _answered(trial: Trial, result: Result) -> bytes:
    rows = _requests(trial)
    with LoadedModel(trial, trial.containers_of(result)) as served:
        return served.ask(rows.to_csv(index=False).encode(), "text/csv")
