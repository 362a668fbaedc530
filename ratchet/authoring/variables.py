"""Values that are known only when the pipeline runs, and conditions on them.

Each is written into the definition as SageMaker's own notation, `{"Get": "Parameters.X"}` and so
on: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-parameters.html and the
`sagemaker.workflow` package of the SageMaker Python SDK, whose output this notation follows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool


class Variable(ABC):
    """A value of the run. Comparing one gives a `Condition` for `Pipeline.gate`, not a bool."""

    is_text = False
    """Whether it is known to be a String: then it may stand where SageMaker wants one."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """SageMaker's notation."""

    def equals(self, other: Operand) -> Condition:
        return _comparison("Equals", self, other)

    def is_in(self, values: Iterable[Operand]) -> Condition:
        values = [values] if isinstance(values, str) else list(values)
        return Condition({"Type": "In", "QueryValue": render(self), "Values": render(values)})

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return _comparison("Equals", self, other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return ~_comparison("Equals", self, other)

    def __lt__(self, other: Operand) -> Condition:
        return _comparison("LessThan", self, other)

    def __le__(self, other: Operand) -> Condition:
        return _comparison("LessThanOrEqualTo", self, other)

    def __gt__(self, other: Operand) -> Condition:
        return _comparison("GreaterThan", self, other)

    def __ge__(self, other: Operand) -> Condition:
        return _comparison("GreaterThanOrEqualTo", self, other)

    __hash__ = object.__hash__
    # Without these, Python would take `property[0]`, `property[1]` … for the items of a sequence.
    __iter__ = None
    __contains__ = None

    def __str__(self) -> str:
        # An f-string would freeze the notation into the text, where SageMaker does not look for it.
        raise TypeError(
            f"{self.to_json()} is known only when the pipeline runs: "
            "build the text with join(…), not with an f-string or str()"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_json()})"


Operand = Variable | Scalar


class Parameter(Variable):
    """A parameter of the pipeline. `kind` is String, Integer, Float or Boolean."""

    def __init__(
        self, name: str, kind: str, *, default: Scalar | None, choices: Sequence[Scalar] | None
    ) -> None:
        self.name, self.kind, self.default, self.choices = name, kind, default, choices
        self.is_text = kind == "String"

    def to_json(self) -> dict[str, Any]:
        return {"Get": f"Parameters.{self.name}"}

    def declaration(self) -> dict[str, Any]:
        declared: dict[str, Any] = {"Name": self.name, "Type": self.kind}
        if self.default is not None:
            declared["DefaultValue"] = render(self.default)
        if self.choices is not None:
            declared["EnumValues"] = render(list(self.choices))
        return declared


class ExecutionVariable(Variable):
    is_text = True

    def __init__(self, name: str) -> None:
        self.name = name

    def to_json(self) -> dict[str, Any]:
        return {"Get": f"Execution.{self.name}"}


class _Execution:
    """What SageMaker knows of the run itself (SageMaker SDK, `execution_variables.py`)."""

    id = ExecutionVariable("PipelineExecutionId")
    arn = ExecutionVariable("PipelineExecutionArn")
    pipeline_name = ExecutionVariable("PipelineName")
    pipeline_arn = ExecutionVariable("PipelineArn")
    start_datetime = ExecutionVariable("StartDateTime")
    current_datetime = ExecutionVariable("CurrentDateTime")
    training_job_name = ExecutionVariable("TrainingJobName")
    processing_job_name = ExecutionVariable("ProcessingJobName")


execution = _Execution()


class Property(Variable):
    """A property of a step: the path into what the job's Describe call answers.

    `step.properties.ModelArtifacts.S3ModelArtifacts`; list items by `[0]`, named outputs and map
    entries by `["name"]`. The path is checked against the Describe shape with the definition.
    """

    def __init__(self, step: str, path: str = "", *, is_text: bool = False) -> None:
        self._step, self._path, self.is_text = step, path, is_text

    def to_json(self) -> dict[str, Any]:
        return {"Get": f"Steps.{self._step}{self._path}"}

    def __getattr__(self, name: str) -> Property:
        if name.startswith("_"):  # what copy, pickle and the like ask for
            raise AttributeError(name)
        return Property(self._step, f"{self._path}.{name}")

    def __getitem__(self, key: str | int) -> Property:
        index = f"'{key}'" if isinstance(key, str) else str(key)
        return Property(self._step, f"{self._path}[{index}]")


class Metric(Variable):
    """A value inside a JSON report of a step, by its JsonPath without the leading `$.`."""

    def __init__(self, step: str, report: str, path: str) -> None:
        self._step, self._report, self._path = step, report, path

    def to_json(self) -> dict[str, Any]:
        file = {"Get": f"Steps.{self._step}.PropertyFiles.{self._report}"}
        return {"Std:JsonGet": {"PropertyFile": file, "Path": self._path}}


class Join(Variable):
    is_text = True

    def __init__(self, values: Sequence[Operand], on: str) -> None:
        self._values, self._on = list(values), on

    def to_json(self) -> dict[str, Any]:
        return {"Std:Join": {"On": self._on, "Values": render(self._values)}}


def join(*values: Operand, on: str = "") -> Join:
    """The values as one text, `on` between them, put together when the pipeline runs."""
    return Join(values, on)


class Immutable(str):
    """A literal URI whose content never changes, although no digest in it shows that."""


def immutable(uri: str) -> Immutable:
    """Lets a fixed S3 URI stand in a cached step's key.

    SageMaker compares URIs, never contents: new bytes under the same URI would be a cache hit.
    Say this only of what is never written again.
    """
    return Immutable(uri)


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition of a gate. `~a` negates, `a | b` is either; a gate's list is ANDed."""

    json: Mapping[str, Any]

    def __invert__(self) -> Condition:
        return Condition({"Type": "Not", "Condition": self.json})

    def __or__(self, other: Condition) -> Condition:
        return Condition({"Type": "Or", "Conditions": [*self._either(), *other._either()]})

    def _either(self) -> list[Any]:
        return list(self.json["Conditions"]) if self.json["Type"] == "Or" else [self.json]

    def to_json(self) -> dict[str, Any]:
        return dict(render(self.json))

    def __bool__(self) -> bool:
        raise TypeError(
            "a condition is decided when the pipeline runs: give it to gate(…); "
            "several conditions are ANDed, `a | b` is either, `~a` is not, is_in([…]) is membership"
        )


def text(value: Operand) -> Operand:
    """The value where SageMaker wants a String: literals are written out, variables converted."""
    if isinstance(value, Variable):
        return value if value.is_text else join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    # Anything else is no operand: it stays what it is, for the checks to name.
    return str(value) if isinstance(value, int | float) else value


def render(value: Any) -> Any:
    """The value as plain JSON; what cannot be written so is left for the checks to name."""
    if isinstance(value, Variable | Condition):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: render(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item) for item in value]
    return value


def _comparison(kind: str, left: Variable, right: object) -> Condition:
    return Condition({"Type": kind, "LeftValue": left.to_json(), "RightValue": render(right)})
