"""Answer requests: the four functions that SageMaker's container calls. Packed into every model.

Takes   text/csv with a header, or application/json: [{"column": value, …}, …]
Answers a number: a line a row as CSV, {"predictions": […]} as JSON
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
    return model.predict(features.features(data))


def output_fn(prediction, accept):
    answers = [float(value) for value in prediction]
    if accept.startswith(CSV):
        return "".join(f"{answer:.9g}\n" for answer in answers), CSV
    return json.dumps({"predictions": answers}), JSON
