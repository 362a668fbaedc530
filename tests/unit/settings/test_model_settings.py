"""What a model predicts and by what it is judged is said once, and what does not go together is
refused where it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.authoring.judgement import script_arguments
from ratchet.judging.evaluate import parse_arguments
from ratchet.loop.problems import PROBLEMS
from ratchet.settings import loading
from ratchet.settings.schema import Settings, SettingsError
from tests.projects import REQUIRED
from tests.unit.settings.conftest import Write

OF_ALL = "\n".join(line for line in REQUIRED.splitlines() if not line.startswith("model"))
REGRESSION = """
[model]
problem = "regression"
label = "price"
"""
TOLERANCES = "[gate]\nmax_regression = 2\n[evaluation]\nmax_regression = 5\n"


def load(config: Path) -> Settings:
    return loading.load(config, environment="dev", model="flights")


def of(write: Write, model: str) -> Settings:
    return load(write(OF_ALL, **{"flights/base.toml": model}))


def refusal(write: Write, model: str) -> str:
    with pytest.raises(SettingsError) as refused:
        of(write, model)
    return str(refused.value)


def metrics_of_the_team(write: Write, source: str) -> Path:
    """Their file beside the scripts; `write` puts `config` beside `steps`."""
    steps = write(OF_ALL).parent / "steps" / "flights"
    steps.mkdir(parents=True)
    (steps / "metrics.py").write_text(source)
    return steps


def test_a_model_that_does_not_say_what_it_predicts_is_refused_with_the_lines_to_write(
    write: Write,
) -> None:
    assert refusal(write, "").endswith(
        "config/flights/base.toml: model is missing; expected a table such as\n"
        '[model]\nproblem = "binary" or "multiclass" or "regression"\nlabel = a string'
    )


@pytest.mark.parametrize(
    ("problem", "metric"), [("binary", "auc"), ("multiclass", "macro_f1"), ("regression", "rmse")]
)
def test_each_problem_has_a_metric_that_decides_unless_another_is_named(
    write: Write, problem: str, metric: str
) -> None:
    lines = f'[model]\nproblem = "{problem}"\nlabel = "x"\n{TOLERANCES}'
    assert of(write, lines).model.metric_name == metric


@pytest.mark.parametrize(
    ("metric", "near"),
    [("rsme", "rmse"), ("mean_absolute_error", "mae"), ("neg_root_mean_squared_error", "rmse")],
)
def test_a_metric_that_does_not_exist_is_refused_with_the_nearest(
    write: Write, metric: str, near: str
) -> None:
    message = refusal(write, f'{REGRESSION}metric = "{metric}"\n{TOLERANCES}')
    assert f"did you mean '{near}'?" in message
    assert f"There are {', '.join(PROBLEMS['regression'].metrics)}" in message
    assert f'BETTER = {{"{metric}": "lower"}}' in message


def test_a_metric_of_another_problem_is_refused(write: Write) -> None:
    assert "'auc' is no metric of a regression problem" in refusal(
        write, f'{REGRESSION}metric = "auc"\n{TOLERANCES}'
    )


def test_a_metric_of_the_teams_own_file_is_taken(write: Write) -> None:
    metrics_of_the_team(write, 'BETTER = {"cost": "lower"}\ndef cost(labels, answers): ...')
    settings = of(write, f'{REGRESSION}metric = "cost"\n{TOLERANCES}')
    assert settings.model.metric_name == "cost"
    assert settings.model.known_metric is None


@pytest.mark.parametrize("source", ["def cost(labels, answers): ...", 'BETTER = {"cost": "less"}'])
def test_a_metric_of_the_teams_own_that_says_no_direction_is_refused(
    write: Write, source: str
) -> None:
    steps = metrics_of_the_team(write, source)
    message = refusal(write, f'{REGRESSION}metric = "cost"\n{TOLERANCES}')
    assert str(steps / "metrics.py") in message


def test_tolerances_and_a_floor_are_any_numbers_of_the_metrics_own_unit(write: Write) -> None:
    r2 = REGRESSION + 'metric = "r2"\n[evaluation]\nfloor = -0.2\n[gate]\nmax_regression = 2'
    assert of(write, r2).evaluation_floor == -0.2
    assert of(write, r2).gate_max_regression == 2


@pytest.mark.parametrize("value", ["-0.1", "inf", "nan"])
def test_a_tolerance_that_is_no_amount_is_refused(write: Write, value: str) -> None:
    message = refusal(write, f"{REGRESSION}[gate]\nmax_regression = {value}")
    assert "expected a finite number of at least 0" in message


@pytest.mark.parametrize("table", ["gate", "evaluation"])
def test_a_metric_in_the_labels_unit_has_no_tolerance_that_fits_every_model(
    write: Write, table: str
) -> None:
    other = {"gate": "evaluation", "evaluation": "gate"}[table]
    message = refusal(write, f"{REGRESSION}[{other}]\nmax_regression = 2\n")
    assert f"{table}.max_regression is missing" in message
    assert f"[{table}] max_regression = …" in message


def test_a_metric_from_0_to_1_has_tolerances_of_its_own(write: Write) -> None:
    settings = load(write(REQUIRED))
    assert settings.gate_max_regression == 0.005
    assert settings.evaluation_max_regression == 0.05


@pytest.mark.parametrize(
    ("metric", "floor"), [("auc", 0.5), ("recall", None), ("log_loss", None), ("accuracy", None)]
)
def test_the_floor_is_what_answering_without_a_look_reaches_where_that_is_a_constant(
    write: Write, metric: str, floor: float | None
) -> None:
    lines = f'[model]\nproblem = "binary"\nlabel = "late"\nmetric = "{metric}"'
    assert of(write, lines).evaluation_floor == floor


def test_a_floor_that_can_never_decide_is_refused(write: Write) -> None:
    lines = '[model]\nproblem = "binary"\nlabel = "late"\n[evaluation]\nfloor = 2'
    assert "auc lies between 0 and 1, so this can never decide" in refusal(write, lines)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (f'{REGRESSION}positive = "yes"\n{TOLERANCES}', "has no positive class"),
        (f'{REGRESSION}classes = ["a", "b"]\n{TOLERANCES}', "has no list of classes"),
        ('[model]\nproblem = "multiclass"\nlabel = "x"\nclasses = ["a", "a"]', "each once"),
        (
            '[model]\nproblem = "multiclass"\nlabel = "x"\nmetric = "log_loss"',
            "probabilities mean nothing without the order of the classes",
        ),
        ('[model]\nproblem = "regresion"\nlabel = "x"', 'expected "binary" or "multiclass" or'),
        ('[model]\nproblem = "binary"\nlabel = "a,b"', "no comma"),
    ],
)
def test_what_does_not_go_together_is_refused(write: Write, lines: str, message: str) -> None:
    assert message in refusal(write, lines)


def test_the_label_is_never_compared_with_requests(write: Write) -> None:
    settings = load(write(REQUIRED + '[monitor]\nexclude = ["month", "late"]'))
    assert settings.unmonitored == ("late", "month")
    assert load(write(REQUIRED)).unmonitored == ("late",)


def test_columns_that_model_monitor_cannot_take_are_refused(write: Write) -> None:
    with pytest.raises(SettingsError, match="at most 100 characters together"):
        load(write(REQUIRED + f'[monitor]\nexclude = ["{"x" * 96}"]'))


BINARY = '[model]\nproblem = "binary"\nlabel = "late"\n'


def test_a_gate_limits_metrics_and_compares_slices(write: Write) -> None:
    gate = "[gate]\nslices = ['carrier']\n[gate.limits]\nrecall = 0.6\nsize_mb = 20\n"
    settings = of(write, BINARY + gate)
    assert dict(settings.gate.limits) == {"recall": 0.6, "size_mb": 20.0}
    assert (settings.gate.slices, settings.gate.slices_halt) == (("carrier",), False)
    assert settings.slice_max_regression == settings.gate_max_regression == 0.005
    settings = of(write, BINARY + gate.replace("[gate]", "[gate]\nslice_max_regression = 0.02"))
    assert settings.slice_max_regression == 0.02


@pytest.mark.parametrize(
    ("model", "limit", "message"),
    [
        (BINARY, "recal = 0.6", "'recal' is no metric of a binary problem; did you mean 'recall'?"),
        (BINARY, "rmse = 2", "'rmse' is no metric of a binary problem"),
        (BINARY, "recall = 60", "at least 60 can never decide, for recall lies between 0 and 1"),
        (BINARY, "recall = 0", "at least 0 can never decide, for recall lies between 0 and 1"),
        (BINARY, "brier = 1", "at most 1 can never decide, for brier lies between 0 and 1"),
        (
            BINARY,
            "log_loss = -1",
            "at most -1 can never decide, for log_loss lies between",
        ),
        (BINARY, "size_mb = -1", "at most -1 can never decide, for size_mb"),
        (BINARY, "recall = nan", "expected a finite number"),
        (
            REGRESSION + TOLERANCES,
            "r2 = 2",
            "at least 2 can never decide, for r2 lies",
        ),
        (REGRESSION + TOLERANCES, "cost = 2", "'cost' is no metric of a regression problem"),
    ],
)
def test_a_limit_that_can_never_decide_is_refused_with_the_metrics_range(
    write: Write, model: str, limit: str, message: str
) -> None:
    refused = refusal(write, f"{model}[gate.limits]\n{limit}\n")
    assert f"gate.limits.{limit.partition(' ')[0]}" in refused
    assert message in refused


@pytest.mark.parametrize("limit", ["recall = 1", "brier = 0", "log_loss = 0", "latency_ms = 0.5"])
def test_a_limit_at_the_end_that_few_values_reach_decides(write: Write, limit: str) -> None:
    assert of(write, f"{BINARY}[gate.limits]\n{limit}\n").gate.limits


@pytest.mark.parametrize("limit", [-1e9, 0, 3])
def test_a_limit_of_the_teams_own_metric_is_any_number(write: Write, limit: float) -> None:
    config = write(OF_ALL, **{"flights/base.toml": f"{BINARY}[gate.limits]\ncost = {limit}\n"})
    steps = config.parent / "steps" / "flights"
    steps.mkdir(parents=True)
    (steps / "metrics.py").write_text("BETTER = {'cost': 'lower'}\n")
    assert load(config).gate.limits["cost"] == limit


@pytest.mark.parametrize(
    ("model", "gate", "message"),
    [
        (BINARY, "slices = ['late']", 'gate.slices: "late" is the label'),
        (BINARY, "slices = ['a', 'a']", "at most 10 columns, each once"),
        (BINARY, "slices_halt = true", "gate.slices_halt needs slices"),
        (BINARY, "slice_max_regression = 0.1", "gate.slice_max_regression needs slices"),
        (BINARY, "slice_max_regression = -1\nslices = ['a']", "a finite number of at least 0"),
        (
            BINARY.replace("[model]", "[model]\nmetric = 'average_precision'"),
            "slices = ['a']",
            "average_precision has no standard error",
        ),
    ],
)
def test_slices_that_nothing_can_be_said_of_are_refused(
    write: Write, model: str, gate: str, message: str
) -> None:
    assert message in refusal(write, f"{model}[gate]\n{gate}\n")


CLASSES = '[model]\nproblem = "multiclass"\nlabel = "kind"\n'


@pytest.mark.parametrize(
    ("lines", "arguments"),
    [
        (BINARY, []),
        (f'{BINARY}threshold = "best-f1"', ["--threshold=best-f1"]),
        (f"{BINARY}threshold = 1", ["--threshold=1.0"]),
        (f'{BINARY}weights = "mass"', ["--weights=mass"]),
        (f"{BINARY}probability = 1", ["--probability=1"]),
        (f'{BINARY}prediction = 0\nprobability = "p"', ["--prediction=0", "--probability=p"]),
        (f'{BINARY}prediction = 0\nmetric = "f1"', ["--prediction=0"]),
        (f"{REGRESSION}quantile = 0.9\n{TOLERANCES}", ["--quantile=0.9"]),
        (f'{CLASSES}probability = 0\nclasses = ["a", "b"]', ["--probability=0"]),
    ],
)
def test_the_script_is_told_what_the_settings_say(
    write: Write, lines: str, arguments: list[str]
) -> None:
    told = script_arguments(of(write, lines).model, own=None, needed=["accuracy"])
    names = ("--threshold", "--weights", "--prediction", "--probability", "--quantile")
    assert [each for each in told if each.startswith(names)] == arguments
    assert told[-1] == "--need=accuracy"
    parse_arguments(told)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (f"{BINARY}threshold = 1.5", 'expected a number from 0 to 1, or "best-f1"'),
        (f'{BINARY}threshold = "best"', 'expected a number or "best-f1"'),
        (f"{BINARY}threshold = nan", 'expected a number from 0 to 1, or "best-f1"'),
        (f'{CLASSES}threshold = "best-f1"', "a multiclass problem has no threshold"),
        (
            f'{BINARY}threshold = 0.3\nprediction = 0\nmetric = "f1"',
            "model.threshold = 0.3 and model.prediction = 0: the model itself says",
        ),
        (f"{BINARY}quantile = 0.9", "a binary problem has no quantile"),
        (f"{REGRESSION}quantile = 1\n{TOLERANCES}", "expected a number between 0 and 1"),
        (f'{BINARY}weights = "late"', 'model.weights = "late": this is the label'),
        (f"{REGRESSION}probability = 1\n{TOLERANCES}", "a regression answers no probability"),
        (f"{BINARY}probability = 1\nprediction = 1", "model.prediction stands there"),
        (f"{BINARY}probability = -1", "expected a number from 0 to 10000"),
        (f'{BINARY}probability = ""', "expected a column's position from 0, or its name"),
        (f"{BINARY}probability = true", "expected a whole number or a string"),
        (f"{CLASSES}probability = 0", "model.probability = 0 needs model.classes"),
        (f"{BINARY}prediction = 0", 'model.metric = "auc" needs probabilities, and'),
        (
            f'{CLASSES}prediction = 0\nclasses = ["a", "b"]\nmetric = "auc_ovr"',
            "needs probabilities, and model.prediction = 0 alone says",
        ),
        (f'{CLASSES}metric = "auc_ovr"', 'model.metric = "auc_ovr" needs model.classes'),
        (f'{BINARY}metric = "latency_ms"', "limit it: [gate.limits] latency_ms = …"),
    ],
)
def test_what_is_said_of_answers_has_to_go_together(write: Write, lines: str, message: str) -> None:
    assert message in refusal(write, lines)


def test_weights_are_no_input_of_the_model(write: Write) -> None:
    settings = of(write, f'{BINARY}weights = "mass"\n[monitor]\nexclude = ["month"]')
    assert settings.model.not_in_requests == ("late", "mass")
    assert settings.unmonitored == ("late", "mass", "month")
