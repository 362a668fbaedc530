"""What a wake of `start_pipeline` costs for a window of many objects, without the network.

    python tests/benchmarks/trigger_snapshot.py [--objects N] [--json]

S3 is a stand-in that answers at once with what botocore's parser would give, so the figures are the
function's own work, in seconds of processor time: a first look (every object is new), a second look
(one object is new), and a look at nothing new. Peak memory is the whole process's.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lambdas"))

from start_pipeline import snapshot
from start_pipeline.data_bucket import DataBucket
from start_pipeline.records import RunRecords
from start_pipeline.window import DataWindow

PAGE = 1000
LANDED = datetime(2013, 1, 1, tzinfo=UTC)


class StandIn:
    """As much of an S3 client as a wake uses, over N objects in 12 partitions."""

    def __init__(self, objects: int) -> None:
        self.objects = objects
        self.written: dict[str, bytes] = {}
        self.requests = {"list": 0, "head": 0}

    def get_paginator(self, operation: str) -> StandIn:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        for first in range(0, self.objects, PAGE):
            self.requests["list"] += 1
            numbers = range(first, min(first + PAGE, self.objects))
            yield {"Contents": [self._listed(number) for number in numbers]}

    def _listed(self, number: int) -> dict[str, Any]:
        return {
            "Key": f"raw/2013-{number % 12 + 1:02}/station={number % 97}/part-{number:08}.parquet",
            "ETag": f'"{number:032x}"',
            "Size": 1_000_000 + number,
            "LastModified": LANDED.replace(second=number % 60),
        }

    def head_object(self, **given: Any) -> dict[str, Any]:
        self.requests["head"] += 1
        return {"ChecksumCRC64NVME": given["IfMatch"][:11] + "=" + given["IfMatch"][-8:]}

    def put_object(self, **given: Any) -> dict[str, Any]:
        self.written[given["Key"]] = given["Body"]
        return {"ETag": "written"}

    def get_object(self, **given: Any) -> dict[str, Any]:
        body = self.written[given["Key"]]
        return {"Body": Body(body), "ETag": "written"}


class Body:
    def __init__(self, text: bytes) -> None:
        self.text = text

    def read(self) -> bytes:
        return self.text


def look(data: DataBucket) -> tuple[DataWindow, str]:
    window = data.newest()
    return window, window.fingerprint


def content(data: DataBucket, records: RunRecords, window: DataWindow, known: Any) -> str:
    """From the window's objects to what a run reads, and the cache for the next wake."""
    found = data.identify(window.objects, known, until=time.monotonic() + 900, clock=time.monotonic)
    records.write_identities(window.objects, found.identities)
    made = snapshot.of(window.objects, found.identities, bucket=data.bucket)
    text = made.text()
    digest = snapshot.digest_of(text)
    records.write_content(made, text=text, digest=digest)
    return digest


def measure(objects: int) -> dict[str, Any]:
    """Processor seconds, requests and peak memory for a window of so many objects."""
    s3: Any = StandIn(objects)
    data = DataBucket(s3=s3, bucket="data", prefix="raw/", window=0)
    records = RunRecords(s3=s3, bucket="artifacts")
    started = time.process_time()
    window, _ = look(data)
    looked = time.process_time()
    content(data, records, window, {})
    first = time.process_time()
    heads = s3.requests["head"]
    s3.objects += 1
    window, _ = look(data)
    content(data, records, window, records.identities())
    second = time.process_time()
    return {
        "objects": objects,
        "seconds": {
            "nothing new": round(looked - started, 3),
            "all new": round(first - started, 3),
            "one new": round(second - first, 3),
        },
        "requests": {
            "listing": -(-objects // PAGE),
            "all new": heads,
            "one new": s3.requests["head"] - heads,
        },
        "written MiB": {
            key.rpartition("/")[2]: round(len(body) / 2**20, 2) for key, body in s3.written.items()
        },
        "peak MiB": round(peak_mib()),
    }


def peak_mib() -> float:
    """This process's peak memory. Not ru_maxrss where there is another way: on Linux a process
    starts with the peak of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = measure(arguments.objects)
    print(json.dumps(results, indent=None if arguments.json else 1))


if __name__ == "__main__":
    main()
