"""Answer requests: the four functions that SageMaker's container calls. Packed into every model.

Takes   text/csv with a header, or application/json: [{"column": value, …}, …]
Answers the class and the probability of each class: as CSV a line a row, as JSON
        {"predictions": [{"predicted_label": …, "probabilities": {…}}, …]}
"""

import io
import json
from pathlib import Path

import joblib
import pandas as pd

import features

CSV, JSON = "text/csv", "application/json"


def model_fn(model_dir):
    return joblib.load(Path(model_dir, "model.joblib"))


def input_fn(body, content_type):
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    if content_type.startswith(CSV):
        return pd.read_csv(io.StringIO(text), dtype=str)
    if content_type.startswith(JSON):
        records = json.loads(text)
        return pd.DataFrame(records["instances"] if isinstance(records, dict) else records)
    raise ValueError(f"content type {content_type!r}; expected {CSV} or {JSON}")


def predict_fn(data, model):
    """A column for each class, in the order of their names."""
    shares = model.predict_proba(features.features(data))
    return pd.DataFrame(shares, columns=model.classes_)


def output_fn(prediction, accept):
    rows = prediction.round(9)
    if accept.startswith(CSV):
        return rows.set_index(rows.idxmax(axis=1)).to_csv(header=False), CSV
    answers = [
        {"predicted_label": row.idxmax(), "probabilities": row.to_dict()}
        for _, row in rows.iterrows()
    ]
    return json.dumps({"predictions": answers}), JSON
