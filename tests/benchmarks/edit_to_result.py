"""From an edit of a step to its result, on the local cloud, against the bare scripts.

    python tests/benchmarks/edit_to_result.py [--rounds N] [--json FILE]

Each round edits `train.py` and measures, in turn, what `ratchet run training` does (compile,
upload, run beside the deployed pipeline; prepare is a cache hit) and the floor: the edited train
and evaluate as bare processes on the same files. The data is three months with every tenth flight,
so that what is measured is the way to the result rather than the training.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]

from ratchet.authoring import judgement
from ratchet.deployment.pipelines import launch
from ratchet.local_cloud import control
from ratchet.settings.schema import Settings
from tests.loop.deployed_loop import Loop, deploy, write_drop
from tests.projects import MODEL, copy_of_project

JUDGE = ROOT / judgement.SCRIPT


def edit(source: Path, mark: str) -> None:
    script = source / "steps" / MODEL / "train.py"
    script.write_text((ROOT / "steps" / MODEL / "train.py").read_text() + f"\n# {mark}\n")


def through_the_loop(loop: Loop) -> float:
    begin = time.perf_counter()
    run = launch.launch(loop.target, kind="training", values={}).run
    state = loop.finished(run, every=0.05)
    seconds = time.perf_counter() - begin
    if state.run.status != "Succeeded":
        sys.exit(f"the run {state.run.status}: {state.run.failure}")
    return seconds


def bare(source: Path, work: Path, settings: Settings) -> float:
    """The same two scripts by hand, each as a process."""
    steps, model, candidate = source / "steps" / MODEL, work / "model", work / "candidate"
    hyperparameters = [f"--{name}={value}" for name, value in settings.hyperparameters.items()]
    for folder in (model, candidate):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    begin = time.perf_counter()
    _script(
        steps / "train.py", f"--train={work / 'train'}", f"--model_dir={model}", hyperparameters
    )
    with tarfile.open(candidate / "model.tar.gz", "w:gz") as archive:
        archive.add(model, arcname=".")
    folders = {"candidate": candidate, "champion": work / "none", "eval": work / "eval"}
    outputs = {"report": work / "report", "predictions": work / "predictions"}
    arguments = [f"--{name}={path}" for name, path in {**folders, **outputs}.items()]
    _script(JUDGE, *arguments, judgement.script_arguments(settings.model, own=None))
    return time.perf_counter() - begin


def _script(script: Path, *arguments: str | list[str]) -> None:
    flat = [a for group in arguments for a in (group if isinstance(group, list) else [group])]
    command = [sys.executable, str(script), *flat]
    subprocess.run(command, check=True, capture_output=True, cwd=script.parent)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(Path(scratch), given.rounds)
    print(f"edit to result, through the loop   {figures['loop']:6.2f} s")
    print(f"the bare scripts                   {figures['bare']:6.2f} s")
    print(f"added                              {figures['loop'] - figures['bare']:6.2f} s")
    print(f"ratio, median of the pairs         {figures['ratio']:6.2f}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


def measure(scratch: Path, rounds: int) -> dict[str, float]:
    folder, source, work = scratch / "cloud", scratch / "source", scratch / "work"
    copy_of_project(source)
    (work / "none").mkdir(parents=True)
    for month in (1, 2, 3):
        write_drop(month, scratch / "raw")
    outputs = [f"--train={work / 'train'}", f"--eval={work / 'eval'}"]
    _script(source / "steps" / MODEL / "prepare.py", f"--raw={scratch / 'raw'}", outputs)
    try:
        loop = deploy(folder)
        loop.land(scratch / "raw")
        loop.finished(loop.next_run(0))
        os.chdir(source)  # the project that is run
        loop = Loop(folder, loop.settings)
        pairs = []
        for round_ in range(rounds + 1):
            edit(source, f"round {round_}")
            looped = through_the_loop(loop)
            pairs.append((looped, bare(source, work, loop.settings)))
            print(f"round {round_}: {pairs[-1][0]:.2f} s, bare {pairs[-1][1]:.2f} s", flush=True)
    finally:
        control.down(folder)
    counted = pairs[1:]  # the first warms the caches of both
    return {
        "loop": statistics.median(one for one, _ in counted),
        "bare": statistics.median(other for _, other in counted),
        "ratio": statistics.median(one / other for one, other in counted),
    }


if __name__ == "__main__":
    main()
