"""The Tuning step: training jobs over ranges of hyperparameters, and the best of them.

Random and Grid search as SageMaker does. Bayesian and Hyperband run as a random search over the
same ranges with the same number of jobs, and the step's log says so.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ratchet.definition.expressions import calls
from ratchet.definition.step_types import row_of
from ratchet.runner.cache_key import CacheKey, CacheKeySource
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import StepFailed, StepStopped, as_failure
from ratchet.runner.expressions import StepScope
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types import jobs, search, training
from ratchet.runner.step_types.contract import Attempt, Done, Runner, resolve_all

_STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")
_OBJECTIVE = "_tuning_objective_metric"
_RANGES = "HyperParameterRanges"
_OF_TUNING = ("StaticHyperParameters", _RANGES, "TuningObjective", "DefinitionName")
_SEEDED_BY_CONTENT = 1 << 32


@dataclass(frozen=True, kw_only=True)
class _Definition:
    """One training job definition of a tuning job: what its children have in common."""

    name: str | None
    metric: str
    maximize: bool
    ranges: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def others(self) -> dict[str, Any]:
        """What is neither its ranges nor compared of a training job."""
        compared = row_of(training.TRAINING.name).cache_key or {}
        elsewhere = {*compared, "StaticHyperParameters", _RANGES}
        return {key: value for key, value in self.body.items() if key not in elsewhere}

    def request(self, tuned: Mapping[str, str]) -> dict[str, Any]:
        """The CreateTrainingJob request of a child."""
        request = {key: value for key, value in self.body.items() if key not in _OF_TUNING}
        static = dict(self.body.get("StaticHyperParameters") or {})
        return {**request, "HyperParameters": {**static, **tuned, _OBJECTIVE: self.metric}}


def _definitions(arguments: Mapping[str, Any]) -> list[_Definition]:
    config = arguments["HyperParameterTuningJobConfig"]
    several = arguments.get("TrainingJobDefinitions") or []
    definitions = []
    for body in several or [arguments["TrainingJobDefinition"]]:
        objective = body.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
        definitions.append(
            _Definition(
                name=body.get("DefinitionName"),
                metric=(objective or {}).get("MetricName", ""),
                maximize=(objective or {}).get("Type") == "Maximize",
                ranges=body.get(_RANGES) or config.get("ParameterRanges") or {},
                body=body,
            )
        )
    return definitions


def _check(step: RunnableStep, report: ProblemList) -> None:
    arguments, place = step.arguments, f"{step.place}.Arguments"
    at = f"{place}.HyperParameterTuningJobConfig"
    if not report.require(arguments, place, "HyperParameterTuningJobConfig"):
        return
    config = arguments["HyperParameterTuningJobConfig"]
    if not report.require(config, at, "Strategy", "ResourceLimits"):
        return
    strategy = config["Strategy"]
    if strategy not in _STRATEGIES:
        report.add(f"{at}.Strategy", f"{strategy!r}: expected {', '.join(_STRATEGIES)}")
    if ("TrainingJobDefinition" in arguments) == bool(arguments.get("TrainingJobDefinitions")):
        report.add(place, "expected either TrainingJobDefinition or TrainingJobDefinitions")
        return
    if strategy != "Grid" and "MaxNumberOfTrainingJobs" not in config["ResourceLimits"]:
        report.add(f"{at}.ResourceLimits.MaxNumberOfTrainingJobs", "is required")
    for index, definition in enumerate(_definitions(arguments)):
        where = f"{place}.TrainingJobDefinition"
        if definition.name is not None and arguments.get("TrainingJobDefinitions"):
            where += f"s[{index}]"
        _check_definition(step, definition, strategy, where, report)


def _check_definition(
    step: RunnableStep, definition: _Definition, strategy: str, place: str, report: ProblemList
) -> None:
    if not definition.metric:
        report.add(place, "has no objective: expected HyperParameterTuningJobObjective")
    algorithm = definition.body.get("AlgorithmSpecification") or {}
    names = [item.get("Name") for item in algorithm.get("MetricDefinitions") or []]
    if definition.metric and definition.metric not in names:
        report.add(
            f"{place}.AlgorithmSpecification.MetricDefinitions",
            f"no metric {definition.metric!r}, which is the objective: its regular expression "
            f"finds the value in the log; defined are {', '.join(map(str, names)) or 'none'}",
        )
    if not calls(definition.ranges):
        try:
            ranges = search.read_ranges(definition.ranges)
        except ValueError as error:
            report.add(f"{place}.ParameterRanges", str(error))
            return
        if strategy == "Grid" and any(not isinstance(item, search.Choice) for item in ranges):
            report.add(f"{place}.ParameterRanges", "Grid search takes categorical ranges only")
    # What a training step must have, its children must have too.
    request = {**step.body, "Arguments": definition.request({})}
    child = replace(step, body_with_branches=request)
    training.TRAINING.check(child, report)


def _resolve(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    arguments = resolve_all(step, scope)
    for definition in _bodies(arguments):
        for key in ("StaticHyperParameters", "Environment"):
            if definition.get(key):
                definition[key] = jobs.texts(definition[key])
    return arguments


def _bodies(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    several = arguments.get("TrainingJobDefinitions") or []
    return [*several] or [arguments["TrainingJobDefinition"]]


def _cache_key(arguments: Mapping[str, Any]) -> CacheKey:
    attributes: dict[str, Any] = {"tuning": arguments["HyperParameterTuningJobConfig"]}
    sources: dict[str, CacheKeySource] = {}
    of_training = training.TRAINING.cache_key
    assert of_training is not None
    for index, definition in enumerate(_definitions(arguments)):
        key = of_training(definition.request({}))
        prefix = f"{definition.name or index} " if arguments.get("TrainingJobDefinitions") else ""
        attributes |= {f"{prefix}{name}": value for name, value in key.attributes.items()}
        attributes[f"{prefix}ranges"] = definition.ranges
        attributes[f"{prefix}definition"] = definition.others
        sources |= {f"{prefix}{name}": source for name, source in key.sources.items()}
    return CacheKey(attributes=attributes, sources=sources)


@dataclass(kw_only=True)
class _Child:
    """A training job of the tuning job, as far as it has got."""

    name: str
    definition: _Definition
    tuned: Mapping[str, str]
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return str(self.properties.get("TrainingJobStatus", "InProgress"))

    @property
    def objective(self) -> float | None:
        """The last value of the objective; None without one, or when the job did not complete."""
        if self.status != "Completed":
            return None
        for metric in self.properties.get("FinalMetricDataList") or []:
            if metric["MetricName"] == self.definition.metric:
                return float(metric["Value"])
        return None

    @property
    def rank(self) -> tuple[bool, float]:
        """Best first when sorted."""
        value = self.objective
        if value is None or value != value:  # NaN is no result
            return (True, 0.0)
        return (False, -value if self.definition.maximize else value)

    def summary(self, tuning_job_arn: str) -> dict[str, Any]:
        """HyperParameterTrainingJobSummary, over all that DescribeTrainingJob answers."""
        value = self.objective
        metric = None
        if value is not None:
            kind = "Maximize" if self.definition.maximize else "Minimize"
            metric = {"Type": kind, "MetricName": self.definition.metric, "Value": value}
        status = {"Completed": "Failed" if value is None else "Succeeded"}
        return jobs.described(
            {
                **self.properties,
                "TrainingJobDefinitionName": self.definition.name,
                "TuningJobArn": tuning_job_arn,
                "TunedHyperParameters": dict(self.tuned),
                "FinalHyperParameterTuningJobObjectiveMetric": metric,
                "ObjectiveStatus": status.get(self.status, "Pending"),
            }
        )


class _Tuning:
    """A tuning job while it runs."""

    def __init__(self, attempt: Attempt) -> None:
        self.state = jobs.JobState()
        self._attempt = attempt
        self._arn = attempt.identity.arn(f"hyper-parameter-tuning-job/{attempt.job_name}")
        self._definitions = _definitions(attempt.arguments)
        self._config = attempt.arguments["HyperParameterTuningJobConfig"]
        self.children: list[_Child] = []

    def run(self) -> None:
        limits = self._config["ResourceLimits"]
        self.state.started = time.time()
        planned = list(self._planned())
        # All are named first, so that the order of their ends changes nothing.
        children = [
            _Child(name=self._name(number, tuned), definition=definition, tuned=tuned)
            for number, (definition, tuned) in enumerate(planned, start=1)
        ]
        with ThreadPoolExecutor(int(limits.get("MaxParallelTrainingJobs") or 1)) as pool:
            list(pool.map(self._train, children))
        if self._attempt.stop.is_set():
            raise StepStopped
        if all(child.objective is None for child in self.children):
            reasons = {str(child.properties.get("FailureReason", "")) for child in self.children}
            reason = "; ".join(sorted(filter(None, reasons))) or (
                f"no line of their logs has the metric {self._definitions[0].metric!r}"
            )
            count = len(self.children)
            raise StepFailed(f"ClientError: none of {count} training jobs has a result: {reason}")

    def _planned(self) -> Iterator[tuple[_Definition, dict[str, str]]]:
        strategy = self._config["Strategy"]
        say = functools.partial(self._attempt.on_line, "stdout")
        if strategy in ("Bayesian", "Hyperband"):
            say(f"{strategy} search runs here as a random search over the same ranges")
        seed = self._config.get("RandomSeed")
        limit = int(self._config["ResourceLimits"].get("MaxNumberOfTrainingJobs") or 0)
        definitions = self._definitions
        for index, definition in enumerate(definitions):
            ranges = search.read_ranges(definition.ranges)
            if strategy == "Grid":
                combinations = search.grid(ranges)
            else:
                share = limit // len(definitions) + (index < limit % len(definitions))
                start = _seed(definition) if seed is None else int(seed) + index
                combinations = search.sampled(ranges, count=share, seed=start)
            for tuned in combinations:
                yield definition, tuned

    def _name(self, number: int, tuned: Mapping[str, str]) -> str:
        digest = hashlib.sha256(repr(sorted(tuned.items())).encode()).hexdigest()
        return f"{self._attempt.job_name}-{number:03d}-{digest[:8]}"

    def _train(self, child: _Child) -> None:
        attempt = self._attempt
        if attempt.stop.is_set():
            return
        self.children.append(child)
        label = child.name.removeprefix(f"{attempt.job_name}-")[:3]
        folder = attempt.folder / child.name
        folder.mkdir(parents=True, exist_ok=True)

        def progress(
            *, properties: Mapping[str, Any] | None = None, process_group: int | None = None
        ) -> None:
            if properties is not None:
                child.properties = properties
            attempt.progress(properties=self.describe(), process_group=process_group)

        request = child.definition.request(child.tuned)
        # Each definition names a role of its own.
        access = attempt.services.job_access(training.TRAINING.name, child.name, request)
        of_child = replace(
            attempt,
            arguments={**request, "Tags": attempt.arguments.get("Tags", [])},
            storage=access.storage or attempt.storage,
            environment={**attempt.environment, **access.environment},
            job_name=child.name,
            folder=folder,
            on_line=lambda stream, line: attempt.on_line(stream, f"[{label}] {line}"),
            progress=progress,
        )
        try:
            child.properties = training.TRAINING.run(of_child).properties
        except (StepFailed, StepStopped) as end:
            child.properties = end.properties or child.properties
        attempt.progress(properties=self.describe())

    def describe(self) -> dict[str, Any]:
        """The DescribeHyperParameterTuningJob answer, with the children's, best first."""
        children = sorted(self.children, key=lambda child: child.rank)
        summaries = [child.summary(self._arn) for child in children]
        best = summaries[0] if children and children[0].objective is not None else None
        state = self.state
        statuses = [child.status for child in children]
        return jobs.described(
            {
                **jobs.without_tags(self._attempt.arguments),
                "HyperParameterTuningJobName": self._attempt.job_name,
                "HyperParameterTuningJobArn": self._arn,
                "HyperParameterTuningJobStatus": state.status,
                "FailureReason": state.failure_reason,
                "CreationTime": state.created,
                "HyperParameterTuningEndTime": state.ended,
                "LastModifiedTime": state.ended or time.time(),
                "TrainingJobStatusCounters": {
                    "Completed": statuses.count("Completed"),
                    "InProgress": statuses.count("InProgress"),
                    "RetryableError": 0,
                    "NonRetryableError": statuses.count("Failed"),
                    "Stopped": statuses.count("Stopped"),
                },
                "ObjectiveStatusCounters": {
                    status: sum(summary["ObjectiveStatus"] == status for summary in summaries)
                    for status in ("Succeeded", "Pending", "Failed")
                },
                "BestTrainingJob": best,
                "TrainingJobSummaries": summaries,
            }
        )

    def outputs(self) -> tuple[str, ...]:
        """Where the models of the completed children are."""
        return tuple(
            child.properties["ModelArtifacts"]["S3ModelArtifacts"]
            for child in self.children
            if child.status == "Completed"
        )


def _seed(definition: _Definition) -> int:
    """Without a RandomSeed the ranges are one: the same job tries the same values again."""
    digest = hashlib.sha256(repr(sorted(definition.ranges.items())).encode()).hexdigest()
    return int(digest, 16) % _SEEDED_BY_CONTENT


def _run(attempt: Attempt) -> Done:
    tuning = _Tuning(attempt)
    state = tuning.state
    attempt.progress(properties=tuning.describe())
    try:
        tuning.run()
    except StepStopped:
        state.status, state.ended = "Stopped", time.time()
        raise StepStopped(tuning.describe()) from None
    except Exception as error:
        failure = as_failure(error)
        state.status, state.failure_reason, state.ended = "Failed", failure.reason, time.time()
        raise StepFailed(failure.reason, kind=failure.kind, properties=tuning.describe()) from None
    state.status, state.ended = "Completed", time.time()
    return Done(properties=tuning.describe(), outputs=tuning.outputs())


TUNING = Runner(
    name="Tuning",
    check=_check,
    resolve=_resolve,
    cache_key=_cache_key,
    run=_run,
)
