"""Asks one model for its answers, as an endpoint would. A script: models.py runs it, in a process
for each model.

    python ask.py MODEL_DIR ROWS.csv ANSWERS.csv

The model answers through the code packed with it: two models may bring modules of the same name
(`features`) that differ, and a process of its own keeps them apart. The folder of this script
leaves the import path, so that a module that the model forgot to pack is not found by accident.
"""

import importlib
import sys
import traceback
from pathlib import Path


def main() -> None:
    model_dir, rows, answers = (Path(argument).resolve() for argument in sys.argv[1:])
    here = Path(__file__).resolve().parent
    elsewhere = [path for path in sys.path if Path(path).resolve() != here]
    sys.path[:] = [str(model_dir / "code"), *elsewhere]
    try:
        answers.write_bytes(ask(model_dir, rows))
    except Exception as error:
        traceback.print_exc()
        first_line = str(error).strip().partition("\n")[0]
        sys.exit(f"{type(error).__name__}: {first_line}")  # the last line of stderr: the reason


def ask(model_dir: Path, rows: Path) -> bytes:
    inference = importlib.import_module("inference")
    model = inference.model_fn(str(model_dir))
    request = inference.input_fn(rows.read_bytes(), "text/csv")
    answer = inference.output_fn(inference.predict_fn(request, model), "text/csv")
    body = answer[0] if isinstance(answer, tuple) else answer
    return body if isinstance(body, bytes) else str(body).encode()


if __name__ == "__main__":
    main()
