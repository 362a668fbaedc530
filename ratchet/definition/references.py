"""References of a definition: `Parameters.X`, `Execution.X`, `Steps.N.A.B['c'][0]`.

Their text is what the SageMaker SDK writes (`sagemaker/workflow/properties.py`,
`execution_variables.py`). Parsing never fails: what is wrong with a text is its `fault`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

PARAMETERS, EXECUTION, STEPS = "Parameters", "Execution", "Steps"

EXECUTION_VARIABLES = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)
"""Names of `sagemaker/workflow/execution_variables.py`."""

_HEAD = re.compile(r"(Parameters|Execution|Steps)\.([A-Za-z0-9_\-]+)")
_PART = re.compile(r"""\.([A-Za-z0-9_\-:]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


class Key(str):
    """A part in brackets and quotes, `['train']`: an entry of a map, or the name of a list's item.

    It equals its text. A member, `.Outputs`, is a plain `str`.
    """

    __slots__ = ()


Part = str | int


@dataclass(frozen=True, slots=True)
class Reference:
    """`root` is Parameters, Execution or Steps, "" when the text is no reference.

    - `name`: of the parameter, variable or step; `path`: what follows it.
    - `fault`: why the text cannot be read; "" when it can.
    """

    text: str
    root: str = ""
    name: str = ""
    path: tuple[Part, ...] = ()
    fault: str = ""

    @property
    def property_file(self) -> str | None:
        """The name of the property file that it is about; None: it is about something else."""
        return self._named_in("PropertyFiles")

    @property
    def output_parameter(self) -> str | None:
        """The name of the output parameter that it is about; None: it is about something else."""
        return self._named_in("OutputParameters")

    def _named_in(self, member: str) -> str | None:
        matches = len(self.path) == 2 and self.path[0] == member
        return str(self.path[1]) if matches else None


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Reference:
    """Reads a reference. Both quotes are read, `['x']` and `["x"]`: the SDK writes the first."""
    head = _HEAD.match(text)
    if head is None:
        expected = "Parameters.<name>, Execution.<variable> or Steps.<step>.<path>"
        return Reference(text, fault=f"{text!r} is not a reference: expected {expected}")
    root, name = head.groups()
    parts: list[Part] = []
    position = head.end()
    while position < len(text):
        match = _PART.match(text, position)
        if match is None or root != STEPS:
            fault = f"{text!r} cannot be read from {text[position:]!r} on"
            return Reference(text, root, name, tuple(parts), fault)
        member, index, single, double = match.groups()
        if member is not None:
            parts.append(member)
        else:
            parts.append(int(index) if index is not None else Key(single or double or ""))
        position = match.end()
    return Reference(text, root, name, tuple(parts))


def written(step: str, path: Sequence[Part]) -> str:
    """The text of a reference to a step's property: what `parse` reads."""
    return f"{STEPS}.{step}{''.join(map(_written, path))}"


def _written(part: Part) -> str:
    if isinstance(part, Key):
        return f"['{part}']"
    return f"[{part}]" if isinstance(part, int) else f".{part}"
