"""Answer requests with the model: the four functions that SageMaker's container calls.

This file is copied into every model, together with features.py. Locally nothing serves it but
tests and evaluate.py, which judges each model through the copy packed with it.

Takes   text/csv                with a header, or without one in the order of the eval slice
        application/json        [{"carrier": "UA", ...}, ...]  or  {"instances": [...]}
        application/jsonlines   one {"carrier": "UA", ...} a line
Answers the probability that each flight is late, in the type the caller accepts.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

import features

JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"


def model_fn(model_dir: str) -> dict[str, Any]:
    """The booster and its metadata: the raw columns and the category tables of training."""
    metadata: dict[str, Any] = json.loads(Path(model_dir, "metadata.json").read_text())
    return {"booster": xgb.Booster(model_file=Path(model_dir, "model.ubj")), **metadata}


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    """The raw rows of a request. Without a header, columns stay numbered for predict_fn to name."""
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    kind = content_type.split(";")[0].strip().lower()
    if not text.strip():
        raise ValueError(f"the request is empty; expected rows with {', '.join(features.COLUMNS)}")
    if kind == CSV:
        header = text.lstrip().split("\n", 1)[0].replace('"', "").strip().split(",")
        named = not set(header).isdisjoint(features.COLUMNS)
        return pd.read_csv(io.StringIO(text), dtype=str, header=0 if named else None)
    if kind not in (JSON, LINES):
        raise ValueError(f"content type {content_type!r}; expected {CSV}, {JSON} or {LINES}")
    try:
        if kind == JSON:
            records = json.loads(text)
        else:
            records = [json.loads(line) for line in text.split("\n") if line.strip()]
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid {kind}: {error}") from None
    if isinstance(records, dict):
        records = records.get("instances")
    if not records or not isinstance(records, list) or not isinstance(records[0], dict):
        raise ValueError(f'expected records such as [{{"carrier": "UA", ...}}], got {text:.80}')
    return pd.DataFrame(records)


def predict_fn(data: pd.DataFrame, model: dict[str, Any]) -> "np.ndarray[Any, Any]":
    """The probability of being late, one for each row."""
    if 0 in data:  # a CSV without a header
        columns = model["columns"]
        if data.shape[1] != len(columns):
            raise ValueError(
                f"{data.shape[1]} columns without a header; expected {len(columns)}: "
                f"{', '.join(columns)}"
            )
        data = data.set_axis(columns, axis="columns")
    matrix = xgb.DMatrix(features.features(data, model["categories"]), enable_categorical=True)
    return np.asarray(model["booster"].predict(matrix))


def output_fn(prediction: "np.ndarray[Any, Any]", accept: str) -> tuple[str, str]:
    """The answer and its content type; JSON for a caller who takes anything."""
    scores = [float(f"{score:.9g}") for score in prediction]  # 9 digits hold a 32-bit float
    for kind in (part.split(";")[0].strip().lower() for part in accept.split(",")):
        if kind in (JSON, "*/*", ""):
            return json.dumps({"predictions": scores}), JSON
        if kind == LINES:
            return "".join(json.dumps({"prediction": score}) + "\n" for score in scores), LINES
        if kind == CSV:
            return "".join(f"{score}\n" for score in scores), CSV
    raise ValueError(f"accept {accept!r}; expected {CSV}, {JSON} or {LINES}")
