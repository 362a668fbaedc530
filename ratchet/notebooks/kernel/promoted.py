"""Runs a promoted script on its recorded input, and compares what it makes with the record.

The folder of a record holds `record.json` and, as the script's own folders, `in/<argument>/…` and
`out/<argument>/…`. In `record.json`:

    inputs, outputs   name → argument, file, form (see forms.py)
    folders           arguments that are folders of files which the script reads
    files             argument → names of files which the script writes
    parameters        name → the text of its value
    unchecked         arguments of folders of files that are not compared
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Mapping, Sequence

from . import forms
from .difference import difference
from .files import file_difference

HASH_SEEDS = ("1", "2")
"""A set of texts has another order in a process with another seed."""


_ATTEMPTS = 3
"""Threads of a package can end a process with a signal when it is done, now and then."""


def differences(
    script: str,
    record: str,
    folders: Mapping[str, str] | None = None,
    seeds: Sequence[str] = HASH_SEEDS,
) -> list[str]:
    """What the script makes otherwise than the notebook did; empty when nothing.

    Args:
        script: the path of the script; it runs in this Python, in a process of its own.
        record: the folder of the record.
        folders: argument → folder, in place of the recorded one.
        seeds: the script runs once with each as PYTHONHASHSEED.
    """
    with open(os.path.join(record, "record.json")) as text:
        facts = json.load(text)
    lines: list[str] = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as out:
            failure = _run(script, record, facts, out, dict(folders or {}), seed)
            lines = [failure] if failure else _compare(record, facts, out)
        if lines:
            break
    return lines


def _run(script: str, record: str, facts: Any, out: str, folders: dict[str, str], seed: str) -> str:
    words = [sys.executable, os.path.basename(script)]
    arguments = [fact["argument"] for fact in facts["inputs"].values()]
    for argument in dict.fromkeys([*facts["folders"], *arguments]):
        folder = folders.get(argument) or os.path.join(record, "in", argument)
        words += ["--" + argument, os.path.abspath(folder)]
    arguments = [fact["argument"] for fact in facts["outputs"].values()]
    for argument in dict.fromkeys([*facts["files"], *facts["unchecked"], *arguments]):
        words += ["--" + argument, os.path.join(out, argument)]
    for name, value in facts["parameters"].items():
        words += ["--" + name, value]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "MPLBACKEND": "Agg"}
    environment.pop("PYTHONPATH", None)
    for _ in range(_ATTEMPTS):
        done = subprocess.run(
            words,
            cwd=os.path.dirname(os.path.abspath(script)),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode == 0:
            return ""
        if done.returncode > 0:
            break
    last = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
    return f"the script fails with status {done.returncode}: {last[-1] if last else 'no output'}"


def _compare(record: str, facts: Any, out: str) -> list[str]:
    recorded = os.path.join(record, "out")
    values: dict[str, Any] = {}
    for folder, entries in (("in", facts["inputs"]), ("out", facts["outputs"])):
        for name, fact in entries.items():
            values[name] = _load(os.path.join(record, folder), fact)
    lines = []
    for name, fact in facts["outputs"].items():
        lines.append(_labelled(name, _value_difference(out, fact, values[name], values)))
    for argument, names in facts["files"].items():
        for name in names:
            paths = [os.path.join(folder, argument, name) for folder in (out, recorded)]
            missing = "" if os.path.isfile(paths[0]) else "the script does not write it"
            text = missing or file_difference(paths[0], paths[1], values)
            lines.append(_labelled(name, text))
    return [line for line in lines if line]


def _value_difference(out: str, fact: Any, want: Any, values: Mapping[str, Any]) -> str:
    try:
        got = _load(out, fact)
    except Exception as error:
        return f"cannot be read ({type(error).__name__}: {error})"
    return difference(got, want, values)


def _load(folder: str, fact: Any) -> Any:
    return forms.load(os.path.join(folder, fact["argument"], fact["file"]), fact["form"])


def _labelled(name: str, text: str) -> str:
    return f"{name}: {text}" if text else ""
