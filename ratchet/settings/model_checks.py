"""What of a model's settings does not go together: problem, metric and what is tolerated."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from ratchet.loop import problems
from ratchet.loop.problems import ModelMetric
from ratchet.settings.schema import ModelSettings, Settings
from ratchet.settings.toml_reader import toml

OWN_METRICS = "metrics.py"
"""Beside the scripts of the model."""

_LONGEST_EXCLUSION = 100
"""Of Model Monitor's ExcludeFeaturesAttribute, in characters:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_EndpointInput.html"""


def contradictions(settings: Settings, *, steps: Path) -> Iterator[tuple[str, str]]:
    """Keys that do not go together: one of them, and what is wrong.

    Args:
        steps: the folder of the model's scripts.
    """
    model = settings.model
    yield from _of_classes(model)
    yield from _of_columns(model)
    if (wrong := _of_metric(model, steps)) is not None:
        yield "model.metric", wrong
        return
    yield from _of_tolerances(settings)
    yield from _of_limits(settings, steps)
    yield from _of_slices(settings)
    yield from _of_candidates(settings)
    if len(",".join(settings.unmonitored)) > _LONGEST_EXCLUSION:
        yield (
            "monitor.exclude",
            f"monitor.exclude and the label, {','.join(settings.unmonitored)!r}: expected names of "
            f"at most {_LONGEST_EXCLUSION} characters together",
        )


def own_directions(file: Path) -> Mapping[str, object]:
    """`BETTER` of a team's metrics: name → "higher" or "lower"; empty where it is no literal."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == "BETTER" for target in targets):
            try:
                better = ast.literal_eval(node.value)  # type: ignore[attr-defined]
            except (ValueError, TypeError):
                return {}
            return better if isinstance(better, dict) else {}
    return {}


def limitable_metrics(model: ModelSettings, steps: Path) -> Mapping[str, ModelMetric]:
    """What a gate can limit: the metrics of the problem, of the model, and of the team."""
    own = {
        name: ModelMetric(name, better, low=-problems.INFINITE, high=problems.INFINITE)
        for name, better in own_directions(steps / OWN_METRICS).items()
        if better == "higher" or better == "lower"
    }
    return {**own, **problems.PROBLEMS[model.problem].reported}


def _of_classes(model: ModelSettings) -> Iterator[tuple[str, str]]:
    if model.positive and model.problem != problems.BINARY:
        yield (
            "model.positive",
            f'model.positive = "{model.positive}": a {model.problem} problem has no positive class',
        )
    if not model.classes:
        return
    if model.problem != problems.MULTICLASS:
        yield (
            "model.classes",
            f"model.classes: a {model.problem} problem has no list of classes; of a binary one, "
            "model.positive names the class that the probability is of",
        )
    elif len(set(model.classes)) < len(model.classes) or len(model.classes) < 2:
        yield "model.classes", "model.classes: expected at least two names, each once"


def _of_columns(model: ModelSettings) -> Iterator[tuple[str, str]]:
    """Threshold, quantile, weights, and where the parts of an answer stand."""
    kind = model.problem
    if model.threshold != problems.THRESHOLD:
        written = f"model.threshold = {toml(model.threshold)}"
        if kind != problems.BINARY:
            yield "model.threshold", f"{written}: a {kind} problem has no threshold"
        elif model.prediction is not None:
            yield (
                "model.threshold",
                f"{written} and model.prediction = {toml(model.prediction)}: the model itself says "
                "which class it is, so no threshold decides; write one of the two",
            )
    if model.quantile != problems.MEDIAN and kind != problems.REGRESSION:
        written = f"model.quantile = {model.quantile:g}"
        yield "model.quantile", f"{written}: a {kind} problem has no quantile"
    if model.weights == model.label:
        yield "model.weights", f"model.weights = {toml(model.weights)}: this is the label"
    if model.probability is None:
        return
    written = f"model.probability = {toml(model.probability)}"
    if kind == problems.REGRESSION:
        yield "model.probability", f"{written}: a regression answers no probability"
    elif model.probability == model.prediction:
        yield "model.probability", f"{written}: model.prediction stands there"
    elif kind == problems.MULTICLASS and not model.classes:
        yield (
            "model.probability",
            f"{written} needs model.classes: {_NEEDS_ORDER}",
        )


_NEEDS_ORDER = (
    "probabilities mean nothing without the order of the classes; write "
    'classes = ["…", "…"] in the order in which the model answers'
)


def _of_metric(model: ModelSettings, steps: Path) -> str | None:
    named = f'model.metric = "{model.metric_name}"'
    if model.metric in problems.OF_MODEL:
        return (
            f"{named}: it is measured of the model and not of its answers, so it says nothing of "
            f"which one is better; limit it: [gate.limits] {model.metric} = …"
        )
    if model.known_metric is None:
        file = steps / OWN_METRICS
        direction = own_directions(file).get(model.metric)
        if direction in problems.DIRECTIONS:
            return None
        example = f'BETTER = {{"{model.metric}": "lower"}}'
        return (
            f"{named}: {problems.unknown_metric(model.problem, model.metric)}. For a metric of "
            f"your own, write {example} and the function {model.metric}(labels, answers) into "
            f"{file}"
        )
    if not model.known_metric.of_probabilities:
        return None
    if model.prediction is not None and model.probability is None:
        return (
            f"{named} needs probabilities, and model.prediction = {toml(model.prediction)} alone "
            "says that the model answers none; write where they stand: probability = …"
        )
    if model.problem == problems.MULTICLASS and not model.classes:
        return f"{named} needs model.classes: {_NEEDS_ORDER}"
    return None


def _of_tolerances(settings: Settings) -> Iterator[tuple[str, str]]:
    model, metric = settings.model, settings.model.known_metric
    for table, tolerance in (
        ("gate", settings.gate.max_regression),
        ("evaluation", settings.evaluation.max_regression),
    ):
        if tolerance is None and model.needs_tolerances:
            than = "the champion" if table == "gate" else "at its registration"
            yield (
                table,
                f"{table}.max_regression is missing: nothing but you knows how much of "
                f"{model.metric_name} is little. Write how much worse than {than} still passes, "
                f"such as a hundredth of a usual {model.metric_name}: [{table}] max_regression = …",
            )
    floor = settings.evaluation.floor
    if metric is not None and floor is not None and not metric.low <= floor <= metric.high:
        yield (
            "evaluation.floor",
            f"evaluation.floor = {floor:g}: {metric.name} lies between {metric.low:g} and "
            f"{metric.high:g}, so this can never decide",
        )


def _of_limits(settings: Settings, steps: Path) -> Iterator[tuple[str, str]]:
    model, metrics = settings.model, limitable_metrics(settings.model, steps)
    for name, limit in settings.gate.limits.items():
        key = f"gate.limits.{name}"
        metric = metrics.get(name)
        if metric is None:
            yield key, f"{key}: {problems.unknown_metric(model.problem, name, metrics)}"
        elif not _decides(metric, limit):
            yield (
                key,
                f"{key} = {limit:g}: {metric.bound} {limit:g} can never decide, for {name} lies "
                f"between {metric.low:g} and {metric.high:g}",
            )


def _decides(metric: ModelMetric, limit: float) -> bool:
    """Whether some values pass and others do not."""
    if metric.rises:
        return metric.low < limit <= metric.high
    return metric.low <= limit < metric.high


def _of_slices(settings: Settings) -> Iterator[tuple[str, str]]:
    gate, model = settings.gate, settings.model
    for column in gate.slices:
        if column in model.not_in_requests:
            role = "label" if column == model.label else "column of weights"
            yield (
                "gate.slices",
                f'gate.slices: "{column}" is the {role}; expected columns that requests carry',
            )
    if gate.slices and not (model.known_metric and model.known_metric.has_standard_error):
        yield (
            "gate.slices",
            f"gate.slices: {model.metric_name} has no standard error, so nothing says which slice "
            "is worse beyond chance; name another model.metric, and limit this one: [gate.limits]",
        )
    if not gate.slices:
        for key, is_set in (
            ("slices_halt", gate.slices_halt),
            ("slice_max_regression", gate.slice_max_regression is not None),
        ):
            if is_set:
                yield f"gate.{key}", f'gate.{key} needs slices; write slices = ["…"] with columns'


def _of_candidates(settings: Settings) -> Iterator[tuple[str, str]]:
    model = settings.model
    for column in settings.candidates.columns:
        if column in model.not_in_requests:
            role = "label" if column == model.label else "column of weights"
            yield (
                "candidates.columns",
                f'candidates.columns: "{column}" is the {role}, which no request carries; expected '
                "columns that a foundation model may answer by",
            )
