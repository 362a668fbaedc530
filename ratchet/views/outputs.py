"""The outputs of a run's steps."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.deployment.runs import outputs
from ratchet.deployment.runs.executions import RunState
from ratchet.deployment.runs.outputs import FilledOutput
from ratchet.deployment.target.environment import Target


@dataclass(frozen=True, kw_only=True)
class OutputView:
    """An output that holds files."""

    step: str
    output: str
    uri: str
    """`s3://…`: a file, or what the keys of its files begin with."""
    files: int
    bytes: int


def read_outputs(target: Target, state: RunState) -> list[OutputView]:
    """Those of every step that the run has reached, in the order of its plan."""
    return [output_view(each) for each in outputs.filled(target, outputs.outputs(target, state))]


def output_view(filled: FilledOutput) -> OutputView:
    output = filled.output
    return OutputView(
        step=output.step,
        output=output.name,
        uri=output.uri,
        files=len(filled.files),
        bytes=filled.size,
    )
