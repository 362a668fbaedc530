"""Checks that a promoted step is what the notebook's cells were: as a script, and as a call."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.kernel.forms import SUFFIXES
from ratchet.notebooks.kernel_session import bootstrap, kernel
from ratchet.notebooks.layout import ScriptLayout, StoredValue
from ratchet.notebooks.plan import PromotionPlan
from ratchet.notebooks.recording import SEED, Progress, Record, cells_to_run, run_cell
from ratchet.notebooks.refusals import NotPromotableError, refusal

SEEDS_FOR_SETS = tuple(str(number) for number in range(1, 9))
"""Values of PYTHONHASHSEED. Two texts in a set have one order in half of all processes."""


def arrange(record: Record, layout: ScriptLayout, part: str, folder: Path) -> None:
    """Lays the recorded values out as the script's folders, with what they are in `record.json`.

    Args:
        part: `full` or `sample`; only a sample has the files that the step reads.
        folder: does not exist yet.
    """
    for side, values in (("in", layout.inputs), ("out", layout.outputs)):
        for value in values:
            place = folder / side / value.argument
            place.mkdir(parents=True, exist_ok=True)
            source = record.folder / part / side / f"{value.name}{SUFFIXES[value.form]}"
            shutil.copyfile(source, place / value.file)
    if part == "sample":
        for side, files, source in (
            ("in", layout.reads, record.folder / "sample" / "files"),
            ("out", layout.writes, record.folder / "sample" / "written"),
        ):
            for name in files.names if files else ():
                target = folder / side / files.argument / name  # type: ignore[union-attr]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / files.path / name, target)  # type: ignore[union-attr]
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_facts(record, layout, part), indent=1, ensure_ascii=False)
    (folder / "record.json").write_text(text + "\n", encoding="utf-8")


def _facts(record: Record, layout: ScriptLayout, part: str) -> dict[str, Any]:
    def listed(values: Sequence[StoredValue]) -> dict[str, dict[str, str]]:
        return {v.name: {"argument": v.argument, "file": v.file, "form": v.form} for v in values}

    writes = layout.writes if part == "sample" else None
    return {
        "versions": dict(record.versions),
        "folders": [layout.reads.argument] if layout.reads else [],
        "inputs": listed(layout.inputs),
        "parameters": {name: argument_text(value) for name, value in layout.parameters.items()},
        "outputs": listed(layout.outputs),
        "files": {writes.argument: list(writes.names)} if writes else {},
        "unchecked": [layout.writes.argument] if layout.writes and not writes else [],
    }


def argument_text(value: ast.expr) -> str:
    literal = ast.literal_eval(value)
    return str(literal) if type(literal) in (int, float, str) else json.dumps(literal)


def check_script(
    plan: PromotionPlan,
    script: Path,
    arranged: Path,
    *,
    python: str,
    folders: Mapping[str, str] | None = None,
    seeds: Sequence[str],
) -> None:
    """Runs the script on a record, in the kernel's Python.

    Args:
        arranged: the folder of the record.
        folders: argument → folder, in place of the recorded one.
        seeds: the script runs once with each as PYTHONHASHSEED.

    Raises:
        NotPromotableError: it makes something else than the notebook did.
    """
    arguments = (str(script), str(arranged), dict(folders or {}), list(seeds))
    call = f"it.differences(*{arguments!r})"
    code = (
        f"{bootstrap()}\nimport json, os\nimport _ratchet_kernel.promoted as it\n"
        f"print('\\n' + json.dumps({call}), flush=True)\n"
        "os._exit(0)"  # threads of other packages can end a process with a signal
    )
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise NotebookError(f"the script cannot be checked: {done.stderr.strip()[-400:]}")
    differences = json.loads(done.stdout.strip().splitlines()[-1])
    if differences:
        refuse_differences(plan, "the script makes something else than the cells", differences)


def has_sets(script: str) -> bool:
    """Whether a script makes sets, whose order differs from process to process."""
    names = {"set", "frozenset", "union", "intersection", "symmetric_difference"}
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in names:
                return True
    return False


def refuse_differences(plan: PromotionPlan, what: str, differences: Sequence[str]) -> None:
    """Raises NotPromotableError with the differences, and what they may come from."""
    edit = (
        "it may depend on settings, random numbers or an order of a set that the cells above have "
        "and the step does not"
    )
    raise NotPromotableError(
        plan.step,
        [
            refusal(plan.step_cells[0], 1, f"{what}: {text}", edit if number == 0 else "")
            for number, text in enumerate(differences)
        ],
    )


def check_call(
    plan: PromotionPlan,
    record: Record,
    notebook: Path,
    call: str,
    *,
    kernel_name: str,
    progress: Progress,
) -> None:
    """Runs the notebook with the call in the place of the step's cells, and compares the names that
    later cells read.

    Raises:
        NotPromotableError: one of them has another value than the cells gave it.
    """
    cells = cells_to_run(plan)
    first, mine = plan.step_cells[0].index, {cell.index for cell in plan.step_cells}
    amid = {n for s in plan.every if first < s.cell.index for n in s.flow.writes} - set(
        plan.whole.writes
    )
    with kernel(kernel_name, notebook.parent) as session:
        session.load()
        session.call("digest", f"it.seed({SEED})")
        arguments = f"{str(record.folder)!r}, {plan.live!r}, {sorted(amid)!r}"
        session.call("replaced", f"setattr(it, 'CHECK', it.Replaced({arguments}))")
        for number, cell in enumerate(cells, 1):
            progress(f"with the call: cell {cell.index + 1} ({number} of {len(cells)})")
            if cell.index not in mine:
                run_cell(plan, session, cell)
            elif cell.index == first:
                session.call("replaced", "it.CHECK.before(scope)")
                error = session.run(call)
                if error:
                    refuse_differences(plan, "the call of the script fails", [str(error)])
        session.call("replaced", "it.CHECK.after(scope)")
    problems = json.loads((record.folder / "replaced.json").read_text(encoding="utf-8"))
    if problems:
        lines = [f"{name}: {text}" for name, text in problems.items()]
        refuse_differences(plan, "the call of the script leaves other values", lines)
