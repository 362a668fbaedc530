"""The arguments and folders of a step's script, as the steps of a pipeline have them.

An input is a folder that the script gets as `--NAME`; so is an output. Each object has a folder of
its own, unless there are more than SageMaker takes.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ratchet.notebooks.kernel.forms import SUFFIXES
from ratchet.notebooks.plan import PromotionPlan
from ratchet.notebooks.refusals import NotPromotableError, Refusal

MOST_INPUTS, MOST_OUTPUTS = 9, 10
"""CreateProcessingJob takes ten of each (SageMaker API, `ProcessingInputs`, `ProcessingOutputs`);
one of the inputs is the code."""
MODEL_FOLDER = "model_dir"
_TAKEN = {"code", "help", "h", MODEL_FOLDER}


@dataclass(frozen=True)
class StoredValue:
    """An object in a file.

    Attributes:
        name: as the step calls it.
        argument: of its folder.
        form: see `kernel/forms.py`.
        kind: see `kernel/kinds.py`.
    """

    name: str
    argument: str
    form: str
    kind: str = ""

    @property
    def file(self) -> str:
        return f"{self.name}{SUFFIXES[self.form]}"


@dataclass(frozen=True)
class FileFolder:
    """A folder of files that the step's code names.

    Attributes:
        argument: of the folder.
        path: the folder as the notebook names it, from its own folder.
        names: the files, below that folder.
    """

    argument: str
    path: str
    names: tuple[str, ...]

    def below(self, path: str) -> str:
        """The file at a path of the notebook, below this folder."""
        return posixpath.relpath(path, self.path)


@dataclass(frozen=True)
class ScriptLayout:
    """All of a script's arguments.

    Attributes:
        function: the name of the step's function.
        inputs, outputs: the objects, in the order of the function's arguments and results.
        reads, writes: the folders of files, or None.
        parameters: name → the text of the value in the notebook.
        is_training: the script leaves one model, and nothing else: a training job.
    """

    function: str
    inputs: tuple[StoredValue, ...]
    outputs: tuple[StoredValue, ...]
    reads: FileFolder | None
    writes: FileFolder | None
    parameters: Mapping[str, ast.expr]
    is_training: bool

    @property
    def input_arguments(self) -> list[str]:
        files = [self.reads.argument] if self.reads else []
        return list(dict.fromkeys([*files, *(value.argument for value in self.inputs)]))

    @property
    def output_arguments(self) -> list[str]:
        files = [self.writes.argument] if self.writes else []
        return list(dict.fromkeys([*files, *(value.argument for value in self.outputs)]))


def layout_of(
    plan: PromotionPlan,
    name: str,
    inputs: Mapping[str, Mapping[str, str]],
    outputs: Mapping[str, Mapping[str, str]],
) -> ScriptLayout:
    """The layout of a script.

    Args:
        name: of the script, without a suffix.
        inputs, outputs: what the record says of each object: `form`, `kind`.

    Raises:
        NotPromotableError: files lie in folders that have none in common.
    """
    names = _all_names(plan)
    function = name if name not in names else f"{name}_step"
    taken = {*names, *_TAKEN}
    reads = _folder(plan, plan.reads, _free("raw", taken))
    writes = _folder(plan, plan.writes, _free("files", taken))
    is_training = not writes and [fact["kind"] for fact in outputs.values()] == ["model"]
    used = {folder.argument for folder in (reads, writes) if folder}
    stored_inputs = _stored(inputs, used, MOST_INPUTS - bool(reads), "objects")
    used |= {value.argument for value in stored_inputs}
    if is_training:
        stored_outputs = tuple(
            StoredValue(output, MODEL_FOLDER, fact["form"], fact["kind"])
            for output, fact in outputs.items()
        )
    else:
        stored_outputs = _stored(outputs, used, MOST_OUTPUTS - bool(writes), "results")
    return ScriptLayout(
        function, stored_inputs, stored_outputs, reads, writes, plan.parameters, is_training
    )


def _all_names(plan: PromotionPlan) -> set[str]:
    """Every name in the notebook's code."""
    names: set[str] = set()
    for statement in plan.every:
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.alias):
                names.add((node.asname or node.name).split(".")[0])
    return names


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_folder"
    return name


def _stored(
    facts: Mapping[str, Mapping[str, str]], used: Iterable[str], most: int, shared: str
) -> tuple[StoredValue, ...]:
    """The objects with an argument each, or with one for all where there are too many."""
    taken = {argument.lower() for argument in (*used, *_TAKEN)}
    values = []
    for name, fact in facts.items():
        if len(facts) > most:
            argument = shared
        else:
            argument = name
            while argument.lower() in taken:
                argument += "_out" if shared == "results" else "_in"
            taken.add(argument.lower())
        values.append(StoredValue(name, argument, fact["form"], fact["kind"]))
    return tuple(values)


def _folder(plan: PromotionPlan, paths: Sequence[str], argument: str) -> FileFolder | None:
    """The folder that all the files have in common."""
    if not paths:
        return None
    ups = {_ups(path) for path in paths}
    if len(ups) > 1:
        listed = ", ".join(f"`{path}`" for path in paths)
        reason = f"the files {listed} have no folder in common that the notebook names"
        raise NotPromotableError(plan.step, [Refusal("", reason, "put them into one folder")])
    folder = _common_folder(paths)
    names = tuple(posixpath.relpath(path, folder) for path in paths)
    return FileFolder(argument, folder, names)


def _common_folder(paths: Sequence[str]) -> str:
    """The outermost folder that holds all files: folders below it are kept, as they are when data
    lands in partitions."""
    if paths[0].startswith("/"):
        return posixpath.commonpath([posixpath.dirname(path) for path in paths])
    ups = "../" * _ups(paths[0])[1]
    tops = {path.removeprefix(ups).partition("/")[0::2] for path in paths}
    (top, below), *others = sorted(tops)
    shared = below and all(other == top and rest for other, rest in others)
    return posixpath.normpath(ups + (top if shared else "."))


def _ups(path: str) -> tuple[bool, int]:
    """Whether the path is absolute, and how many `..` it begins with."""
    parts = path.split("/")
    return path.startswith("/"), sum(part == ".." for part in parts)
