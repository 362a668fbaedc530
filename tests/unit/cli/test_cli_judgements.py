"""What `ratchet show` says of an evaluation, for each problem."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.cli.views.judgement_view import judgement, worst_confusions
from ratchet.views.metrics import is_judgement
from tests.unit.cli.golden_files import drawn, hold


def model(metrics: dict[str, float | None], metric: str, **more: Any) -> dict[str, Any]:
    return {"score": metrics[metric], "metrics": metrics, "undefined": {}, **more}


def report(
    problem: str,
    metric: str,
    better: str,
    ours: dict[str, float | None] | None,
    theirs: dict[str, float | None] | None,
    **more: Any,
) -> dict[str, Any]:
    sides: dict[str, Any] = {"candidate": None, "champion": {"status": "none", "metrics": {}}}
    if ours is not None:
        sides["candidate"] = model(ours, metric)
    if theirs is not None:
        sides["champion"] = {"status": "scored", "reason": None, **model(theirs, metric)}
    for side in sides:
        sides[side] = sides[side] and {**sides[side], **more.pop(side, {})}
    about = {"problem": problem, "metric": metric, "better": better, "rows": 1204, "classes": {}}
    return {**about, **sides, "regression": None, "interval": None, "verdict": "…", **more}


PRICES = report(
    "regression",
    "rmse",
    "lower",
    {"rmse": 27.3, "mae": 20.0, "r2": 0.8123, "mape": None, "latency_ms": 12.0, "size_mb": 1.5},
    {"rmse": 43.5, "mae": 20.0, "r2": 0.9, "mape": None, "latency_ms": 11.5, "size_mb": 1.5},
    candidate={"undefined": {"mape": "mape divides by the label, which is 0 in 2 of 300 rows"}},
    regression=-16.2,
    interval={"low": -18.0, "high": -14.1, "confidence": 0.95, "resamples": 1000},
    refused={"labels": 3, "examples": ["?"], "expected": "finite numbers"},
    slices=[
        {"column": "shop", "value": "Ulm [2]", "rows": 120, "regression": 3.25, "worse": True},
        {"column": "shop", "value": "Bonn", "rows": 150, "regression": 4.5, "look_at": True},
        {"column": "shop", "value": "Köln", "rows": 934, "regression": -1.0},
    ],
    worse_slices=1,
    slices_left_out=1,
)
WINES = report(
    "multiclass",
    "macro_f1",
    "higher",
    {"macro_f1": 0.91, "accuracy": 0.92},
    None,
    classes={"red": 700, "rosé": 104, "white": 400},
    candidate={
        "confusion_matrix": {
            "red": {"red": 690, "white": 10},
            "rosé": {"red": 30, "rosé": 60, "white": 14},
            "white": {"white": 398, "rosé": 2},
        }
    },
)
CHURN = report(
    "binary",
    "auc",
    "higher",
    {"auc": 0.75, "log_loss": 0.41},
    {"auc": 0.75004, "log_loss": 0.4},
    classes={"no": 1000, "yes": 204},
    candidate={"threshold": 0.31},
    champion={"threshold": 0.5},
    regression=0.00004,
)


@pytest.mark.parametrize(
    ("name", "shown"), [("regression", PRICES), ("multiclass", WINES), ("binary", CHURN)]
)
@pytest.mark.parametrize("width", [60, 120])
def test_the_report_of_each_problem(name: str, shown: dict[str, Any], width: int) -> None:
    label = "price" if name == "regression" else "kind"
    text = drawn([judgement("evaluation", shown, label=label)], width=width)
    hold(f"judgement_{name}_{width}.txt", text)
    assert max(map(len, text.splitlines())) <= width


def test_of_many_classes_the_worst_confusions_are_listed() -> None:
    names = [str(number) for number in range(12)]
    matrix = {a: {b: 100 if a == b else int(a) for b in names} for a in names}
    many = report(
        "multiclass",
        "macro_f1",
        "higher",
        {"macro_f1": 0.9},
        None,
        classes=dict.fromkeys(names, 200),
        candidate={"confusion_matrix": matrix},
    )
    text = drawn([judgement("evaluation", many)])
    assert "12 classes of 200 to 200 rows" in text
    assert "11 answered as 0   11 of 221 (5.0 %)" in text
    assert text.count("answered as") == 10
    assert worst_confusions(matrix)[0] == ("11", "0", 11)
    assert all(actual != answered for actual, answered, _ in worst_confusions(matrix))


def test_of_a_champion_alone_its_own_numbers_are_shown() -> None:
    alone = report("regression", "rmse", "lower", None, {"rmse": 43.2})
    text = drawn([judgement("evaluation", alone)])
    assert "candidate" not in text
    assert "43.200" in text


def test_a_champion_that_cannot_be_scored_is_said_so_with_its_reason() -> None:
    broken = report("binary", "auc", "higher", {"auc": 0.7}, None)
    broken["champion"] |= {"status": "unscorable", "reason": "KeyError: 'seats'"}
    text = drawn([judgement("evaluation", broken)])
    assert "champion cannot be scored: KeyError: 'seats'" in text


def test_the_direction_of_a_metric_of_the_team_is_known_only_if_it_decides() -> None:
    own = report("regression", "cost", "lower", {"cost": 3.0, "x": 1.0}, {"cost": 4.0, "x": 2.0})
    text = drawn([judgement("evaluation", {**own, "regression": -1.0})])
    assert "1.0000 better" in text
    assert text.count("better") == 2  # the other is in the line that says which way is better


def test_a_report_of_another_shape_is_no_judgement() -> None:
    assert not is_judgement({"candidate": {"auc": 0.7}, "champion": {"auc": 0.7}})
    assert not is_judgement([])
