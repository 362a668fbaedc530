"""What the demo and the rest of the loop do not notice when it is taken out of a policy, and why.

Patterns of the keys that ``mutations`` gives to pieces. A test fails for a piece that is noticed
and listed, and for one that is neither.
"""

from __future__ import annotations

from collections.abc import Mapping

PIPELINES: Mapping[str, str] = {
    "* permissions RecordExperiment": "SageMaker records no experiments on the local cloud",
    "* permissions ReadRegistered": "whether SageMaker looks at what it registered as the "
    "pipeline's role is not documented",
}
"""Statements of any pipeline's role."""

STATEMENTS: Mapping[str, str] = {
    **PIPELINES,
    "*/AccessLogsBucket* policy [12]": "S3 writes no access logs on the local cloud",
    "*/PipelineRole* permissions ListData": "a manifest names the objects: nothing lists them",
    "*/EvaluationPipelineRole* permissions ListLabelled": "as ListData",
    "*/MonitoringPipelineRole* permissions ListOwn": "as ListData; its one step reads no other's",
    "* permissions LookAtSearches": "no pipeline of this environment searches hyperparameters",
}

ACTIONS: Mapping[str, str] = {
    "* s3:AbortMultipartUpload": "asked when a transfer in parts is given up half-way",
    "* sagemaker:Stop*Job": "SageMaker's own call when a run is stopped",
    "* permissions LookAtJobs sagemaker:DescribeTransformJob": "nothing transforms here",
    "* permissions LookAtJobs sagemaker:DescribeTrainingJob": "LookAtSearches allows it too",
}
"""Beside every action of the statements above."""
