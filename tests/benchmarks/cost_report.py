"""Time and memory of `ratchet costs` over 10,000 runs of 6 steps, beside a floor and two peers.

    python tests/benchmarks/cost_report.py [--runs 10000] [--days 90] [--repeat 3] [--json]

Each reads the same objects in a process of its own, in turn with the others. `ratchet` is the whole
report with everything in its overview; `over HTTP` is the same with boto3 listing and getting each
object from a server on the loopback. The floor reads the files by pyarrow and adds up one column.
The peers answer one of the report's questions (cost by pipeline and step): one by `json` into
dictionaries with Decimal, the other by pandas (floats). Exits with 1 above the target.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SECONDS, MIB = 3.0, 160
"""What a whole process may take."""

REPORT = """
import sys
from datetime import date
from pathlib import Path
from rich.console import Console
from ratchet.cli.views.cost_view import Drawing, overview
from ratchet.costs_report import period, recorded_rows, report
root, last = Path(sys.argv[1]), date(2026, 11, 26)
files = sorted(root.rglob("*.jsonl.gz"))
days = ((f.read_bytes(), date.fromisoformat(f.name[:10])) for f in files)
rows = [row for body, day in days for row in recorded_rows.read(body, day=day)]
asked = period.read("2020-01-01", None, today=last)
made = report.report(rows, by=None, period=asked, today=last)
from datetime import datetime
at = Drawing(now=datetime.now().astimezone(), width=140, prefix="flights-dev-")
for part in overview(made, at):
    Console(width=140).print(part)
"""

OVER_HTTP = """
import json, sys
from dataclasses import replace
import boto3
from ratchet.project import current
from ratchet.deployment.target import facts, environment as targets
from ratchet.cli.main import main
from ratchet.loop.facts import TrainingFacts
url = sys.argv[2]
session = boto3.Session("key", "secret", region_name="us-east-1")
project = current()
settings = project.settings("dev")
where = targets.Target(
    project=project, settings=settings, account="000000000000", region="us-east-1", endpoint=url,
    folder=None, session=session, variables={})
targets.open_target = lambda **_: where
names = ("pipeline", "role_arn", "data_bucket", "data_prefix", "output_key_arn", "code_uri",
         "model_package_group", "queue_url", "dead_letter_queue_url")
facts.read = lambda _: TrainingFacts(artifacts_bucket="artifacts", **dict.fromkeys(names, ""))
sys.argv = ["ratchet", "costs", "--since", "2020-01-01"]
main()
"""

FLOOR = """
import gzip, io, sys
from pathlib import Path
import pyarrow as pa, pyarrow.json, pyarrow.compute as pc
files = sorted(Path(sys.argv[1]).rglob("*.jsonl.gz"))
text = b"".join(gzip.decompress(file.read_bytes()) for file in files)
schema = pa.schema([("cost", pa.decimal128(18, 9))])
options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
print(pc.sum(pyarrow.json.read_json(io.BytesIO(text), parse_options=options)["cost"]))
"""

DICTIONARIES = """
import gzip, json, sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
sums = defaultdict(Decimal)
for file in sorted(Path(sys.argv[1]).rglob("*.jsonl.gz")):
    for line in gzip.open(file):
        row = json.loads(line, parse_float=Decimal)
        if row["cost"] is not None:
            sums[row["pipeline"], row["step"]] += row["cost"]
print(dict(sums))
"""

PANDAS = """
import gzip, io, sys
from pathlib import Path
import pandas as pd
text = "".join(gzip.open(f, "rt").read() for f in sorted(Path(sys.argv[1]).rglob("*.jsonl.gz")))
frame = pd.read_json(io.StringIO(text), lines=True)
print(frame.groupby(["pipeline", "step"])["cost"].sum())
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mib: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spawn = multiprocessing.get_context("spawn")
        writer = spawn.Process(target=write, args=(Path(folder), given.runs, given.days))
        writer.start()
        writer.join()
        server = serve(Path(folder))
        programs = {
            "pyarrow, one column (floor)": [FLOOR, folder],
            "ratchet": [REPORT, folder],
            "ratchet, over HTTP": [OVER_HTTP, folder, server],
            "json and dictionaries": [DICTIONARIES, folder],
            "pandas": [PANDAS, folder],
        }
        runs = measure(programs, given.repeat)
        sizes = [file.stat().st_size for file in Path(folder).rglob("*.jsonl.gz")]
    results = {name: medians(own) for name, own in runs.items()}
    if given.json:
        print(json.dumps({name: vars(one) for name, one in results.items()}))
    else:
        print(
            f"{given.runs:,} runs of 6 steps over {given.days} days: {len(sizes):,} objects, "
            f"{sum(sizes) / 2**20:.0f} MiB; medians of {given.repeat} fresh processes\n"
        )
        show(results)
    worst = results["ratchet, over HTTP"]
    sys.exit(worst.seconds > SECONDS or worst.peak_mib > MIB)


def write(folder: Path, runs: int, days: int) -> None:
    """In a process of its own: Linux hands the peak memory of a parent on to its children."""
    from tests.unit.costs_report.recorded_rows import objects

    for key, text in objects(runs=runs, days=days).items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def serve(folder: Path) -> str:
    """A server of the files as a bucket, in a process of its own; ends with this one."""
    spawn = multiprocessing.get_context("spawn")
    ready: Any = spawn.Queue()
    spawn.Process(target=_serve, args=(folder, ready), daemon=True).start()
    return f"http://127.0.0.1:{ready.get(timeout=60)}"


def _serve(folder: Path, ready: Any) -> None:
    keys = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jsonl.gz"))

    class Bucket(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one go: apart, the second waits for an acknowledgement

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            name = unquote(split.path).removeprefix("/artifacts").lstrip("/")
            body = (folder / name).read_bytes() if name else listing(keys, split.query)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    ready.put(server.server_address[1])
    server.serve_forever()


def listing(keys: list[str], query: str) -> bytes:
    """As much of ListObjectsV2 as a report asks for: pages of 1,000, folders, a first key."""
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    prefix = asked.get("prefix", "")
    after = asked.get("continuation-token") or asked.get("start-after", "")
    found = [key for key in keys if key.startswith(prefix) and key > after]
    if "delimiter" in asked:
        folders = sorted({prefix + key[len(prefix) :].partition("/")[0] + "/" for key in found})
        inner = "".join(f"<CommonPrefixes><Prefix>{f}</Prefix></CommonPrefixes>" for f in folders)
        return f"<ListBucketResult>{inner}</ListBucketResult>".encode()
    page, more = found[:1000], len(found) > 1000
    inner = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in page)
    token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
    truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    return f"<ListBucketResult>{truncated}{token}{inner}</ListBucketResult>".encode()


def measure(programs: dict[str, list[str]], repeat: int) -> dict[str, list[Run]]:
    """Every program once, then every one again: a slow minute of the machine slows them all."""
    runs: dict[str, list[Run]] = {}
    for _ in range(repeat):
        for name, program in programs.items():
            runs.setdefault(name, []).append(run([sys.executable, "-c", *program]))
    return runs


def run(command: list[str]) -> Run:
    """Wall time and peak resident memory of a process, from start to exit."""
    paths = {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "constructs")))}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=ROOT, env={**os.environ, **paths}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{command[2]} failed: {output.read().decode()[-3000:]}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Run(seconds, usage.ru_maxrss / unit)


def medians(runs: list[Run]) -> Run:
    return Run(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.peak_mib for run in runs),
    )


def show(results: dict[str, Run]) -> None:
    floor = results["pyarrow, one column (floor)"]
    print("| what | seconds | peak MiB | time / floor | memory / floor |")
    print("|---|---|---|---|---|")
    for name, one in results.items():
        print(
            f"| {name} | {one.seconds:.2f} | {one.peak_mib:.0f} "
            f"| {one.seconds / floor.seconds:.1f} | {one.peak_mib / floor.peak_mib:.1f} |"
        )


if __name__ == "__main__":
    main()
