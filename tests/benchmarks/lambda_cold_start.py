"""How long `start_pipeline` takes to be ready, against a process that makes one boto3 client.

    python tests/benchmarks/lambda_cold_start.py [--runs N] [--json]

Whole processes, in turn, medians. Ready means imported, with all its clients made, as after
Lambda's init phase; each process ends right there, without tidying up, since Lambda does not
either. Other work on the machine moves the wall time and its ratio; the ratio of processor time is
steadier.
To beat: 0.65 of `import boto3; boto3.client("sagemaker")`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

LAMBDAS = Path(__file__).resolve().parents[2] / "lambdas"
TO_BEAT = 0.65

PROGRAMS = {
    "interpreter": "pass",
    "boto3, one client": "import boto3; boto3.client('sagemaker')",
    "boto3, the same clients": (
        "import boto3; [boto3.client(name) for name in ('s3', 'sagemaker', 'sqs')]"
    ),
    "start_pipeline, ready": "import start_pipeline.handler",
    "resolve_champion, ready": "import resolve_champion.handler",
}
BASELINE = "boto3, one client"
END = "; import os; os._exit(0)"

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(LAMBDAS),
    "AWS_LAMBDA_FUNCTION_NAME": "start_pipeline",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "DATA_BUCKET": "data",
    "DATA_PREFIX": "raw/",
    "WINDOW": "0",
    "ARTIFACTS_BUCKET": "artifacts",
    "PIPELINE_NAME": "flights-dev-training",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/trigger",
    "SETTLE_SECONDS": "60",
    "MAX_WAIT_SECONDS": "900",
}


class Times(NamedTuple):
    """Seconds of one process: on the clock, and of processor time."""

    wall: float
    cpu: float


def times_of(program: str) -> Times:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program + END], env=ENVIRONMENT, check=True)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Times(wall=ended - started, cpu=cpu)


def measure(runs: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of each program, and their ratios to the baseline's."""
    for program in PROGRAMS.values():
        times_of(program)  # writes the .pyc files, and warms the file cache
    times: dict[str, list[Times]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name, program in PROGRAMS.items():
            times[name].append(times_of(program))
    medians = {
        name: Times(*(statistics.median(each) for each in zip(*measured, strict=True)))
        for name, measured in times.items()
    }
    base = medians[BASELINE]
    return {
        name: {
            "ms": round(median.wall * 1000, 1),
            "ratio": round(median.wall / base.wall, 3),
            "cpu_ms": round(median.cpu * 1000, 1),
            "cpu_ratio": round(median.cpu / base.cpu, 3),
        }
        for name, median in medians.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = measure(arguments.runs)
    ratio = results["start_pipeline, ready"]["ratio"]
    if arguments.json:
        print(json.dumps({"results": results, "ratio": ratio, "to_beat": TO_BEAT}, indent=1))
    else:
        for name, result in results.items():
            wall = f"{result['ms']:6.0f} ms × {result['ratio']:.2f}"
            print(f"{name:26} {wall}   cpu {result['cpu_ms']:6.0f} ms × {result['cpu_ratio']:.2f}")
        print(f"start_pipeline: × {ratio:.2f}, to beat × {TO_BEAT}")
    return 0 if ratio <= TO_BEAT else 1


if __name__ == "__main__":
    sys.exit(main())
