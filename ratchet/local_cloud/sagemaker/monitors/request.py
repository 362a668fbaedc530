"""The processing job of a monitoring run: what SageMaker makes of a job definition.

Paths and environment: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.local_cloud.sagemaker.monitors.windows import TrafficWindow, folder_of, iso
from ratchet.local_cloud.sagemaker.store import Body
from ratchet.local_cloud.sagemaker.table import DATA_QUALITY, Kind
from ratchet.loop import names

_OF_THE_CONTAINER = (
    "ContainerEntrypoint",
    "ContainerArguments",
    "RecordPreprocessorSourceUri",
    "PostAnalyticsProcessorSourceUri",
)
_BASELINE = "/opt/ml/processing/baseline"
_GROUND_TRUTH = "/opt/ml/processing/groundtruth"
# AWS's container joins each answer to its request, row by row, refuses two encodings, and leaves it
# to a RecordPreprocessorSourceUri to take the requests alone. There is no preprocessor here: data
# quality is that of requests, unless the definition's Environment has a dataset_format of its own.
_SIDES = {"DataQuality": ["endpointInput"], "ModelQuality": ["endpointInput", "endpointOutput"]}
NAMESPACES = {
    "DataQuality": names.DATA_NAMESPACE,
    "ModelQuality": names.MODEL_NAMESPACE,
}


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """A job's definition, and its owner."""

    kind: Kind
    definition: Body
    schedule: str
    capture_uri: str
    variants: tuple[str, ...]

    @property
    def quality(self) -> str:
        """``DataQuality`` or ``ModelQuality``."""
        return self.kind.name.removesuffix("JobDefinition")

    @property
    def endpoint_input(self) -> Body:
        """The captured traffic of an endpoint that the definition reads."""
        endpoint: Body = self._part("JobInput")["EndpointInput"]
        return endpoint

    @property
    def role(self) -> str:
        """The role of its jobs."""
        role: str = self.definition["RoleArn"]
        return role

    @property
    def image(self) -> str:
        """The analyzer's image."""
        return str(self._part("AppSpecification").get("ImageUri", ""))

    @property
    def not_run_here(self) -> list[str]:
        """Members of the definition that change what the container does, and that the analyzer of
        the local cloud would leave out."""
        application = self._part("AppSpecification")
        return [member for member in _OF_THE_CONTAINER if application.get(member)]

    def _part(self, name: str) -> Body:
        part: Body = self.definition.get(f"{self.quality}{name}") or {}
        return part

    def captured(self, window: TrafficWindow) -> list[tuple[str, str]]:
        """(S3 prefix, path in the container) of each hour of captured data."""
        endpoint, local = self.endpoint_input["EndpointName"], self.endpoint_input["LocalPath"]
        return [
            (f"{self.capture_uri.rstrip('/')}/{place}", f"{local.rstrip('/')}/{place}")
            for hour in window.hours
            for variant in self.variants
            for place in [f"{endpoint}/{variant}/{folder_of(hour)}"]
        ]

    def ground_truth(self, window: TrafficWindow) -> list[tuple[str, str]]:
        """(S3 prefix, path in the container) of each hour of labels."""
        uri = self._part("JobInput").get("GroundTruthS3Input", {}).get("S3Uri")
        if uri is None:
            return []
        places = [folder_of(hour) for hour in window.hours]
        return [(f"{uri.rstrip('/')}/{place}", f"{_GROUND_TRUTH}/{place}") for place in places]

    def request(
        self, window: TrafficWindow, inputs: Iterable[tuple[str, str, str]], *, job_name: str
    ) -> Body:
        """A CreateProcessingJob request; ``inputs`` are (name, S3 URI, path) of the data."""
        outputs = self._part("JobOutputConfig")
        output = outputs["MonitoringOutputs"][0]["S3Output"]
        key = {"KmsKeyId": outputs["KmsKeyId"]} if outputs.get("KmsKeyId") else {}
        place = f"{self.endpoint_input['EndpointName']}/{self.schedule}"
        report = f"{output['S3Uri'].rstrip('/')}/{place}/{folder_of(window.scheduled)}"
        baseline = list(self._baseline())
        application = self._part("AppSpecification")
        return {
            "ProcessingJobName": job_name,
            "ProcessingInputs": [
                _input(name, uri, path) for name, uri, path in [*baseline, *inputs]
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "monitoring_output",
                        "S3Output": {
                            "S3Uri": report,
                            "LocalPath": output["LocalPath"],
                            "S3UploadMode": output.get("S3UploadMode", "EndOfJob"),
                        },
                    }
                ],
                **key,
            },
            "ProcessingResources": self.definition["JobResources"],
            "StoppingCondition": self.definition.get("StoppingCondition")
            or {"MaxRuntimeInSeconds": 3600},
            "AppSpecification": {"ImageUri": application["ImageUri"]},
            "Environment": {
                **self._environment(window, output["LocalPath"], baseline),
                **application.get("Environment", {}),
            },
            "RoleArn": self.definition["RoleArn"],
        }

    def _baseline(self) -> Iterable[tuple[str, str, str]]:
        config = self._part("BaselineConfig")
        for what in ("statistics", "constraints"):
            uri = config.get(f"{what.capitalize()}Resource", {}).get("S3Uri")
            if uri:
                yield what, uri, f"{_BASELINE}/{what}"

    def _environment(
        self, window: TrafficWindow, output: str, baseline: Iterable[tuple[str, str, str]]
    ) -> dict[str, str]:
        source = self.endpoint_input
        environment = {
            "analysis_type": "DATA_QUALITY" if self.kind is DATA_QUALITY else "MODEL_QUALITY",
            "dataset_format": json.dumps(
                {"sagemakerCaptureJson": {"captureIndexNames": _SIDES[self.quality]}}
            ),
            "dataset_source": source["LocalPath"],
            "output_path": output,
            "publish_cloudwatch_metrics": "Disabled",
            "sagemaker_endpoint_name": source["EndpointName"],
            "sagemaker_monitoring_schedule_name": self.schedule,
            "start_time": iso(window.start),
            "end_time": iso(window.end),
        }
        for what, uri, path in baseline:
            environment[f"baseline_{what}"] = f"{path}/{uri.rsplit('/', 1)[1]}"
        if self.kind is not DATA_QUALITY:
            environment["ground_truth_source"] = _GROUND_TRUTH
            problem = self._part("AppSpecification").get("ProblemType")
            environment |= {"problem_type": problem} if problem else {}
        named = {
            "exclude_columns": "ExcludeFeaturesAttribute",
            "inference_attribute": "InferenceAttribute",
            "probability_attribute": "ProbabilityAttribute",
            "probability_threshold_attribute": "ProbabilityThresholdAttribute",
        }
        values = {name: source.get(member) for name, member in named.items()}
        return environment | {
            name: str(value) for name, value in values.items() if value is not None
        }


def _input(name: str, uri: str, path: str) -> Mapping[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": path,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"InputName": name, "S3Input": source}
