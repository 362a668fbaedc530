"""What commands show of models that are no binary classifiers judged by AUC."""

from __future__ import annotations

import json
from datetime import timedelta

from ratchet.cli.views import evaluation_view, model_view
from ratchet.deployment.registry import versions as registry
from ratchet.loop import evaluations
from ratchet.settings.schema import ModelSettings
from tests.unit.cli.fake_deployment import START
from tests.unit.cli.fake_serving import GROUP, ServingWorld, package
from tests.unit.cli.golden_files import drawn
from tests.unit.cli.test_cli_evaluations import evaluation_record
from tests.unit.cli.test_cli_monitor import analyzed as analyzed

NOW = START + timedelta(hours=6)
PRICES = ModelSettings(problem="regression", label="price")


def registered(score: float, regression: float, metric: str = "rmse") -> dict[str, str]:
    return {
        "metric": metric,
        "better": "lower",
        "candidate-score": str(score),
        "champion-status": "scored",
        "champion-version": "1",
        "regression": str(regression),
    }


def models(serving: ServingWorld, *metadata: dict[str, str]) -> str:
    serving.sagemaker.packages = [
        package(number, "Approved", metadata=values)
        for number, values in reversed(list(enumerate(metadata, start=1)))
    ]
    versions = registry.versions(serving.world.target, GROUP)
    return drawn([model_view.table(versions, serving=1, now=NOW, width=60)])


def test_models_are_listed_by_their_metric_and_better_is_said_in_words(
    serving: ServingWorld,
) -> None:
    text = models(serving, registered(43.2, -1.8), registered(45.75, 2.55))
    assert "rmse" in text
    assert "43.200" in text
    assert "version 1: 1.800 better" in text
    assert "version 1: 2.550 worse" in text
    assert "auc" not in text


def test_versions_of_several_metrics_name_each(serving: ServingWorld) -> None:
    text = models(serving, {"candidate-auc": "0.7"}, registered(0.43, -0.1, metric="log_loss"))
    assert "score" in text
    assert "auc 0.7000" in text
    assert "log_loss 0.4300" in text


def test_an_evaluation_has_a_ceiling_where_less_is_better() -> None:
    record = evaluation_record(5, 43.2, metric="rmse", better="lower", floor=50, registered=45)
    of_rmse = evaluations.parse(json.dumps(record).encode())
    view = evaluation_view.series([of_rmse], now=START + timedelta(days=200))
    assert view is not None
    text = drawn([view])
    assert "ceiling" in text
    assert "floor" not in text
    assert "50.000" in text


def test_an_evaluation_without_a_floor_shows_none() -> None:
    record = evaluations.parse(json.dumps(evaluation_record(5, floor=None)).encode())
    view = evaluation_view.series([record], now=START + timedelta(days=200))
    assert view is not None
    assert "–" in drawn([view])
