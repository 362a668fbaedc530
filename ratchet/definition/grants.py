"""What the role of a pipeline needs for a step's type, whatever the step's arguments say.

The jobs that a step makes are granted as its row's resource says. What depends on arguments, such
as a model package group, is code: `ratchet/permissions`.
"""

from typing import NamedTuple

from ratchet.definition.resources import MODEL, TUNING_JOB

NAMED_BY_SAGEMAKER = (
    "SageMaker names what a step makes; all it says beforehand is the prefix, if any."
)


class Grant(NamedTuple):
    """A statement of a policy.

    - `resource`: what follows `arn:<partition>:sagemaker:<region>:<account>:`, or `*`.
    - `wildcard`: why the resource cannot be narrower.
    """

    sid: str
    actions: tuple[str, ...]
    resource: str
    wildcard: str


MAKE_MODELS = Grant(
    sid="MakeModels",
    actions=("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:AddTags"),
    resource=MODEL.arn_pattern,
    wildcard=NAMED_BY_SAGEMAKER,
)
FIND_TRAININGS = Grant(
    sid="FindTrainings",
    actions=("sagemaker:ListTrainingJobsForHyperParameterTuningJob",),
    resource=TUNING_JOB.arn_pattern,
    wildcard=NAMED_BY_SAGEMAKER,
)
FIND_BASELINES = Grant(
    sid="FindBaselines",
    actions=("sagemaker:ListModelPackages",),
    resource="*",
    wildcard="The action knows no resource.",
)
