"""A marked step of a notebook becomes a script of the project: everything is made and checked in a
temporary folder first.

The script must make the notebook's own output of the notebook's own input, whole and on its first
rows, in processes of its own; and with the call in the place of the cells the notebook must go on
with the same values. Only then is there something to write.
"""

from __future__ import annotations

import keyword
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ratchet.notebooks import cells
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.kernel.promoted import HASH_SEEDS
from ratchet.notebooks.layout import ScriptLayout, layout_of
from ratchet.notebooks.pipeline_line import pipeline_line
from ratchet.notebooks.plan import PromotionPlan, plan_step
from ratchet.notebooks.promoted_test import test_file, test_text
from ratchet.notebooks.recording import Progress, Record, record
from ratchet.notebooks.refusals import NotPromotableError
from ratchet.notebooks.replacement import call_text, relative_folder, replaced_notebook
from ratchet.notebooks.replaying import (
    SEEDS_FOR_SETS,
    arrange,
    check_call,
    check_script,
    has_sets,
    refuse_differences,
)
from ratchet.notebooks.script import clashes, script_text


@dataclass(frozen=True)
class Request:
    """What to promote, and to where.

    Attributes:
        notebook: the file.
        step: the name of the marked step.
        root: the project's folder.
        model: the model whose steps the script joins.
        name: of the script, without a suffix; None for the step's.
        kernel: the name of the kernel that runs the notebook.
    """

    notebook: Path
    step: str
    root: Path
    model: str
    name: str | None = None
    kernel: str = "python3"

    @property
    def module(self) -> str:
        return self.name or self.step.replace("-", "_")

    @property
    def script(self) -> Path:
        return self.root / "steps" / self.model / f"{self.module}.py"

    @property
    def test(self) -> Path:
        return self.root / "tests" / self.model / test_file(self.module)

    @property
    def recorded(self) -> Path:
        return self.root / "tests" / self.model / "recorded" / self.module

    @property
    def source(self) -> str:
        return self.notebook.resolve().relative_to(self.root.resolve()).as_posix()


@dataclass(frozen=True)
class StepPromotion:
    """A checked promotion that is not written yet.

    Attributes:
        script, test: the texts of the new files.
        recorded: the new files of recorded data: path below their folder → content.
        before, after: the text of the notebook.
        call: the code of the cell in the place of the step's.
        line: the step in a pipeline.
        record: what the run of the notebook said.
        remarks: what a person should know.
    """

    request: Request
    plan: PromotionPlan
    layout: ScriptLayout
    script: str
    test: str
    recorded: Mapping[str, bytes]
    before: bytes
    after: bytes
    call: str
    line: str
    record: Record
    remarks: tuple[str, ...]

    def files(self) -> dict[Path, bytes]:
        """Every new file with its content; the notebook is not among them."""
        request = self.request
        data = {request.recorded / path: content for path, content in self.recorded.items()}
        texts = {request.script: self.script, request.test: self.test}
        return {**{path: text.encode() for path, text in texts.items()}, **data}


def promote(request: Request, progress: Progress) -> StepPromotion:
    """Makes and checks everything of a promotion; writes nothing of it.

    Raises:
        NotPromotableError: the step cannot be promoted as it is.
        NotebookError: the notebook cannot be read or run, or a file is in the way.
    """
    refuse_places(request)
    before = request.notebook.read_bytes()
    notebook = cells.read(request.source, before.decode("utf-8"))
    plan = plan_step(notebook, known_step(notebook, request), modules_beside(request.notebook))
    if plan.refusals:
        raise NotPromotableError(request.step, plan.refusals)
    with tempfile.TemporaryDirectory(prefix="ratchet-promote-") as folder:
        place = Path(folder)
        recorded = record(
            plan,
            request.notebook,
            place / "record",
            module=request.module,
            kernel_name=request.kernel,
            progress=progress,
        )
        return _checked(request, plan, recorded, place, before, progress)


def _checked(
    request: Request,
    plan: PromotionPlan,
    recorded: Record,
    place: Path,
    before: bytes,
    progress: Progress,
) -> StepPromotion:
    trial = replace(request, root=place / "project")
    layout = layout_of(plan, request.module, recorded.inputs, recorded.outputs)
    if names := clashes(plan, layout):
        raise NotPromotableError(request.step, names)
    script = script_text(plan, layout, request.source)
    test = test_text(
        model=request.model, name=request.module, step=request.step, source=request.source
    )
    for path, text in ((trial.script, script), (trial.test, test)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    arrange(recorded, layout, "full", place / "full")
    arrange(recorded, layout, "sample", trial.recorded)
    progress("the script, on the whole input and on its first rows")
    reads = layout.reads
    folders = {reads.argument: str(request.notebook.parent / reads.path)} if reads else {}
    python = recorded.python
    check_script(plan, trial.script, place / "full", python=python, folders=folders, seeds=["3"])
    if has_sets(script):
        check_script(plan, trial.script, trial.recorded, python=python, seeds=SEEDS_FOR_SETS)
    elif not _is_this_python(python):
        check_script(plan, trial.script, trial.recorded, python=python, seeds=HASH_SEEDS)
    remarks = [
        *plan.remarks,
        *_remarks(recorded),
        *_test_remark(plan, trial, recorded),
    ]
    folder = relative_folder(request.notebook, request.script.parent)
    shown = request.script.relative_to(request.root).as_posix()
    call = call_text(plan, layout, script=shown, folder=folder)
    trial_call = call_text(plan, layout, script=shown, folder=str(trial.script.parent))
    check_call(
        plan,
        recorded,
        request.notebook,
        trial_call,
        kernel_name=request.kernel,
        progress=progress,
    )
    return StepPromotion(
        request=request,
        plan=plan,
        layout=layout,
        script=script,
        test=test,
        recorded=dict(_contents(trial.recorded)),
        before=before,
        after=replaced_notebook(plan, before.decode("utf-8"), call).encode(),
        call=call,
        line=pipeline_line(plan, layout, name=request.module),
        record=recorded,
        remarks=tuple(remarks),
    )


def refuse_places(request: Request) -> None:
    """Refuses a notebook outside of the project, and files that are in the way.

    Raises:
        NotebookError: with what is in the way.
    """
    if not request.notebook.is_file():
        raise NotebookError(f"there is no file {request.notebook}")
    if not request.notebook.resolve().is_relative_to(request.root.resolve()):
        raise NotebookError(
            f"{request.notebook} is outside of the project in {request.root}, so it could not find "
            "its scripts. Move it into the project, for example to notebooks/"
        )
    module = request.module
    if not module.isidentifier() or keyword.iskeyword(module) or not module.isascii():
        raise NotebookError(f"{module!r} cannot name a script; choose a name of Python: --as NAME")
    in_the_way = [p for p in (request.script, request.test, request.recorded) if p.exists()]
    if in_the_way:
        listed = ", ".join(path.relative_to(request.root).as_posix() for path in in_the_way)
        raise NotebookError(
            f"{listed} exists already, and is not overwritten. Name the script otherwise "
            "(--as NAME), or remove it"
        )


def known_step(notebook: cells.Notebook, request: Request) -> str:
    """The step's name, if the notebook has one of that name.

    Raises:
        NotebookError: it has none.
    """
    from ratchet.deployment.errors import nearest

    if request.step in notebook.steps or notebook.mark_problems:
        return request.step
    if request.step in notebook.promoted:
        raise NotebookError(f"the step `{request.step}` of {request.source} is a script already")
    steps = notebook.steps
    hint = nearest(request.step, steps) if steps else ". Mark cells by a first line `#| step: NAME`"
    raise NotebookError(
        f"{request.source} has no step `{request.step}`; it has {', '.join(steps) or 'none'}{hint}"
    )


def modules_beside(notebook: Path) -> frozenset[str]:
    """The names of modules and packages in the notebook's folder."""
    folder = notebook.resolve().parent
    modules = {path.stem for path in folder.glob("*.py") if path.name != notebook.name}
    packages = {path.parent.name for path in folder.glob("*/*.py")}
    return frozenset(modules | packages)


def _remarks(recorded: Record) -> Iterator[str]:
    for name in recorded.changed:
        yield f"`{name}` goes out too: a function that the step calls changes it"
    for name in recorded.stale:
        yield f"`{name}`: the notebook goes on with the value from above, not with the step's"
    for name, fact in recorded.outputs.items():
        if fact["form"] == "pickle" and fact["kind"] in ("frame", "series", "array"):
            yield f"`{name}` is stored as a pickle: no readable format gives it back exactly"


def _test_remark(plan: PromotionPlan, trial: Request, recorded: Record) -> Iterator[str]:
    """Runs the test as the project will: in this Python. Where the kernel is another one, the test
    may well differ, and that is said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(trial.test)],
        cwd=trial.root,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode == 0:
        return
    if "No module named pytest" in done.stderr:
        yield "the test was not run: this Python has no pytest"
        return
    lines = [line for line in done.stdout.splitlines() if line.startswith("E ")]
    reason = lines[0][1:].strip() if lines else done.stdout.strip()[-200:]
    if _is_this_python(recorded.python):
        refuse_differences(plan, "the test of the script fails", [reason])
    yield f"the test passes in the kernel's Python and fails in this one: {reason}"


def _is_this_python(python: str) -> bool:
    """Environments share an interpreter by links, so the links are not followed."""
    return Path(python).absolute() == Path(sys.executable).absolute()


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
