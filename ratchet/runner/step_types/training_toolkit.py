"""What the training toolkit in SageMaker's images makes of a training job's request.

Names and spellings: `ENVIRONMENT_VARIABLES.md`, `environment.py` and `mapping.py` of
aws/sagemaker-training-toolkit.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.runner.container import Container
from ratchet.runner.report import ProblemList

_GROUP = "homogeneousCluster"
_LONGEST_ERROR = 600


def decode(value: Any) -> Any:
    """A hyperparameter as the script sees it: its JSON value, or else the text itself."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def command_of(program: str, *, python: str = sys.executable) -> list[str]:
    """How a program of a code bundle is started: a shell script, a file or a module of Python."""
    if program.endswith(".sh"):
        return ["/bin/sh", program]
    return [python, program] if program.endswith(".py") else [python, "-m", program]


def failure_message(
    words: Sequence[str], configuration: Configuration, exit_code: int, error: str
) -> str:
    """The toolkit's words for a script that failed; a long error keeps its end."""
    if len(error) > _LONGEST_ERROR:
        error = "…" + error[-_LONGEST_ERROR:]
    command = " ".join(["python3" if word == sys.executable else word for word in words])
    arguments = " ".join(configuration.user_arguments())
    return (
        f"ExecuteUserScriptError:\nExitCode {exit_code}\n"
        f'ErrorMessage "{error}"\nCommand "{command} {arguments}"'.rstrip()
    )


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A training request in the toolkit's terms, as one host of the job sees it."""

    hyperparameters: Mapping[str, str]
    channels: Mapping[str, Mapping[str, str]]
    instance_type: str
    host: str
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, arguments: Mapping[str, Any], container: Container) -> Configuration:
        """Read a CreateTrainingJob request whose references are resolved."""
        algorithm = arguments.get("AlgorithmSpecification") or {}
        return cls(
            hyperparameters=arguments.get("HyperParameters") or {},
            channels={
                channel["ChannelName"]: _channel(channel, algorithm)
                for channel in arguments.get("InputDataConfig") or []
            },
            instance_type=(arguments.get("ResourceConfig") or {}).get("InstanceType", "local"),
            host=container.host,
            hosts=container.hosts,
        )

    def files(self) -> dict[str, Any]:
        """Contents of the files in /opt/ml/input/config, by name without `.json`."""
        return {
            "hyperparameters": self.hyperparameters,
            "resourceconfig": self._resources(),
            "inputdataconfig": self.channels,
        }

    def user_arguments(self) -> list[str]:
        """The script's command line: every hyperparameter of its own, by name."""
        words: list[str] = []
        for name, value in sorted(self._user_hyperparameters().items()):
            words.append(f"-{name}" if len(name) == 1 else f"--{name}")
            if isinstance(value, Mapping):
                words.append(",".join(f"{key}={item}" for key, item in sorted(value.items())))
            else:
                words.append("" if value is None else str(value))
        return words

    def variables(self, *, program: str, directory: str, container: Container) -> dict[str, str]:
        """The SM_ variables, paths rewritten into the container's root."""
        facts = self._facts(program, directory)
        environment: dict[str, Any] = {
            **facts,
            "hps": facts["hyperparameters"],
            "framework_params": facts["additional_framework_parameters"],
            "channels": sorted(self.channels),
            "user_args": self.user_arguments(),
            "training_env": facts,
            **{f"channel_{name}": path for name, path in facts["channel_input_dirs"].items()},
            **{f"hp_{name}": value for name, value in facts["hyperparameters"].items()},
        }
        for name in ("hyperparameters", "additional_framework_parameters", "channel_input_dirs"):
            del environment[name]
        return {
            f"SM_{name.upper()}": _variable(container.rewrite(value))
            for name, value in environment.items()
        }

    def _user_hyperparameters(self) -> dict[str, Any]:
        return {
            name: decode(value)
            for name, value in self.hyperparameters.items()
            if not name.startswith("sagemaker_") and name != "_tuning_objective_metric"
        }

    def _resources(self) -> dict[str, Any]:
        group = {
            "instance_group_name": _GROUP,
            "instance_type": self.instance_type,
            "hosts": list(self.hosts),
        }
        return {
            "current_host": self.host,
            "current_instance_type": self.instance_type,
            "current_group_name": _GROUP,
            "hosts": list(self.hosts),
            "instance_groups": [group],
            "network_interface_name": "eth0",
        }

    def _facts(self, program: str, directory: str) -> dict[str, Any]:
        resources = self._resources()
        return {
            "additional_framework_parameters": {
                name: decode(value)
                for name, value in self.hyperparameters.items()
                if name.startswith("sagemaker_") and name not in _TOOLKIT_PARAMETERS
            },
            "channel_input_dirs": {name: f"/opt/ml/input/data/{name}" for name in self.channels},
            "current_host": self.host,
            "current_instance_group": _GROUP,
            "current_instance_group_hosts": list(self.hosts),
            "current_instance_type": self.instance_type,
            "distribution_hosts": list(self.hosts),
            "distribution_instance_groups": [],
            "framework_module": None,
            "hosts": list(self.hosts),
            "hyperparameters": self._user_hyperparameters(),
            "input_config_dir": "/opt/ml/input/config",
            "input_data_config": self.channels,
            "input_dir": "/opt/ml/input",
            "instance_groups": [_GROUP],
            "instance_groups_dict": {_GROUP: resources["instance_groups"][0]},
            "is_hetero": False,
            "is_master": self.host == self.hosts[0],
            "log_level": 20,
            "master_hostname": self.hosts[0],
            "model_dir": "/opt/ml/model",
            "module_dir": directory,
            "module_name": program.removesuffix(".py"),
            "network_interface_name": "eth0",
            "num_cpus": os.cpu_count() or 1,
            "num_gpus": 0,
            "num_neurons": 0,
            "output_data_dir": "/opt/ml/output/data",
            "output_dir": "/opt/ml/output",
            "output_intermediate_dir": "/opt/ml/output/intermediate",
            "resource_config": resources,
            "user_entry_point": program,
        }


_TOOLKIT_PARAMETERS = frozenset(
    {
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_region",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_s3_output",
    }
)


def _channel(channel: Mapping[str, Any], algorithm: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    described = {
        "TrainingInputMode": channel.get("InputMode") or algorithm.get("TrainingInputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        described["ContentType"] = channel["ContentType"]
    return described


def _variable(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def check_metrics(definitions: Any, place: str, report: ProblemList) -> None:
    """Report metric definitions without a usable regular expression."""
    for at, item in report.objects(definitions or [], f"{place}.MetricDefinitions"):
        if report.require(item, at, "Name", "Regex"):
            try:
                re.compile(item["Regex"])
            except (re.error, TypeError) as error:
                report.add(f"{at}.Regex", f"{item['Regex']!r} is no regular expression: {error}")


class LogMetrics:
    """Finds a job's metrics in its log by the regular expressions of MetricDefinitions."""

    def __init__(self, definitions: Sequence[Mapping[str, str]]) -> None:
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]
        self._last: dict[str, dict[str, Any]] = {}

    def read(self, line: str) -> None:
        """Take a metric's value from a line, if it has one. The last one counts."""
        for name, pattern in self._patterns:
            match = pattern.search(line)
            if match is None:
                continue
            try:
                value = float(match[1] if pattern.groups else match[0])
            except ValueError:
                continue
            self._last[name] = {"MetricName": name, "Value": value, "Timestamp": time.time()}

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList of the Describe answer."""
        return list(self._last.values())
