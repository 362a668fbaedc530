"""A run, as a notebook reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ratchet.api import output_tables, tables
from ratchet.api.errors import explained

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.deployment.runs.executions import RunState
    from ratchet.deployment.target.environment import Target
    from ratchet.views.amounts import RecordedCost
    from ratchet.views.gates import GateView
    from ratchet.views.runs import RegisteredVersion, RunDetail


class RunResult:
    """A run as it was when it was read: `LoopConnection.run` reads it anew."""

    def __init__(self, target: Target, state: RunState, detail: RunDetail) -> None:
        self._target = target
        self._state = state
        self._detail = detail

    def __repr__(self) -> str:
        return f"<run {self.id} {self.name}: {self.outcome}>"

    @property
    def detail(self) -> RunDetail:
        """Everything that `ratchet show --json` prints, as one frozen dataclass."""
        return self._detail

    @property
    def id(self) -> str:
        return self._detail.id

    @property
    def name(self) -> str:
        """The display name."""
        return self._detail.name

    @property
    def pipeline(self) -> str:
        return self._detail.pipeline

    @property
    def status(self) -> str:
        """`Executing`, `Succeeded`, `Failed`, `Stopping` or `Stopped`."""
        return self._detail.status

    @property
    def outcome(self) -> str:
        """`registered version 3`, `halted: …`, `failed in train: …`, `running evaluate`."""
        return self._detail.outcome

    @property
    def started(self) -> datetime:
        return self._detail.started

    @property
    def ended(self) -> datetime | None:
        """None while it runs."""
        return self._detail.ended

    @property
    def seconds(self) -> float | None:
        """How long it took, or had been running when it was read."""
        return self._detail.seconds

    @property
    def parameters(self) -> Mapping[str, str]:
        return self._detail.parameters

    @property
    def cost(self) -> RecordedCost | None:
        """`cost`, `saved` and `unknown`; None: nothing is recorded (yet)."""
        return self._detail.cost

    @property
    def gate(self) -> GateView | None:
        """The gate that the candidate has to pass: whether it `passed`, both scores, `regression`,
        `tolerance` and `interval`. None: the pipeline has no gate."""
        return self._detail.gate

    @property
    def reports(self) -> Mapping[str, Any]:
        """`<step>.<name>` → the JSON document that the step wrote."""
        return self._detail.reports

    @property
    def models(self) -> tuple[RegisteredVersion, ...]:
        """The versions that it registered and that are still there."""
        return self._detail.models

    @cached_property
    def steps(self) -> pd.DataFrame:
        """One row for each step of the pipeline, reached or not.

        Columns: name, type, gate, status, word, started, ended, seconds, attempts, cached_from,
        reason, failure, detail, job, cost, saved, unknown_costs. `reason` says why a step hit or
        missed its cache, on the local cloud.
        """
        return tables.table(self._detail.steps, tables.STEPS)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row for each number of the run's reports.

        Columns: report, metric, candidate, champion, regression, better, decides. `regression` is
        by how much the candidate is worse, less than 0 being better.
        """
        return tables.table(self._detail.metrics, tables.METRICS)

    @cached_property
    @explained
    def outputs(self) -> pd.DataFrame:
        """One row for each output of the steps that holds files.

        Columns: step, output, uri, files, bytes.
        """
        from ratchet.views.outputs import read_outputs

        return tables.table(read_outputs(self._target, self._state), tables.OUTPUTS)

    @overload
    def output(self, step: str, output: str | None = ..., *, as_path: Literal[True]) -> Path: ...
    @overload
    def output(
        self,
        step: str,
        output: str | None = ...,
        *,
        as_path: Literal[False] = ...,
        header: bool | None = ...,
    ) -> pd.DataFrame: ...
    @explained
    def output(
        self,
        step: str,
        output: str | None = None,
        *,
        as_path: bool = False,
        header: bool | None = None,
    ) -> pd.DataFrame | Path:
        """An output of a step: `run.output("prepare", "train")`.

        It is fetched once, into `.ratchet/outputs/` of the project, and then read from there.

        Args:
            output: its name; None: the only one that the step has. A training step has `model`,
                and `data` if the script left any.
            as_path: return the file, or the folder if there are several.
            header: whether a CSV file begins with the names of its columns; None: that is told
                from its first lines. Without a header the columns are 0, 1, ….

        Returns:
            The rows of all CSV or Parquet files of the output, sorted by path; or the path.

        Raises:
            RatchetError: there is no such output, or it is no table.
        """
        place = self._fetched(step, output)
        return place if as_path else output_tables.read(place, header=header)

    def _fetched(self, step: str, output: str | None) -> Path:
        from ratchet.deployment.errors import UsageError
        from ratchet.deployment.runs import fetching, outputs

        choice = outputs.chosen(self._target, self._state, step, output)
        if len(choice) > 1:
            names = ", ".join(each.output.name for each in choice)
            raise UsageError(f"the step {step} has several outputs; name one of them: {names}")
        files = choice[0].files
        fetched = fetching.fetch(
            self._target.client("s3"), files, self._target.root / fetching.FOLDER
        )
        return fetched.paths[0] if len(files) == 1 else fetched.folder

    @cached_property
    def _definition(self) -> str:
        from ratchet.deployment.runs import executions

        return executions.definition(self._target, self._state.run)

    @explained
    def _repr_html_(self) -> str:
        from ratchet.api.run_picture import html

        return html(self._detail, self._definition)
