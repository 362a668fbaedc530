"""Train a regression with gradient boosted trees.

In:   <train>/*.csv             what prepare.py wrote
Out:  <model_dir>/model.joblib, <model_dir>/code/: a model answers with the code it came with

SageMaker passes hyperparameters as arguments and the folders as SM_* variables.
"""

import argparse
import os
import shutil
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import features
import inference


def main():
    parser = argparse.ArgumentParser(description="Train a regression.")
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--max_iter", type=int, default=200)
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--max_leaf_nodes", type=int, default=31)
    parser.add_argument("--min_samples_leaf", type=int, default=20)
    parser.add_argument("--l2_regularization", type=float, default=0.0)
    parser.add_argument("--random_state", type=int, default=0)
    arguments = vars(parser.parse_args())
    train, model_dir = Path(arguments.pop("train")), Path(arguments.pop("model_dir"))

    rows = pd.concat([pd.read_csv(path, dtype=str) for path in sorted(train.glob("*.csv"))])
    labels = pd.to_numeric(rows[features.LABEL], errors="coerce")
    if wrong := int(labels.isna().sum()):
        raise SystemExit(f"{wrong:,} labels in {features.LABEL} are no numbers")
    table = features.features(rows)
    categories = [column for column in features.CATEGORIES if column in table]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        make_column_transformer((codes, categories), remainder="passthrough"),
        HistGradientBoostingRegressor(**arguments),
    )
    model.fit(table, labels)
    save(model, model_dir)
    check(model_dir, rows.head(50), model)
    print(f"trained on {len(rows):,} rows, {table.shape[1]} features")


def save(model, model_dir):
    code = model_dir / "code"
    code.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, model_dir / "model.joblib")
    for module in (inference, features):
        shutil.copy(module.__file__, code)


def check(model_dir, rows, trained):
    """Stop unless the saved model, asked as an endpoint is, gives what was trained."""
    request = inference.input_fn(rows[features.COLUMNS].to_csv(index=False), "text/csv")
    answers = inference.predict_fn(request, inference.model_fn(model_dir))
    if not np.allclose(answers, inference.predict_fn(rows, trained)):
        raise SystemExit("the saved model answers otherwise than the one that was trained")


if __name__ == "__main__":
    main()
