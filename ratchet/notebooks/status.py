"""How stable each marked step of a notebook is: what git and the records of runs say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ratchet.notebooks import modules_beside, run_records
from ratchet.notebooks.cells import Cell, Notebook, load
from ratchet.notebooks.git import NoRepository
from ratchet.notebooks.history import CodeAge, StepHistory, history_of
from ratchet.notebooks.needs import needs_of
from ratchet.notebooks.past_code import code_of
from ratchet.notebooks.remembered import Remembered
from ratchet.notebooks.run_records import NO_RUNS, RunRecord, RunSeries, newest_series
from ratchet.notebooks.statements import CodeStatement, statements_of, step_statements
from ratchet.notebooks.step_code import ModulesBeside
from ratchet.notebooks.verdicts import Evidence, Judgement, StepVerdict, judge

Refusals = Callable[[Notebook, str], Sequence[str]]
"""Why a step of a notebook cannot be promoted as it is, in words with places; empty if it can."""


@dataclass(frozen=True)
class MakerAge:
    """How old the code is that makes an input of a step outside any step.

    Attributes:
        name: the input.
        where: the place of the statement that sets it.
        age: by git.
    """

    name: str
    where: str
    age: CodeAge


@dataclass(frozen=True, kw_only=True)
class StepStatus:
    """How stable a step is.

    Attributes:
        name: of the step.
        judgement: the verdict with its numbers.
        code: the digest of its code; "" when a script has taken its place.
        age: by git, or None without it.
        runs: the recorded runs of this code.
        younger_inputs: inputs that are made outside any step by code that is younger than the
            step's own.
        refusals: why a step that is due cannot be promoted as it is.
        where: the place of its first cell.
    """

    name: str
    judgement: Judgement
    code: str = ""
    age: CodeAge | None = None
    runs: RunSeries = NO_RUNS
    younger_inputs: tuple[MakerAge, ...] = ()
    refusals: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class NotebookStatus:
    """How stable the steps of a notebook are.

    Attributes:
        path: of the notebook, as people type it.
        steps: marked and promoted ones, in the order of their cells.
        mark_problems: marks that do not count, with their places.
        error: why the notebook cannot be read, or "".
    """

    path: str
    steps: tuple[StepStatus, ...] = ()
    mark_problems: tuple[str, ...] = ()
    error: str = ""


def no_refusals(notebook: Notebook, step: str) -> Sequence[str]:
    """Nothing is looked at, so nothing is refused."""
    return ()


def notebook_status(
    path: Path,
    *,
    root: Path,
    now: datetime,
    promote_after_days: int,
    remembered: Remembered,
    refusals: Refusals = no_refusals,
) -> NotebookStatus:
    """How stable the steps of a notebook are.

    Args:
        path: of the notebook.
        root: the folder of the project; of a notebook in no project, the folder it lies in.
        now: the time from which ages count back.
        promote_after_days: a step that is the same for so long is due.
        remembered: answers about old versions, from earlier times.
        refusals: asked of each step that is due.

    Raises:
        NotebookError: the notebook, its records or its history cannot be read.
    """
    notebook = load(path)
    sources = _Sources(
        every=statements_of(notebook),
        modules=modules_beside.in_folder(path.resolve().parent),
        history=history_of(path.resolve(), remembered),
        records=run_records.read_records(run_records.records_file(root, path)),
    )
    steps: list[StepStatus] = []
    for name in _step_names(notebook):
        if name in notebook.promoted:
            steps.append(_promoted(notebook, name))
            continue
        evidence, code = sources.evidence(name, notebook.step_cells(name))
        judgement = judge(evidence, now=now, promote_after_days=promote_after_days)
        due = judgement.verdict is StepVerdict.PROMOTE
        steps.append(
            StepStatus(
                name=name,
                judgement=judgement,
                code=code,
                age=evidence.age,
                runs=evidence.runs,
                younger_inputs=tuple(sources.younger_inputs(name, evidence.age)),
                refusals=tuple(refusals(notebook, name)) if due else (),
                where=notebook.step_cells(name)[0].where(),
            )
        )
    problems = tuple(str(problem) for problem in notebook.mark_problems)
    return NotebookStatus(path=str(path), steps=tuple(steps), mark_problems=problems)


def _step_names(notebook: Notebook) -> list[str]:
    names = (name for cell in notebook.cells for name in (cell.step, cell.promoted) if name)
    return list(dict.fromkeys(names))


def _promoted(notebook: Notebook, name: str) -> StepStatus:
    cell = next(cell for cell in notebook.cells if cell.promoted == name)
    judgement = Judgement(verdict=StepVerdict.PROMOTED)
    return StepStatus(name=name, judgement=judgement, where=cell.where())


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """What is asked about the steps of one notebook."""

    every: Sequence[CodeStatement]
    modules: ModulesBeside
    history: StepHistory | NoRepository
    records: Sequence[RunRecord]

    def evidence(self, step: str, cells: Sequence[Cell]) -> tuple[Evidence, str]:
        """What is known of a step, and the digest of its code."""
        statements = step_statements(self.every, step)
        code = code_of(self.every, statements, self.modules)
        evidence = Evidence(
            runs=newest_series(self.records, step=step, code=code.digest),
            ran_before=any(record.step == step for record in self.records),
            fault=_fault(cells, statements),
        )
        if isinstance(self.history, NoRepository):
            return replace(evidence, no_git=self.history.reason), code.digest
        age = None if evidence.fault else self.history.age(code)
        return replace(evidence, age=age, committed=self.history.committed), code.digest

    def younger_inputs(self, step: str, age: CodeAge | None) -> Iterator[MakerAge]:
        """The inputs that code outside any step makes, where it is younger than the step's."""
        if isinstance(self.history, NoRepository) or age is None or age.since is None:
            return
        statements = step_statements(self.every, step)
        for name, maker in needs_of(self.every, statements).inputs.items():
            if maker.cell.step or maker.cell.promoted:
                continue
            makers = [maker, *self._changers(name, maker, statements[0])]
            made = self.history.age(code_of(self.every, makers, self.modules))
            if made.since is None or made.since > age.since:
                yield MakerAge(name, makers[-1].where, made)

    def _changers(
        self, name: str, maker: CodeStatement, first: CodeStatement
    ) -> Iterator[CodeStatement]:
        """The statements outside any step that change an input before the step begins."""
        for statement in self.every[maker.order + 1 : first.order]:
            if name in statement.flow.changes and not statement.cell.step:
                yield statement


def _fault(cells: Sequence[Cell], statements: Sequence[CodeStatement]) -> str:
    """Why a step is no code that runs, or ""."""
    for cell in cells:
        if cell.syntax_fault is not None:
            fault = cell.syntax_fault
            return f"{cell.where(fault.line)} is not Python: {fault.message}"
    return "" if statements else f"{cells[0].where()}: the step has no statement"
