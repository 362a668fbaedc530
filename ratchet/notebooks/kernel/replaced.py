"""Checks, in the notebook's kernel, that the call of a script does what the cells did."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator, Mapping, MutableMapping, Sequence

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
        problems = {name: text for name, text in self._problems(scope) if text}
        with open(os.path.join(self.folder, "replaced.json"), "w") as text:
            json.dump(problems, text)

    def _problems(self, scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        outputs = self.facts["outputs"]
        recorded = {name: self._load("full/out", name, fact) for name, fact in outputs.items()}
        questions = {**self.inputs, **recorded}
        for name, value in recorded.items():
            missing = "" if name in scope else "it is not set"
            yield name, missing or difference(scope[name], value, questions)
        for name in self.facts["exists"]:
            if name in self.live and name not in scope:
                yield name, "it is not set"
        yield from self._untouched(scope)

    def _untouched(self, scope: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Names that are not the step's, by their digests."""
        for name, was in self.facts["amid"].items():
            if was is None or name not in scope or digest(scope[name]) != was:
                yield name, "a cell amid the step sets it, and reads what the step changes later"
        for name, was in self.digests.items():
            known = was is not None and name in scope and name not in self.facts["outputs"]
            if known and digest(scope[name]) != was:
                yield name, "it is changed in place"

    def _load(self, place: str, name: str, fact: Any) -> Any:
        path = os.path.join(self.folder, place, name + forms.SUFFIXES[fact["form"]])
        return forms.load(path, fact["form"])
