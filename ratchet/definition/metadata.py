"""What SageMaker says of a step that ran: `PipelineExecutionSteps[].Metadata`.

It has one member, which tells the step's type: its name, and its own member with the ARN of what
the step made or called, are columns of the table of step types.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from ratchet.definition.resources import MODEL_PACKAGE, Resource
from ratchet.definition.row import Properties, StepType
from ratchet.definition.step_types import row_of_metadata


class StepMetadata(NamedTuple):
    """`member`: "" when SageMaker says nothing of the step; `about`: what the member holds."""

    member: str
    about: Mapping[str, Any]

    @property
    def row(self) -> StepType | None:
        """Of the step's type; None: it is not known."""
        return row_of_metadata(self.member)

    @property
    def type_name(self) -> str:
        """The step's type; the member where the table has no such type."""
        return self.row.name if self.row else self.member

    @property
    def arn(self) -> str:
        """Of what the step made or called; "" when it is not named."""
        members = (self.row.metadata_arn,) if self.row else ("Arn", "CheckJobArn")
        return next((str(self.about[name]) for name in members if self.about.get(name)), "")

    @property
    def made(self) -> tuple[Resource, str] | None:
        """What the step made in SageMaker, and its name there; None when that is not named."""
        makes = self.row.makes if self.row else None
        return (makes, self.arn.rpartition("/")[2]) if makes and self.arn else None

    @property
    def job(self) -> tuple[Resource, str] | None:
        """The job that did the step's work, and its name."""
        return self.made if self.made and self.made[0].is_job else None

    @property
    def model_package_arn(self) -> str:
        """Of the version that the step registered; "" when it registered none."""
        return self.arn if self.row and self.row.makes is MODEL_PACKAGE else ""

    @property
    def outcome(self) -> bool | None:
        """How a gate decided; None for other steps, and before it has."""
        decided = self.about.get("Outcome") if self.row and self.row.holds_branches else None
        return None if decided is None else decided == "True"

    @property
    def ends_run(self) -> bool:
        return self.row is not None and self.row.ends_run

    @property
    def verdict(self) -> str:
        """Why the run ended itself; "" for a step that does not end runs."""
        return str(self.about.get("ErrorMessage") or "") if self.ends_run else ""

    @property
    def function_arn(self) -> str:
        """Of the Lambda function that the step called; "" when it called none."""
        row = self.row
        return self.arn if row and row.properties is Properties.DECLARED else ""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What a function or a queue's reader answered."""
        answered = self.about.get("OutputParameters") or ()
        return {item["Name"]: item["Value"] for item in answered}


AnyStep = TypeVar("AnyStep")


def failed_step(
    failed: Iterable[AnyStep], metadata: Callable[[AnyStep], StepMetadata]
) -> AnyStep | None:
    """Of the steps that failed, in the order in which they started, the one that says why the run
    did: one that ended the run itself before any other, because it carries the run's own message.
    """
    steps = list(failed)
    ended = [step for step in steps if metadata(step).ends_run]
    return next(iter(ended or steps), None)


def step_metadata(step: Mapping[str, Any]) -> StepMetadata:
    """Of an item of ListPipelineExecutionSteps."""
    for member, about in (step.get("Metadata") or {}).items():
        return StepMetadata(member, about or {})
    return NO_METADATA


NO_METADATA = StepMetadata("", {})
"""Of a step that SageMaker says nothing of."""
