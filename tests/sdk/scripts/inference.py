"""Serves the line: text/csv with one x a row in, one prediction a row out."""

import json
from pathlib import Path


def model_fn(folder):
    return json.loads((Path(folder) / "model.json").read_text())


def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return [float(line.split(",")[0]) for line in text.splitlines() if line.strip()]


def predict_fn(rows, model):
    return [model["slope"] * x + model["intercept"] for x in rows]


def output_fn(predictions, accept):
    return "\n".join(f"{value:.6f}" for value in predictions), "text/csv"
