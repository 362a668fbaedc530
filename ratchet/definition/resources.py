"""What steps make in SageMaker: jobs, models, versions of models, endpoints.

A resource is shared by the step types that make it. Names of operations and of their members, the
ARN that a role needs and the prefix of log streams follow from its noun.
"""

from typing import NamedTuple

PREFIX = "pipelines-"
"""What the names begin with that SageMaker Pipelines gives to what it makes."""


class Resource(NamedTuple):
    """- `noun`: as in `Create<noun>`, `Describe<noun>`, `<noun>Name`, `<noun>Arn`.
    - `arn_path`: what its ARN says before its name.
    - `is_job`: it runs, is described and can be stopped.
    - `log_group`: where its containers write; "" when it has none.
    - `billed_as`: the component of the price list; "" when it is billed by nothing of its own.
    - `longest_name`, `has_prefix`: of the name that SageMaker gives it.
    - `starts_jobs`: it is a search whose jobs do the work.
    """

    noun: str
    arn_path: str
    is_job: bool = True
    log_group: str = ""
    billed_as: str = ""
    longest_name: int = 63
    has_prefix: bool = True
    starts_jobs: bool = False

    @property
    def create(self) -> str:
        return f"Create{self.noun}"

    @property
    def describe(self) -> str:
        return f"Describe{self.noun}"

    @property
    def name_member(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"

    @property
    def arn_pattern(self) -> str:
        """What a role must name to reach those that a pipeline makes."""
        return f"{self.arn_path}/{PREFIX if self.has_prefix else ''}*"

    def stream_prefix(self, name: str) -> str:
        """What the log streams of its containers begin with.

        On AWS each training of a search has streams of its own, named `<search>-001-…/algo-1-…`.
        """
        return name if self.starts_jobs else f"{name}/"


PROCESSING_JOB = Resource(
    noun="ProcessingJob",
    arn_path="processing-job",
    log_group="/aws/sagemaker/ProcessingJobs",
    billed_as="Processing",
)
TRAINING_JOB = Resource(
    noun="TrainingJob",
    arn_path="training-job",
    log_group="/aws/sagemaker/TrainingJobs",
    billed_as="Training",
)
TRANSFORM_JOB = Resource(
    noun="TransformJob",
    arn_path="transform-job",
    log_group="/aws/sagemaker/TransformJobs",
    billed_as="Transform",
)
TUNING_JOB = Resource(
    noun="HyperParameterTuningJob",
    arn_path="hyper-parameter-tuning-job",
    log_group=TRAINING_JOB.log_group,
    billed_as=TRAINING_JOB.billed_as,
    # botocore, `HyperParameterTuningJobName`: there is no room for the prefix of the others.
    longest_name=32,
    has_prefix=False,
    starts_jobs=True,
)
AUTO_ML_JOB = Resource(
    noun="AutoMLJob",
    arn_path="automl-job",
    log_group=PROCESSING_JOB.log_group,
    longest_name=32,  # botocore, `AutoMLJobName`
    has_prefix=False,
    starts_jobs=True,
)
# botocore, `JobArn`: `job/<category>/<name>`, so the prefix does not follow the slash.
JOB = Resource(noun="Job", arn_path="job", has_prefix=False)
MODEL = Resource(noun="Model", arn_path="model", is_job=False)
MODEL_PACKAGE = Resource(noun="ModelPackage", arn_path="model-package", is_job=False)
ENDPOINT_CONFIG = Resource(noun="EndpointConfig", arn_path="endpoint-config", is_job=False)
ENDPOINT = Resource(noun="Endpoint", arn_path="endpoint", is_job=False)
