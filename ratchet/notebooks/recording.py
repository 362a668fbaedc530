"""Runs a notebook up to the end of a step, and records what the step takes and makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.notebooks.cells import Cell
from ratchet.notebooks.hidden_reads import used_names
from ratchet.notebooks.kernel_session import KernelSession, kernel
from ratchet.notebooks.plan import PromotionPlan
from ratchet.notebooks.refusals import NotPromotableError, Refusal, refusal
from ratchet.notebooks.script import module_text
from ratchet.notebooks.static_refusals import readers_amid

Progress = Callable[[str], None]

SEED = 20240229
"""Both runs of the notebook begin with the same random numbers."""


@dataclass(frozen=True)
class Record:
    """What a run recorded: see `kernel/recorder.py`.

    Attributes:
        folder: with the values.
        inputs, outputs: name → kind, form, type.
        changed: inputs that the step changes without their names showing it; outputs too.
        stale: names that the step sets anew and no file holds: the notebook keeps the older value.
        seconds: how long the step ran.
        python: the kernel's Python.
        versions: of it and of packages.
    """

    folder: Path
    inputs: Mapping[str, Mapping[str, str]]
    outputs: Mapping[str, Mapping[str, str]]
    changed: tuple[str, ...]
    stale: tuple[str, ...]
    seconds: float
    python: str
    versions: Mapping[str, str]


def record(
    plan: PromotionPlan,
    notebook: Path,
    folder: Path,
    *,
    module: str,
    kernel_name: str,
    progress: Progress,
) -> Record:
    """Runs the cells that the step can depend on, and the step three more times.

    Args:
        notebook: the file; the kernel works in its folder.
        folder: where the record goes.
        module: the name by which the notebook will import the script.

    Raises:
        NotPromotableError: something else is imported by that name, a cell fails, or the run shows
            what stands against the promotion.
    """
    cells = cells_to_run(plan)
    folder.mkdir(parents=True, exist_ok=True)
    first = plan.step_cells[0].index
    with kernel(kernel_name, notebook.parent) as session:
        session.load()
        _refuse_taken_name(plan, session, module)
        session.call("digest", f"it.seed({SEED})")
        arguments = _arguments(plan, folder)
        session.call("recorder", f"setattr(it, 'RECORDER', it.StepRecorder({arguments}))")
        for number, cell in enumerate(cells, 1):
            if cell.index == first:
                session.call("recorder", "it.RECORDER.before(scope)")
            progress(f"cell {cell.index + 1} ({number} of {len(cells)})")
            run_cell(plan, session, cell)
        session.call("recorder", "it.RECORDER.after(scope)")
        progress(f"the step `{plan.step}` again, three times, on the first rows")
        source = "\n".join(cell.code for cell in plan.step_cells)
        session.call("recorder", f"it.RECORDER.replay(scope, {source!r})")
        session.call("recorder", "it.RECORDER.write()")
    facts = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    if facts["problems"]:
        raise NotPromotableError(plan.step, [_located(plan, p) for p in facts["problems"]])
    return Record(
        folder=folder,
        inputs=facts["inputs"],
        outputs=facts["outputs"],
        changed=tuple(facts["changed"]),
        stale=tuple(facts["stale"]),
        seconds=facts["seconds"],
        python=facts["python"],
        versions=facts["versions"],
    )


def _refuse_taken_name(plan: PromotionPlan, session: KernelSession, module: str) -> None:
    find = "__import__('importlib.util', fromlist=['util']).find_spec"
    if session.run(f"assert {find}({module!r}) is None"):
        reason = f"`import {module}` imports something else in this kernel"
        edit = "name the script otherwise: --as NAME"
        raise NotPromotableError(plan.step, [Refusal("", reason, edit)])


def cells_to_run(plan: PromotionPlan) -> list[Cell]:
    """The cells that the step can depend on, and its own, in order."""
    last = plan.step_cells[-1].index
    amid = {statement.cell.index for statement, _ in readers_amid(plan)}
    wanted = plan.cells | amid
    return [c for c in plan.notebook.code_cells if c.index in wanted and c.index <= last]


def _arguments(plan: PromotionPlan, folder: Path) -> str:
    """The arguments of the recorder, as Python text."""
    carried = [n for s in plan.carried for n in s.flow.writes if n not in plan.whole.writes]
    arguments = {
        "inputs": plan.inputs,
        "outputs": plan.outputs,
        "anew": plan.anew,
        "models": () if plan.notebook.step_outputs(plan.step) else plan.models,
        "live": plan.live,
        "used": sorted({*plan.live, *_used(plan)} & set(carried)),
        "reads": plan.reads,
        "writes": plan.writes,
        "amid": sorted({n for s, _ in readers_amid(plan) for n in s.flow.writes}),
        "constants": module_text(plan),
        "carried": tuple(dict.fromkeys(carried)),
    }
    listed = [f"{name}={value!r}" for name, value in arguments.items()]
    return ", ".join([repr(str(folder)), *listed])


def _used(plan: PromotionPlan) -> frozenset[str]:
    mine = {statement.order for statement in plan.marked}
    return used_names([s for s in plan.every if s.order not in mine], plan.marked[0].order)


def run_cell(plan: PromotionPlan, session: KernelSession, cell: Cell) -> None:
    """Runs a cell of the notebook.

    Raises:
        NotPromotableError: it fails.
    """
    error = session.run(cell.code)
    if error is None:
        return
    what = "the step's cell" if cell.step == plan.step else "this cell"
    reason = f"{what} fails in this kernel: {error}"
    edit = "make the notebook run from its top, or choose another kernel with --kernel"
    if str(error).startswith(FileNotFoundError.__name__):
        command = f"ratchet notebook run {plan.notebook.path}"
        edit = f"run the notebook first, so that its other cells write the file: {command}"
    raise NotPromotableError(plan.step, [refusal(cell, 1, reason, edit)])


def _located(plan: PromotionPlan, problem: Mapping[str, Any]) -> Refusal:
    """A refusal at the place where the step first has to do with the name that it is about."""
    name = problem["name"]
    for statement in plan.own:
        for names in (statement.flow.writes, statement.flow.reads, statement.flow.changes):
            if name in names:
                return refusal(statement.cell, names[name].line, problem["reason"])
    return refusal(plan.step_cells[0], 1, problem["reason"])
