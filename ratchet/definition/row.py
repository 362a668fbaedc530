"""What a row of the table of step types says."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from ratchet.definition.grants import Grant
from ratchet.definition.resources import Resource

Selection = Mapping[str, Any]
"""Names of arguments → ALL, or a selection of the argument's parts."""

ALL: Selection = {}


class Properties(Enum):
    """What later steps may refer to."""

    DESCRIBED = "what its Describe operation answers"
    DECLARED = "its OutputParameters"
    LISTED = "the row's members, and nothing else"
    OPEN = "not known here: whatever the service answers"


class Beside(NamedTuple):
    """A required key that stands beside Arguments: what a helper calls it, and what to do."""

    key: str
    argument: str
    fix: str


class StepType(NamedTuple):
    """A row.

    - `makes`: what its API call makes; `is_named_by_service`: whether SageMaker names that.
    - `lists`: an operation whose answer is among the properties too.
    - `metadata`, `metadata_arn`: its member of `PipelineExecutionSteps[].Metadata`, and that
      member's with the ARN of what it made or called; "" when there is none.
    - `members`: its properties, where `properties` is LISTED.
    - `cache_key`: the arguments that SageMaker compares, None when it never caches the type;
      `cache_key_beside`: the keys beside Arguments that it compares too.
    - `is_retryable`: whether it takes RetryPolicies.
    - `outputs`: argument paths (`[*]`: any item) of URIs that a run writes below;
      `lasting_outputs`: of URIs whose content outlives a run by purpose.
    - `grants`: what its role needs beside making, describing and stopping jobs.
    - `aws_only`: why it cannot run on a laptop; "" when a runner exists.
    - `billed_elsewhere`: who bills what no instance of the definition tells; "" otherwise.
    """

    name: str
    makes: Resource | None = None
    is_named_by_service: bool = True
    lists: str = ""
    metadata: str = ""
    metadata_arn: str = "Arn"
    properties: Properties = Properties.DESCRIBED
    members: tuple[str, ...] = ()
    beside: Beside | None = None
    cache_key: Selection | None = None
    cache_key_beside: tuple[str, ...] = ()
    is_retryable: bool = False
    is_taggable: bool = True
    holds_branches: bool = False
    ends_run: bool = False
    outputs: tuple[str, ...] = ()
    lasting_outputs: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    aws_only: str = ""
    billed_elsewhere: str = ""

    @property
    def create(self) -> str | None:
        """The API's operation that takes its Arguments."""
        return self.makes.create if self.makes else None

    @property
    def describes(self) -> tuple[str, ...]:
        """Operations whose answers are its properties."""
        if self.makes is None or self.properties is not Properties.DESCRIBED:
            return ()
        return tuple(name for name in (self.makes.describe, self.lists) if name)

    @property
    def named_by_service(self) -> tuple[str, ...]:
        """Arguments that Pipelines fills in itself."""
        return (self.makes.name_member,) if self.makes and self.is_named_by_service else ()

    @property
    def job(self) -> Resource | None:
        """The job that it runs; None when it runs none."""
        return self.makes if self.makes and self.makes.is_job else None

    @property
    def metadata_member(self) -> str:
        return self.metadata or self.name

    @property
    def is_cached(self) -> bool:
        return self.cache_key is not None

    @property
    def is_free(self) -> bool:
        """Whether its steps run on no instance of their own. An endpoint costs by the day."""
        return not self.billed_elsewhere and not (self.makes and self.makes.billed_as)
