"""Checks, in the notebook's kernel, that the call of a script does what the cells did."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping, MutableMapping, Sequence

from . import forms
from .difference import difference
from .digest import digest


class Replaced:
    """Around the call of the script, in a second run of the notebook.

    Args:
        folder: of the record of the first run (see recorder.py).
        live: names that later cells read.
        excepted: those that a cell amid the step sets.
    """

    def __init__(self, folder: str, live: Sequence[str], excepted: Sequence[str] = ()) -> None:
        self.folder, self.live = folder, [name for name in live if name not in excepted]
        with open(os.path.join(folder, "record.json")) as text:
            self.facts = json.load(text)
        self.inputs: dict[str, Any] = {}

    def before(self, scope: MutableMapping[str, Any]) -> None:
        """Sets inputs that came out differently in this run to those of the first run."""
        for name, fact in self.facts["inputs"].items():
            recorded = self._load("full/in", name, fact)
            if name not in scope or difference(scope[name], recorded):
                scope[name] = recorded
            self.inputs[name] = recorded
        self.digests = {name: digest(scope[name]) for name in self.live if name in scope}

    def after(self, scope: Mapping[str, Any]) -> None:
        """Writes `replaced.json`: name → how its value differs from that of the first run."""
        problems = dict(self._problems(scope))
        with open(os.path.join(self.folder, "replaced.json"), "w") as text:
            json.dump(problems, text)

    def _problems(self, scope: Mapping[str, Any]) -> Any:
        outputs = self.facts["outputs"]
        recorded = {name: self._load("full/out", name, fact) for name, fact in outputs.items()}
        questions = {**self.inputs, **recorded}
        for name, value in recorded.items():
            if name not in scope:
                yield name, "it is not set"
                continue
            text = difference(scope[name], value, questions)
            if text:
                yield name, text
        for name in self.facts["exists"]:
            if name in self.live and name not in outputs and name not in scope:
                yield name, "it is not set"
        for name, was in self.digests.items():
            if name in outputs or was is None or name not in scope:
                continue
            if digest(scope[name]) != was:
                yield name, "it is changed in place"

    def _load(self, place: str, name: str, fact: Any) -> Any:
        path = os.path.join(self.folder, place, name + forms.SUFFIXES[fact["form"]])
        return forms.load(path, fact["form"])
