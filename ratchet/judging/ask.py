"""Asks one container of a model for its answers, as an endpoint would. A script: models.py runs it,
in a process for each container.

    python ask.py MODEL_DIR FOLDER

FOLDER holds task.json (see `Task` in models.py), and gets the answers and what was measured.

The container answers through the code packed with it: two models may bring modules of the same name
(`features`) that differ, and a process of its own keeps them apart. The folder of this script
leaves the import path, so that a module that the model forgot to pack is not found by accident.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import statistics
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ratchet.loop.model_script import ModelScript

_BATCHES = 5
_LONGEST_SECONDS = 2.0
"""Of all timed batches together, once there are three."""


def main() -> None:
    model_dir, folder = (Path(argument).resolve() for argument in sys.argv[1:])
    task = json.loads((folder / "task.json").read_text())
    script_class = _model_script()
    here = Path(__file__).resolve().parent
    elsewhere = [path for path in sys.path if Path(path).resolve() != here]
    sys.path[:] = [str(model_dir / "code"), *elsewhere]
    try:
        script = script_class(importlib.import_module("inference"), str(model_dir))
        answer, content_type = _asked(script, folder / "rows", task["content_type"], task["accept"])
        (folder / "answer").write_bytes(answer)
    except Exception as error:
        traceback.print_exc()
        sys.exit(_reason(error))  # the last line of stderr
    measured: dict[str, Any] = {"content_type": content_type}
    try:
        measured["milliseconds"] = _timed(script, folder, task)
    except Exception as error:
        measured["untimed"] = _reason(error)
    (folder / "measured.json").write_text(json.dumps(measured))


def _model_script() -> type[ModelScript]:
    """The class of ratchet/loop/model_script.py, by its place: the model's own modules may have any
    name, and packages of its own."""
    file = Path(__file__).resolve().parents[1] / "loop" / "model_script.py"
    spec = importlib.util.spec_from_file_location("_ratchet_model_script", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    script: type[ModelScript] = module.ModelScript
    return script


def _asked(script: ModelScript, request: Path, content_type: str, accept: str) -> tuple[bytes, str]:
    return script.answer(request.read_bytes(), content_type, accept)


def _timed(script: ModelScript, folder: Path, task: dict[str, Any]) -> float:
    """The median milliseconds of a batch; its answer is the batch of the next container."""
    batch = folder / "batch"
    spent: list[float] = []
    while len(spent) < _BATCHES:
        start = time.perf_counter()
        answer, content_type = _asked(script, batch, task["batch_type"], task["accept"])
        spent.append(1000 * (time.perf_counter() - start))
        if len(spent) >= 3 and sum(spent) > 1000 * _LONGEST_SECONDS:
            break
    (folder / "batch_answer").write_bytes(answer)
    (folder / "batch_type").write_text(content_type)
    return statistics.median(spent)


def _reason(error: Exception) -> str:
    first_line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"


if __name__ == "__main__":
    main()
