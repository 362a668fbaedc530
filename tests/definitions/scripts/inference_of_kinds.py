"""A kind is the third of x, moved by how much the model is off; behind it the probabilities."""

import csv
import io
import json
from pathlib import Path
from typing import Any

SHARES = {"ant": "0.8,0.1,0.1", "bee": "0.1,0.8,0.1", "cat": "0.1,0.1,0.8"}


def model_fn(model_dir: str) -> float:
    return float(json.loads((Path(model_dir) / "model.json").read_text())["off"])


def input_fn(body: str, content_type: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body)))


def predict_fn(rows: list[dict[str, str]], off: float) -> list[str]:
    return [list(SHARES)[min(2, int(3 * float(row["x"]) + off))] for row in rows]


def output_fn(answers: list[str], accept: str) -> Any:
    return "".join(f"{answer},{SHARES[answer]}\n" for answer in answers), accept
