"""What the runner adds to the processes that it runs, and what a fully cached run costs.

    python tests/benchmarks/runner_overhead.py [--rounds N] [--json FILE]

Each round measures bare `python script.py` subprocesses and the runner alternately on the same
trivial script, one process at a time in both, so that the machine's load falls on both alike.
Figures are medians over the rounds. CPU is what the runner adds in CPU time, its own and the
processes'; it hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ratchet.runner import Access, Callbacks, FolderStorage, Identity, Result, StepCache, run

SIZES = (5, 100)
ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/benchmark"


class NoServices:
    callbacks = Callbacks()

    def send_message(self, queue_url: str, body: str) -> None:
        raise NotImplementedError

    def create_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> None:
        """Everybody may make everything."""

    def job_access(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Access:
        return Access()

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        raise NotImplementedError

    def register_model(self, arguments: dict[str, Any]) -> str:
        raise NotImplementedError

    def create_model(self, arguments: dict[str, Any]) -> str:
        raise AssertionError("no step here creates a model")

    def describe_model(self, name: str) -> Mapping[str, Any]:
        raise LookupError(name)

    def describe_model_package(self, name_or_arn: str) -> Mapping[str, Any]:
        raise LookupError(name_or_arn)

    def latest_approved(self, group: str) -> Mapping[str, Any] | None:
        return None


def plain_chain(count: int, script: Path) -> dict[str, Any]:
    """Steps that run the script, each after the one before."""
    steps = [
        {
            "Name": f"step-{number}",
            "Type": "Processing",
            "Arguments": {
                "AppSpecification": {
                    "ImageUri": "image",
                    "ContainerEntrypoint": ["python3", str(script)],
                }
            },
            **({"DependsOn": [f"step-{number - 1}"]} if number else {}),
        }
        for number in range(count)
    ]
    return {"Version": "2020-12-01", "Parameters": [], "Steps": steps}


def cached_chain(count: int) -> dict[str, Any]:
    """Cached steps with an input and an output each, the input being the output before."""
    copy = "cp -r /opt/ml/processing/input/. /opt/ml/processing/output"
    steps = []
    uri: Any = "s3://data/input"
    for number in range(count):
        name = f"step-{number:03}"  # no name is the prefix of another
        output = {"S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/output"}
        source = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/input"}
        steps.append(
            {
                "Name": name,
                "Type": "Processing",
                "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"},
                "Arguments": {
                    "AppSpecification": {
                        "ImageUri": "image",
                        "ContainerEntrypoint": ["/bin/sh", "-c", copy],
                    },
                    "ProcessingInputs": [{"InputName": "in", "S3Input": source}],
                    "ProcessingOutputConfig": {
                        "Outputs": [{"OutputName": "out", "S3Output": output}]
                    },
                },
            }
        )
        uri = {"Get": f"Steps.{name}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}
    return {"Version": "2020-12-01", "Parameters": [], "Steps": steps}


def execute(document: dict[str, Any], folder: Path, cache: StepCache | None) -> Result:
    number = time.monotonic_ns()
    result = run(
        document,
        identity=Identity(
            pipeline_name="benchmark",
            pipeline_arn=ARN,
            execution_id=str(number),
            execution_arn=f"{ARN}/execution/{number}",
            start_time=datetime.now(UTC),
        ),
        # A new storage each time: nothing is remembered from an earlier run in this process.
        storage=FolderStorage(folder / "s3"),
        services=NoServices(),
        workdir=folder / "work" / str(number),
        cache=cache,
    )
    if result.status != "Succeeded":
        raise SystemExit(f"the benchmark's run failed: {result.failure_reason}")
    return result


def seconds(action: Callable[[], object]) -> float:
    return cost(action)[0]


def cost(action: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and CPU seconds, those of child processes included."""
    before, began = os.times(), time.perf_counter()
    action()
    wall, after = time.perf_counter() - began, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def measure(rounds: int, folder: Path) -> dict[str, Any]:
    script = folder / "script.py"
    script.write_text("print('ready')\n")

    def bare(count: int) -> None:
        for _ in range(count):
            subprocess.run([sys.executable, str(script)], check=True, stdout=subprocess.DEVNULL)

    report: dict[str, Any] = {"python": sys.version.split()[0], "processors": os.cpu_count()}
    for count in SIZES:
        document = plain_chain(count, script)
        bare(1)
        execute(document, folder, None)
        pairs = [
            (cost(lambda: bare(count)), cost(lambda: execute(document, folder, None)))  # noqa: B023
            for _ in range(rounds if count > 10 else 4 * rounds)
        ]
        plain, ran = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
        added = [(ran[0] - plain[0], ran[1] - plain[1]) for plain, ran in pairs]
        report[f"steps_{count}"] = {
            "bare_ms_per_step": 1000 * plain / count,
            "runner_ms_per_step": 1000 * ran / count,
            "added_ms_per_step": 1000 * statistics.median(wall for wall, _ in added) / count,
            "added_cpu_ms_per_step": 1000 * statistics.median(cpu for _, cpu in added) / count,
            "ratio": ran / plain,
        }
    report["cached_100"] = _measure_cached(rounds, folder)
    return report


def _measure_cached(rounds: int, folder: Path) -> dict[str, Any]:
    document = cached_chain(100)
    FolderStorage(folder / "s3").write_bytes("s3://data/input/rows.csv", b"1,2\n" * 1000)
    first = seconds(lambda: execute(document, folder, StepCache(folder / "cache.sqlite3")))
    times = []
    for _ in range(3 * rounds):
        cache = StepCache(folder / "cache.sqlite3")
        times.append(seconds(lambda: _all_hits(execute(document, folder, cache))))  # noqa: B023
        cache.close()
    return {
        "first_run_s": first,
        "cached_run_s": statistics.median(times),
        "cached_ms_per_step": 10 * statistics.median(times),
        "ratio": statistics.median(times) / first,
    }


def _all_hits(result: Result) -> None:
    if not all(record.cache_hit_source for record in result.steps):
        raise SystemExit("the benchmark's second run was not served from the cache")


def show(report: dict[str, Any]) -> None:
    print(f"{'ms per step':24}{'bare':>9}{'runner':>9}{'added':>9}{'CPU':>9}{'ratio':>8}")
    for count in SIZES:
        row = report[f"steps_{count}"]
        print(
            f"{count:>4} steps in a chain    {row['bare_ms_per_step']:9.2f}"
            f"{row['runner_ms_per_step']:9.2f}{row['added_ms_per_step']:9.2f}"
            f"{row['added_cpu_ms_per_step']:9.2f}{row['ratio']:8.2f}"
        )
    row = report["cached_100"]
    print(
        f" 100 steps, all cached  {'':9}{row['cached_ms_per_step']:9.2f}{'':9}{row['ratio']:8.2f}"
    )
    print(f"targets: added ≤ 15 ms; 100 cached steps ≤ 0.3 s (took {row['cached_run_s']:.3f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runner-overhead-") as folder:
        report = measure(options.rounds, Path(folder))
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
