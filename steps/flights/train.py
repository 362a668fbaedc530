"""Train a gradient boosted model of late arrivals.

In:   <train>/*.parquet           what prepare.py wrote
Out:  <model_dir>/model.ubj       the booster, in XGBoost's own format
      <model_dir>/metadata.json   raw columns, features, category tables, parameters, versions
      <model_dir>/code/           inference.py and features.py: a model answers with the code it
                                  was trained with

SageMaker passes hyperparameters as arguments and the folders as SM_* variables.
"""

import argparse
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

import features
import inference

LABEL = "late"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a model of late arrivals.")
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--num_round", type=int, default=100)
    parser.add_argument("--max_depth", type=int, default=6)
    parser.add_argument("--eta", type=float, default=0.1)
    parser.add_argument("--min_child_weight", type=float, default=20)
    parser.add_argument("--subsample", type=float, default=0.8)
    parser.add_argument("--colsample_bytree", type=float, default=0.6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nthread", type=int, default=1)
    hyperparameters = vars(parser.parse_args())
    train, model_dir = hyperparameters.pop("train"), hyperparameters.pop("model_dir")
    if train is None or model_dir is None:
        parser.error("expected --train and --model_dir, or SM_CHANNEL_TRAIN and SM_MODEL_DIR")

    rows = read(train)
    late = rows.pop(LABEL)
    try:
        tables = features.category_tables(rows)
        made = features.features(rows, tables)
    except ValueError as error:
        raise SystemExit(f"{train}: {error}") from None
    matrix = xgb.DMatrix(made, late, enable_categorical=True)
    booster = fit(matrix, hyperparameters)
    metadata: dict[str, Any] = {
        "columns": list(rows),
        "features": list(made),
        "categories": tables,
        "hyperparameters": hyperparameters,
        "rows": len(rows),
        "metrics": metrics(booster, matrix),
        "versions": {"python": platform.python_version(), "xgboost": xgb.__version__},
    }
    save(model_dir, booster, metadata)
    check(model_dir, rows.head(1000), booster.predict(matrix)[:1000])
    print(f"trained on {len(rows):,} rows, {len(metadata['features'])} features")
    for name, value in metadata["metrics"].items():
        print(f"train:{name}={value:.6f}")


def read(folder: Path) -> pd.DataFrame:
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise SystemExit(f"no *.parquet in {folder}; expected what prepare.py wrote")
    rows = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    if LABEL not in rows or rows[LABEL].nunique() < 2:
        raise SystemExit(f"{folder}: expected a column {LABEL} that holds both 0 and 1")
    return rows


def fit(matrix: xgb.DMatrix, hyperparameters: dict[str, Any]) -> xgb.Booster:
    fixed = {"objective": "binary:logistic", "tree_method": "hist"}
    parameters = {**hyperparameters, **fixed, "eval_metric": ["auc", "logloss"]}
    rounds = parameters.pop("num_round")
    return xgb.train(parameters, matrix, num_boost_round=rounds)


def metrics(booster: xgb.Booster, matrix: xgb.DMatrix) -> dict[str, float]:
    """How well the model fits its own training rows; evaluate.py says how good it is."""
    line = booster.eval(matrix, "train")  # "[0] train-auc:0.71 train-logloss:0.48"
    pairs = (item.removeprefix("train-").split(":") for item in line.split()[1:])
    return {name: float(value) for name, value in pairs}


def save(model_dir: Path, booster: xgb.Booster, metadata: dict[str, Any]) -> None:
    code = model_dir / "code"
    code.mkdir(parents=True, exist_ok=True)
    booster.save_model(model_dir / "model.ubj")
    (model_dir / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n")
    for module in (inference, features):
        shutil.copy(str(module.__file__), code)


def check(model_dir: Path, rows: pd.DataFrame, expected: "np.ndarray[Any, Any]") -> None:
    """Stop unless the saved model, asked as an endpoint is, gives what was trained."""
    model = inference.model_fn(str(model_dir))
    request = inference.input_fn(rows.to_csv(index=False), "text/csv")
    if not np.allclose(inference.predict_fn(request, model), expected, atol=1e-6):
        raise SystemExit("the saved model answers other scores than the one trained")


if __name__ == "__main__":
    main()
