"""Records what a step of a notebook takes and makes, inside the notebook's kernel.

`before` and `after` run around the step's cells; `replay` runs them three more times on the first
rows of the input, in an empty folder, from other random numbers. What the script of the step must
make of the same input is what the kernel made of it here.

The folder of a record:

    record.json   facts about the values (see `StepRecorder.facts`)
    full/in, full/out       the input and the output of the cells as they ran
    sample/in, sample/out   those of the replay; sample/files holds the files it read
"""

from __future__ import annotations

import ast
import json
import os
import pickle
import sys
import time
from typing import Any, Mapping, Sequence

from . import forms, kinds
from .definitions import same_definition, unstorable
from .difference import difference
from .digest import digest, random_state
from .files import file_difference
from .replay import Replay, ReplayError, unlisted_files
from .sample import ROWS, copy_first_rows, first_rows
from .sharing import shares

SEEDS = (101, 202, 303)
"""Two seeds can lead to one result by chance."""


class StepRecorder:
    """Of one step.

    Args:
        folder: where the record goes.
        inputs: names that the step reads and that are set above it.
        outputs: names that it sets or changes and that are wanted.
        anew: those of them that no later cell reads; they go out if a file holds them.
        models: names that it sets and fits: outputs too, if they are models.
        live: names that later cells read.
        reads, writes: files, as the code names them.
        amid: names that cells amid the step set.
        constants: Python text of what the script carries along from above the step.
        carried: names of that text whose values must be what the notebook has.
        used: those of `carried` that later cells use too.
    """

    def __init__(
        self,
        folder: str,
        *,
        inputs: Sequence[str],
        outputs: Sequence[str],
        anew: Sequence[str] = (),
        models: Sequence[str] = (),
        live: Sequence[str] = (),
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        amid: Sequence[str] = (),
        constants: str = "",
        carried: Sequence[str] = (),
        used: Sequence[str] = (),
    ) -> None:
        self.folder, self.inputs, self.outputs = folder, list(inputs), list(outputs)
        self.anew = list(anew)
        self.models, self.live = list(models), list(live)
        self.reads, self.writes = list(reads), list(writes)
        self.amid = list(amid)
        self.constants, self.carried, self.used = constants, list(carried), list(used)
        self.facts: dict[str, Any] = {
            "inputs": {},
            "outputs": {},
            "changed": [],
            "stale": [],
            "exists": [],
            "amid": {},
            "problems": [],
            "seconds": 0.0,
            "draws": False,
            "python": sys.executable,
            "versions": _versions(),
        }

    # -- around the step

    def before(self, scope: Mapping[str, Any]) -> None:
        self._check_carried(scope)
        for name in self.inputs:
            self._take(name, scope)
        self.digests = {n: digest(scope[n]) for n in {*self.live, *self.inputs} if n in scope}
        self.pickles = {n: pickle.dumps(scope[n]) for n in self.facts["inputs"]}
        values = {name: scope[name] for name in self.carried if name in scope}
        kept = {n: v for n, v in values.items() if kinds.kind(v) not in ("code", "unpicklable")}
        self.constant_pickles = {name: pickle.dumps(value) for name, value in kept.items()}
        self.was_there = {name for name in self.outputs if name in scope}
        self.random = random_state()
        self.started = time.time()

    def after(self, scope: Mapping[str, Any]) -> None:
        self.facts["seconds"] = round(time.time() - self.started, 3)
        self.facts["draws"] = random_state() != self.random
        self._changes(scope)
        for name, data in self.constant_pickles.items():
            was = pickle.loads(data)  # noqa: S301
            if name not in self.inputs and difference(scope.get(name), was, exact=True):
                self._refuse(f"the step changes `{name}`, a constant of a cell above", name)
        for name in self.models:
            if name not in self.outputs and name in scope and kinds.kind(scope[name]) == "model":
                self.outputs.append(name)
        for name in list(self.outputs):
            self._give(name, scope)
        self._check_state(scope)
        self.facts["amid"] = {n: digest(scope[n]) for n in self.amid if n in scope}
        self.facts["exists"] = [name for name in self.live if name in scope]

    def _take(self, name: str, scope: Mapping[str, Any]) -> None:
        if name not in scope:
            self._refuse(f"`{name}` does not exist when the step begins")
            return
        problem = unstorable(scope[name])
        if problem:
            self._refuse(f"the step reads `{name}`, {problem}", name)
        else:
            self.facts["inputs"][name] = self._store(name, scope[name], "full/in")

    def _give(self, name: str, scope: Mapping[str, Any]) -> None:
        if name in scope and kinds.kind(scope[name]) == "plot":
            self.outputs.remove(name)
            return
        if name in self.anew and (name not in scope or _is_held_by_no_file(scope[name])):
            self.outputs.remove(name)
            self.facts["stale"].append(name)
            return
        if name not in scope:
            self._refuse(f"`{name}` does not exist when the step has run", name)
            return
        problem = unstorable(scope[name])
        if problem:
            self._refuse(f"the step makes `{name}`, {problem}", name)
        else:
            self.facts["outputs"][name] = self._store(name, scope[name], "full/out")

    def _store(self, name: str, value: Any, place: str) -> dict[str, str]:
        how = forms.form(value)
        if not how:
            self._refuse(f"`{name}` ({_type(value)}) does not come back from a file as it was")
            how = "pickle"
        self._save(value, place, name, how)
        return {"kind": kinds.kind(value), "form": how, "type": _type(value)}

    def _save(self, value: Any, place: str, name: str, how: str) -> None:
        folder = os.path.join(self.folder, place)
        os.makedirs(folder, exist_ok=True)
        forms.save(value, os.path.join(folder, name + forms.SUFFIXES[how]), how)

    def _changes(self, scope: Mapping[str, Any]) -> None:
        """What changed without being named: an argument that a function changed is an output."""
        for name, was in sorted(self.digests.items()):
            if name in self.outputs or name not in scope or name not in self.live:
                continue
            if was is None or digest(scope[name]) == was:
                continue
            if name in self.inputs:
                self.outputs.append(name)
                self.facts["changed"].append(name)
            elif name not in self.models:
                self._refuse(
                    f"the step changes `{name}` in place, by another name: copy it first", name
                )

    def _check_state(self, scope: Mapping[str, Any]) -> None:
        """The script has functions, classes and constants of its own: what a change of them does
        must not show in the notebook."""
        for name in self.used:
            if name not in scope or name in self.inputs or name in self.outputs:
                continue
            is_code = kinds.kind(scope[name]) == "code" and name in self.fresh
            if is_code and not same_definition(scope[name], self.fresh[name]):
                self._refuse(
                    f"the step changes the state of `{name}`, which later cells use: return the "
                    "state, and hand it on as a value",
                    name,
                )
            for output in self.facts["outputs"]:
                if output != name and shares(scope[output], scope[name]):
                    self._refuse(
                        f"`{output}` and `{name}` of a cell above are one object, and the script "
                        f"makes two of it: copy `{name}`",
                        output,
                    )

    def _check_carried(self, scope: Mapping[str, Any]) -> None:
        """A function or constant of the cells above may have changed since its cell ran."""
        self.fresh: dict[str, Any] = {}
        if not self.carried:
            return
        fresh: dict[str, Any] = {"__name__": "__main__"}
        try:
            _run_each(self.constants, fresh)
        except Exception as error:
            self._refuse(f"what the step needs from above does not run alone: {_error(error)}")
            return
        self.fresh = fresh
        for name in self.carried:
            if name in scope and not same_definition(scope[name], fresh.get(name)):
                text = f"`{name}` is not what its cell set: it was changed afterwards"
                self._refuse(text, name)

    def _refuse(self, text: str, name: str = "") -> None:
        self.facts["problems"].append({"reason": text, "name": name})

    # -- again

    def replay(self, scope: Mapping[str, Any], source: str) -> None:
        """Runs the cells again on the first rows; on all rows when they fail on those."""
        if self.facts["problems"]:
            return
        for limit in (ROWS, None):
            try:
                self._replay(scope, source, limit)
            except ReplayError as error:
                if limit is None:
                    self._refuse(f"run again by themselves, the cells fail: {error}")
                continue
            return

    def _replay(self, scope: Mapping[str, Any], source: str, limit: int | None) -> None:
        values = {name: pickle.loads(data) for name, data in self.pickles.items()}  # noqa: S301
        cut = first_rows(values, limit) if limit else values
        for name, value in cut.items():
            fact = self.facts["inputs"][name]
            if not _comes_back(value, fact["form"]):
                fact["form"] = "pickle"
                self._save(values[name], "full/in", name, "pickle")
        files = os.path.join(self.folder, "sample", "files")
        for path in self.reads:
            if os.path.exists(path):
                copy_first_rows(path, os.path.join(files, path), limit or sys.maxsize)
        for name, value in cut.items():
            self._save(value, "sample/in", name, self.facts["inputs"][name]["form"])
        replays: list[Replay] = []
        try:
            replays.extend(self._once(scope, source, number) for number in SEEDS)
            self._compare(replays, scope)
        finally:
            for replay in replays:
                replay.remove()

    def _once(self, scope: Mapping[str, Any], source: str, number: int) -> Replay:
        sample = os.path.join(self.folder, "sample")
        values = {n: pickle.loads(data) for n, data in self.constant_pickles.items()}  # noqa: S301
        for name, fact in self.facts["inputs"].items():
            path = os.path.join(sample, "in", name + forms.SUFFIXES[fact["form"]])
            values[name] = forms.load(path, fact["form"])
        replay = Replay(scope, values, self.outputs, os.path.join(sample, "files"), self.reads)
        replay.run(source, number)
        return replay

    def _compare(self, replays: list[Replay], scope: Mapping[str, Any]) -> None:
        first = replays[0]
        for name in unlisted_files(first, self.reads, self.writes):
            self._refuse(f"the step writes the file `{name}`, whose path is put together", name)
        draws = any(replay.draws for replay in replays)
        for name, value in first.made.items():
            for other in replays[1:]:
                # With random numbers, a model is held to its state: what it answers to the rows it
                # was fitted on may be the same for quite another model.
                random_model = draws and kinds.kind(value) == "model"
                questions = {} if random_model else {**first.values, **first.made}
                text = difference(other.made.get(name), value, questions)
                if text:
                    why = ", as it draws random numbers without a seed" if draws else ""
                    self._refuse(f"`{name}` comes out differently each time{why}: {text}", name)
                    break
        for name in self.outputs:
            if name not in first.made:
                self._refuse(f"`{name}` is not always set by the step", name)
                continue
            self._save(first.made[name], "sample/out", name, self._form_of_both(name, first, scope))
        for path in self.writes:
            if first.wrote(path):
                self._compare_file(path, replays)
            else:
                self._refuse(f"the step names the file `{path}` and does not write it", path)
        first.keep_files(self.writes, os.path.join(self.folder, "sample", "written"))

    def _form_of_both(self, name: str, replay: Replay, scope: Mapping[str, Any]) -> str:
        """The form that gives back both the whole output and that of the first rows."""
        fact = self.facts["outputs"][name]
        if not _comes_back(replay.made[name], fact["form"]):
            fact["form"] = "pickle"
            self._save(scope[name], "full/out", name, "pickle")
        return str(fact["form"])

    def _compare_file(self, path: str, replays: list[Replay]) -> None:
        for other in replays[1:]:
            text = file_difference(other.path(path), replays[0].path(path))
            if text:
                self._refuse(f"the file `{path}` comes out differently each time: {text}", path)
                return

    # -- the end

    def write(self) -> None:
        with open(os.path.join(self.folder, "record.json"), "w") as text:
            json.dump(self.facts, text, indent=1)


def _run_each(source: str, scope: dict[str, Any]) -> None:
    """Runs statements one by one, as IPython does: where a function stands in one text with an
    import, Python compiles its calls of that module otherwise."""
    for node in ast.parse(source).body:
        exec(compile(ast.Module([node], []), "<above the step>", "exec"), scope)  # noqa: S102


def _is_held_by_no_file(value: Any) -> bool:
    return bool(unstorable(value)) or not forms.form(value)


def _comes_back(value: Any, how: str) -> bool:
    return how == "pickle" or forms.comes_back(value, how)


def _type(value: Any) -> str:
    return type(value).__name__


def _error(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def _versions() -> dict[str, str]:
    """Python and the packages that results depend on, of those that are loaded."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("numpy", "pandas", "scipy", "sklearn", "xgboost", "lightgbm"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if version:
            versions[name] = str(version)
    return versions
