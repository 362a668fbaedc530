"""Arguments of the SageMaker API calls that steps make, in SageMaker's own words.

Container paths: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html;
`sagemaker_program` and `sagemaker_submit_directory`: aws/sagemaker-training-toolkit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.authoring.variables import Operand, execution, join, text
from ratchet.settings.schema import ComputeSettings, StepSettings

CODE = "code"
"""The name of the processing input that holds the bundle."""

INPUT_FOLDER, OUTPUT_FOLDER = "/opt/ml/processing/input", "/opt/ml/processing/output"
# Each item of an entry point has at most 256 characters.
_UNPACK_AND_RUN = (
    f'cd "$(mktemp -d)" && tar -xzf {INPUT_FOLDER}/{CODE}/*.gz && exec python3 "$0" "$@"'
)
_UNPACK_INSTALL_AND_RUN = (
    f'cd "$(mktemp -d)" && tar -xzf {INPUT_FOLDER}/{CODE}/*.gz'
    " && python3 -m pip install --quiet -r requirements.txt"
    ' && exec python3 "$0" "$@"'
)
SPARK_ENTRY = [
    "/bin/bash",
    "-c",
    f'cd "$(mktemp -d)" && tar -xzf {INPUT_FOLDER}/{CODE}/*.gz && exec smspark-submit "$@"',
    "smspark-submit",
]
"""What comes behind it are the arguments of spark-submit, the script among them."""


@dataclass(frozen=True)
class Input:
    """Data that a job reads: what lies below an S3 URI, or what a manifest there lists.

    `sharded`: of several instances each reads its part. `mode`: File, FastFile or Pipe, of a
    training channel. `content_type`: what a built-in algorithm wants to know.
    """

    uri: Operand
    is_manifest: bool = False
    sharded: bool = False
    mode: str | None = None
    content_type: str | None = None

    @property
    def type(self) -> str:
        return "ManifestFile" if self.is_manifest else "S3Prefix"


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """What every job is given, whatever it does."""

    role_arn: str
    compute: ComputeSettings
    output_key_arn: str
    """The KMS key of what it writes; "" when there is none."""
    environment: Mapping[str, Operand]
    network: Mapping[str, Any]
    """The VpcConfig of its instances; empty when they join none."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A program that a bundle brings into an image. `entry`: its path in the bundle."""

    image: str
    code_uri: str
    entry: str
    has_requirements: bool = False
    """The bundle holds a requirements.txt. A training container installs it by itself; a processing
    container does not."""


def manifest(uri: Operand) -> Input:
    """Reads exactly the objects that a manifest lists.

    Its format: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    """
    return Input(uri, is_manifest=True)


def run_uri(artifacts_uri: str, pipeline: str, step: str, *path: str) -> Operand:
    """Where a step of one run writes: the execution id keeps runs apart."""
    return join(f"{artifacts_uri}/{pipeline}/runs", execution.id, "/".join([step, *path]), on="/")


def processing_job(
    settings: JobSettings,
    script: Script,
    *,
    inputs: Mapping[str, Operand | Input],
    outputs: Sequence[tuple[str, Operand]],
    arguments: Sequence[Operand],
) -> dict[str, Any]:
    """CreateProcessingJob: unpacks the bundle and runs its script.

    Input `n` is read at /opt/ml/processing/input/n, output `n` written to
    /opt/ml/processing/output/n.
    """
    return container_job(
        settings,
        image=script.image,
        entry=["/bin/bash", "-c", _entry(script), script.entry],
        inputs=[(CODE, script.code_uri), *inputs.items()],
        outputs=outputs,
        arguments=arguments,
    )


def _entry(script: Script) -> str:
    return _UNPACK_INSTALL_AND_RUN if script.has_requirements else _UNPACK_AND_RUN


def container_job(
    settings: JobSettings,
    *,
    image: str,
    entry: Sequence[Operand] = (),
    inputs: Iterable[tuple[str, Operand | Input]],
    outputs: Sequence[tuple[str, Operand]],
    arguments: Sequence[Operand] = (),
) -> dict[str, Any]:
    """CreateProcessingJob of any container, with folders as in `processing_job`."""
    container: dict[str, Any] = {"ImageUri": image}
    if entry:
        container["ContainerEntrypoint"] = [text(word) for word in entry]
    if arguments:
        container["ContainerArguments"] = [text(argument) for argument in arguments]
    compute = settings.compute
    return {
        "RoleArn": settings.role_arn,
        "AppSpecification": container,
        "ProcessingInputs": [_processing_input(name, uri) for name, uri in inputs],
        "ProcessingOutputConfig": {
            "Outputs": [_processing_output(name, uri) for name, uri in outputs],
            **encrypted(settings.output_key_arn),
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": compute.instance_type,
                "InstanceCount": compute.instance_count,
                "VolumeSizeInGB": compute.volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": compute.max_runtime_seconds},
        **({"NetworkConfig": joined} if (joined := vpc_config(settings.network)) else {}),
        **variables_of(settings),
    }


def encrypted(key_arn: str) -> dict[str, str]:
    """The key of what a job writes, where there is one."""
    return {"KmsKeyId": key_arn} if key_arn else {}


def folder_arguments(inputs: Iterable[str], outputs: Iterable[str]) -> list[str]:
    """`--<name> <folder>` for each input and output: a script that is told its folders runs as well
    by hand, in a test and in a runner that has no /opt/ml."""
    folders = [(name, INPUT_FOLDER) for name in inputs] + [
        (name, OUTPUT_FOLDER) for name in outputs
    ]
    return [part for name, base in folders for part in (f"--{name}", f"{base}/{name}")]


def property_files(reports: Mapping[str, str]) -> list[dict[str, str]]:
    """Reports (name → `<output>/<path>`) as a step declares them."""
    places = [(name, *place.partition("/")) for name, place in reports.items()]
    return [
        {"PropertyFileName": name, "OutputName": output, "FilePath": path}
        for name, output, _, path in places
    ]


def training_job(
    settings: JobSettings,
    script: Script,
    *,
    channels: Mapping[str, Operand | Input],
    output_uri: Operand,
    checkpoints_uri: str,
    hyperparameters: Mapping[str, Operand],
    metrics: Mapping[str, str],
) -> dict[str, Any]:
    """CreateTrainingJob in script mode: channel `n` is read at /opt/ml/input/data/n."""
    return algorithm_job(
        settings,
        image=script.image,
        channels=channels,
        output_uri=output_uri,
        checkpoints_uri=checkpoints_uri,
        hyperparameters={
            **hyperparameters,
            "sagemaker_program": script.entry,
            "sagemaker_submit_directory": script.code_uri,
        },
        metrics=metrics,
    )


def algorithm_job(
    settings: JobSettings,
    *,
    image: str,
    channels: Mapping[str, Operand | Input],
    output_uri: Operand,
    checkpoints_uri: str,
    hyperparameters: Mapping[str, Operand],
    metrics: Mapping[str, str],
) -> dict[str, Any]:
    """CreateTrainingJob of an image's own training program. `metrics`: name → regular expression.

    On spot instances it goes on from the checkpoints at `checkpoints_uri`.
    """
    algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": "File"}
    if metrics:
        algorithm["MetricDefinitions"] = [
            {"Name": name, "Regex": regex} for name, regex in metrics.items()
        ]
    compute = settings.compute
    job: dict[str, Any] = {
        "RoleArn": settings.role_arn,
        "AlgorithmSpecification": algorithm,
        "HyperParameters": {name: text(value) for name, value in hyperparameters.items()},
        "OutputDataConfig": {"S3OutputPath": output_uri, **encrypted(settings.output_key_arn)},
        **_training_resources(compute),
    }
    if compute.spot:
        job["EnableManagedSpotTraining"] = True
        job["CheckpointConfig"] = {"S3Uri": checkpoints_uri}
    if channels:
        job["InputDataConfig"] = [_channel(name, uri) for name, uri in channels.items()]
    return {**job, **vpc_config(settings.network), **variables_of(settings)}


def network_of(step: StepSettings) -> dict[str, Any]:
    """The network that a step's instances join, in SageMaker's words."""
    if not step.subnets:
        return {}
    return {"SecurityGroupIds": list(step.security_groups), "Subnets": list(step.subnets)}


def vpc_config(network: Mapping[str, Any]) -> dict[str, Any]:
    """The argument that names a network, where there is one."""
    return {"VpcConfig": dict(network)} if network else {}


def _training_resources(compute: ComputeSettings) -> dict[str, Any]:
    resources: dict[str, Any] = {
        "InstanceType": compute.instance_type,
        "InstanceCount": compute.instance_count,
        "VolumeSizeInGB": compute.volume_gb,
    }
    if compute.keep_alive_seconds:
        resources["KeepAlivePeriodInSeconds"] = compute.keep_alive_seconds
    limits = {"MaxRuntimeInSeconds": compute.max_runtime_seconds}
    if compute.spot:
        limits["MaxWaitTimeInSeconds"] = compute.longest_wait_seconds
    return {"ResourceConfig": resources, "StoppingCondition": limits}


def variables_of(settings: JobSettings) -> dict[str, Any]:
    """The environment of a job's container, where it has any."""
    variables = {key: text(value) for key, value in settings.environment.items()}
    return {"Environment": variables} if variables else {}


def overlaid(arguments: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with those of `over` laid on top, structure by structure; lists replace."""
    merged = dict(arguments)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = overlaid(below, value)
        else:
            merged[key] = value
    return merged


def _processing_input(name: str, data: Operand | Input) -> dict[str, Any]:
    source = data if isinstance(data, Input) else Input(data)
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": source.uri,
            "LocalPath": f"{INPUT_FOLDER}/{name}",
            "S3DataType": source.type,
            "S3InputMode": "File",
            **_dealt_out(source),
        },
    }


def _processing_output(name: str, uri: Operand) -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"{OUTPUT_FOLDER}/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def _channel(name: str, data: Operand | Input) -> dict[str, Any]:
    source = data if isinstance(data, Input) else Input(data)
    location = {"S3DataType": source.type, "S3Uri": source.uri, **_dealt_out(source)}
    channel = {"ChannelName": name, "DataSource": {"S3DataSource": location}}
    if source.content_type is not None:
        channel["ContentType"] = source.content_type
    if source.mode is not None:
        channel["InputMode"] = source.mode
    return channel


def _dealt_out(source: Input) -> dict[str, str]:
    return {"S3DataDistributionType": "ShardedByS3Key"} if source.sharded else {}
