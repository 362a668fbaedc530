"""Data of a real size in the local cloud, beside a copy of the same file.

    python tests/benchmarks/local_data.py [--mebibytes N] [--files N] [--only {large,small}]
                                          [--json FILE]

One cloud: a processing step that is handed one large object, one that leaves a large file, two with
thousands of small ones, and boto3's transfers of the large one. Figures are wall seconds, from the
start of the execution to its end; `copy` is `shutil.copyfile` of the large file, before and after
(the slower one counts), and `copytree` of the small ones. `CPU` is what the server's process used
meanwhile, which a busy machine changes little; `memory` is the most that it had at any time. A step
may take 3 s more than the copy, thousands of files 3 s, a transfer 6 s, the server 300 MiB. All of
it is below the project, where clouds are: a folder for temporary
files may be slow to make files in, because ext4 passes by what was deleted there lately.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import boto3
import psutil
from botocore.config import Config

from ratchet.local_cloud import control

REGION = "us-east-1"
ROLE = "arn:aws:iam::000000000000:role/job"
BUCKET = "data"
ADDED_SECONDS = 3.0
FILES_SECONDS = 3.0
TRANSFER_SECONDS = 6.0
MEMORY_MIB = 300
_MEBIBYTE = 1 << 20


class Cloud:
    """A started cloud with a bucket and a role that may use it."""

    def __init__(self, folder: Path) -> None:
        endpoint = control.up(folder, region=REGION)
        self.process = psutil.Process(endpoint.pid)
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint.url,
            "region_name": REGION,
            "aws_access_key_id": endpoint.keys["key"],
            "aws_secret_access_key": endpoint.keys["secret"],
            "config": Config(s3={"addressing_style": "path"}),
        }
        self.s3, self._sagemaker = self._client("s3"), self._client("sagemaker")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self._make_role(self._client("iam"))

    def _client(self, service: str) -> Any:
        return boto3.client(service, **self._options)

    @staticmethod
    def _make_role(iam: Any) -> None:
        services = {"Service": "sagemaker.amazonaws.com"}
        trust = {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(
            RoleName="job", PolicyName="everything", PolicyDocument=json.dumps(document)
        )

    def run(self, name: str, command: str, *, source: str = "", target: str = "") -> Figure:
        """What an execution of one step takes."""
        self._sagemaker.create_pipeline(
            PipelineName=name, RoleArn=ROLE, PipelineDefinition=_definition(command, source, target)
        )
        return timed(lambda: self._execute(name), self.process)

    def _execute(self, name: str) -> None:
        arn = self._sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
        while (execution := self._described(arn))["PipelineExecutionStatus"] == "Executing":
            time.sleep(0.2)  # each look is a request that counts
        if execution["PipelineExecutionStatus"] != "Succeeded":
            raise SystemExit(f"the step {name} failed: {execution.get('FailureReason')}")

    def _described(self, arn: str) -> dict[str, Any]:
        described: dict[str, Any] = self._sagemaker.describe_pipeline_execution(
            PipelineExecutionArn=arn
        )
        return described


def _definition(command: str, source: str, target: str) -> str:
    arguments: dict[str, Any] = {
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "image",
            "ContainerEntrypoint": ["/bin/sh", "-c", command],
        },
    }
    if source:
        folder = "/opt/ml/processing/input"
        arguments["ProcessingInputs"] = [
            {"InputName": "in", "S3Input": {"S3Uri": source, "LocalPath": folder}}
        ]
    if target:
        folder = "/opt/ml/processing/output"
        outputs = [{"OutputName": "out", "S3Output": {"S3Uri": target, "LocalPath": folder}}]
        arguments["ProcessingOutputConfig"] = {"Outputs": outputs}
    step = {"Name": "step", "Type": "Processing", "Arguments": arguments}
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [step]})


@contextmanager
def watched(process: psutil.Process) -> Iterator[list[int]]:
    """The most memory that a process has, in bytes; the only element of the list."""
    most, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


@dataclass(frozen=True)
class Figure:
    """Seconds of the clock, and of the server's CPU."""

    wall: float
    cpu: float = 0.0


def timed(action: Callable[[], object], process: psutil.Process | None = None) -> Figure:
    began, used = time.perf_counter(), _cpu_seconds(process)
    action()
    return Figure(time.perf_counter() - began, _cpu_seconds(process) - used)


def _cpu_seconds(process: psutil.Process | None) -> float:
    return sum(process.cpu_times()[:2]) if process else 0.0


def measure(
    folder: Path, *, mebibytes: int, files: int, only: str | None
) -> tuple[dict[str, Figure], float]:
    """Figures by name, and the server's memory in MiB."""
    cloud = Cloud(folder / "cloud")
    figures: dict[str, Figure] = {}
    try:
        with watched(cloud.process) as memory:
            if only != "small":
                figures |= _large(cloud, _large_file(folder, mebibytes))
            if only != "large":
                figures |= _small(cloud, folder / "small", files)
    finally:
        control.down(folder / "cloud")
    return figures, memory[0] / _MEBIBYTE


def _large_file(folder: Path, mebibytes: int) -> Path:
    path = folder / "large"
    with path.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(_MEBIBYTE))
    return path


def _large(cloud: Cloud, large: Path) -> dict[str, Figure]:
    back, uri, server = large.with_name("back"), f"s3://{BUCKET}", cloud.process
    upload = functools.partial(cloud.s3.upload_file, str(large), BUCKET, "large/object")
    download = functools.partial(cloud.s3.download_file, BUCKET, "large/object", str(back))
    leave = f"cp {large} /opt/ml/processing/output/file"  # one more copy, in the figure
    return {
        "copy": timed(lambda: shutil.copyfile(large, back)),
        "boto3 upload_file": timed(upload, server),
        "boto3 download_file": timed(download, server),
        "step, large input": cloud.run("in", "true", source=f"{uri}/large/"),
        "step, large output": cloud.run("out", leave, target=f"{uri}/left/"),
        "copy again": timed(lambda: shutil.copyfile(large, back)),
    }


def _small(cloud: Cloud, folder: Path, files: int) -> dict[str, Figure]:
    uri = f"s3://{BUCKET}/many/"
    many = f"cd /opt/ml/processing/output; seq 1 {files} | split -l 1 -a 4 - row"
    count = f'test "$(ls /opt/ml/processing/input | wc -l)" = {files}'
    return {
        "step, small outputs": cloud.run("many-out", many, target=uri),
        "step, small inputs": cloud.run("many-in", count, source=uri),
        "copytree, small files": _copytree(folder, files),
    }


def _copytree(folder: Path, files: int) -> Figure:
    folder.mkdir()
    for number in range(files):
        (folder / str(number)).write_text(f"{number}\n")
    return timed(lambda: shutil.copytree(folder, folder.with_name("small-copy")))


def targets(figures: dict[str, Figure]) -> dict[str, float]:
    """The most seconds of the clock that each figure may be."""
    copies = [figures[name].wall for name in ("copy", "copy again") if name in figures]
    copied = max(copies, default=0.0) + ADDED_SECONDS
    limits = {
        "boto3 upload_file": TRANSFER_SECONDS,
        "boto3 download_file": TRANSFER_SECONDS,
        "step, large input": copied,
        "step, large output": copied,
        "step, small outputs": FILES_SECONDS,
        "step, small inputs": FILES_SECONDS,
    }
    return {name: limit for name, limit in limits.items() if name in figures}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--only", choices=("large", "small"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = {"mebibytes": options.mebibytes, "files": options.files}
    place = ROOT / ".ratchet"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        figures, memory = measure(Path(folder), **sizes, only=options.only)
    limits = targets(figures)
    print(f"{options.mebibytes} MiB, {options.files} files{'':<8}{'s':>8}{'at most':>10}{'CPU':>8}")
    for name, figure in figures.items():
        limit = f"{limits[name]:.1f}" if name in limits else ""
        print(f"{name:<26}{figure.wall:>8.2f}{limit:>10}{figure.cpu:>8.2f}")
    print(f"{'memory MiB':<26}{memory:>8.2f}{MEMORY_MIB:>10.1f}")
    if options.json:
        content = {name: asdict(figure) for name, figure in figures.items()}
        options.json.write_text(json.dumps({**content, "memory MiB": memory}, indent=2))
    above = [name for name, limit in limits.items() if figures[name].wall > limit]
    above += ["memory MiB"] if memory > MEMORY_MIB else []
    if above:
        sys.exit(f"above its target: {', '.join(above)}")


if __name__ == "__main__":
    main()
