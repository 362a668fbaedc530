"""Time and memory of the drift analysis, beside what others need for the same question.

    python tests/benchmarks/drift_analysis.py [--rows 1000000] [--repeat 3]
        [--evidently /path/to/python] [--whylogs /path/to/python]

Twenty mixed columns are compared with a tenth as many baseline rows. Each tool runs as a fresh
process, in turn with the others, and is given what it needs: ours the baseline's two JSON files,
Evidently and whylogs the files of rows. A bare pandas `describe` of the same file, which says
nothing about drift, is the measure of the ratios. A tool whose interpreter is not given, or cannot
import it, is reported as not measured.
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
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
ANALYZE = str(ROOT / "ratchet/monitoring/analyze.py")

PANDAS = """
import sys, pandas as pd
path = sys.argv[1]
frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
frame.describe(include="all")
"""

PANDAS_CAPTURE = """
import json, sys, io, pandas as pd
lines = [json.loads(line) for line in open(sys.argv[1])]
text = "\\n".join(line["captureData"]["endpointInput"]["data"].strip() for line in lines)
pd.read_csv(io.StringIO(text), header=None).describe(include="all")
"""

EVIDENTLY = """
import sys, pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset
read = lambda path: pd.read_parquet(path).drop(columns=["request_id"])
report = Report([DataDriftPreset(), DataSummaryPreset()])
report.run(read(sys.argv[1]), read(sys.argv[2])).dict()
"""

# Profiles of both files and no comparison: that part of it needs further packages.
WHYLOGS = """
import sys, pandas as pd, whylogs as why
for path in sys.argv[1:3]:
    why.log(pd.read_parquet(path)).view().to_pandas()
"""


@dataclass(frozen=True)
class Tool:
    """A command and what it is measured against: `group` names the input all of them read."""

    name: str
    group: str
    command: list[str]


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mib: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--capture-rows", type=int, default=500_000)
    parser.add_argument("--evidently", help="an interpreter that can import evidently")
    parser.add_argument("--whylogs", help="an interpreter that can import whylogs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        # In a process of its own: Linux hands the peak memory of a parent on to its children.
        arguments = {"rows": given.rows, "captured": given.capture_rows}
        spawn = multiprocessing.get_context("spawn")
        writer = spawn.Process(target=write_data, args=(data,), kwargs=arguments)
        writer.start()
        writer.join()
        tools = [*own_tools(data), *peers(data, given)]
        runs = measure(tools, given.repeat)
    report(tools, runs, given)


def write_data(folder: Path, *, rows: int, captured: int) -> None:
    current = frame(rows, seed=1)
    current.to_parquet(folder / "current.parquet")
    current.to_csv(folder / "current.csv", index=False)
    baseline = frame(rows // 10, seed=0)
    baseline.to_parquet(folder / "baseline.parquet")
    write_capture(folder / "capture.jsonl", current.head(captured))
    source = ["--dataset-source", str(folder / "baseline.parquet"), "--dataset-format", "parquet"]
    output = ["--output-path", str(folder / "baseline"), "--container", str(folder / "ml")]
    subprocess.run([sys.executable, ANALYZE, *source, *output], check=True, capture_output=True)


def frame(rows: int, *, seed: int) -> pd.DataFrame:
    """Ten fractional columns (one with gaps), five integral, four of text and an identifier."""
    random = np.random.default_rng(seed)
    columns: dict[str, object] = {
        f"measure_{i}": random.normal(i, 1 + i / 10 + seed / 20, rows) for i in range(9)
    }
    columns["sparse"] = np.where(random.random(rows) < 0.2, np.nan, random.exponential(3, rows))
    columns |= {f"count_{i}": random.poisson(10 * (i + 1), rows) for i in range(4)}
    columns["epoch"] = random.integers(1_600_000_000, 1_700_000_000, rows)
    for name, distinct in (("carrier", 16), ("origin", 3), ("dest", 105), ("plane", 4000)):
        values = np.array([f"{name}-{i:04}" for i in range(distinct)])
        columns[name] = values[np.minimum(random.geometric(3 / distinct, rows), distinct) - 1]
    columns["request_id"] = np.char.add("r-", random.permutation(rows).astype(str))
    return pd.DataFrame(columns)


def write_capture(path: Path, rows: pd.DataFrame) -> None:
    """As SageMaker captures requests in CSV: one record a request."""
    answer = {
        "observedContentType": "text/csv",
        "mode": "OUTPUT",
        "data": "0.025",
        "encoding": "CSV",
    }
    with path.open("w") as file:
        for i, line in enumerate(rows.to_csv(index=False, header=False).splitlines()):
            request = {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": f"{line}\n",
                "encoding": "CSV",
            }
            record = {
                "captureData": {"endpointInput": request, "endpointOutput": answer},
                "eventMetadata": {
                    "eventId": f"aaaaaaaa-bbbb-cccc-dddd-{i:012}",
                    "inferenceTime": "2026-02-14T17:25:49Z",
                },
                "eventVersion": "0",
            }
            file.write(json.dumps(record) + "\n")


def own_tools(data: Path) -> list[Tool]:
    baseline = data / "baseline"
    common = [
        *("--output-path", str(data / "output"), "--container", str(data / "ml")),
        *("--baseline-statistics", str(baseline / "statistics.json")),
        *("--baseline-constraints", str(baseline / "constraints.json")),
    ]
    capture = json.dumps({"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}})
    inputs = {
        "Parquet": ("current.parquet", "parquet"),
        "CSV": ("current.csv", "csv"),
        "capture": ("capture.jsonl", capture),
    }
    tools = []
    for group, (file, form) in inputs.items():
        source = ["--dataset-source", str(data / file), "--dataset-format", form]
        tools.append(Tool("ratchet", group, [sys.executable, ANALYZE, *source, *common]))
        describe = PANDAS_CAPTURE if group == "capture" else PANDAS
        command = [sys.executable, "-c", describe, str(data / file)]
        tools.append(Tool("pandas describe", group, command))
    return tools


def peers(data: Path, given: argparse.Namespace) -> list[Tool]:
    files = [str(data / "current.parquet"), str(data / "baseline.parquet")]
    found = []
    for name, python, code in (
        ("evidently", given.evidently, EVIDENTLY),
        ("whylogs", given.whylogs, WHYLOGS),
    ):
        if python and importable(python, name):
            found.append(Tool(name, "Parquet", [python, "-c", code, *files]))
        else:
            sys.stdout.write(f"{name}: not measured (--{name} must name a Python that has it)\n")
    return found


def importable(python: str, module: str) -> bool:
    command = [python, "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def measure(tools: list[Tool], repeat: int) -> dict[str, list[Run]]:
    """Every tool once, then every tool again: a slow minute of the machine slows them all."""
    runs: dict[str, list[Run]] = {}
    for _ in range(repeat):
        for tool in tools:
            runs.setdefault(f"{tool.group}/{tool.name}", []).append(run(tool.command))
    return runs


def run(command: list[str]) -> Run:
    """Wall time and peak resident memory of a process, from start to exit."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{command[:3]} failed: {output.read().decode()[-2000:]}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Run(seconds, usage.ru_maxrss / unit)


def report(tools: list[Tool], runs: dict[str, list[Run]], given: argparse.Namespace) -> None:
    write = sys.stdout.write
    write(f"{given.rows:,} rows x 20 columns against {given.rows // 10:,}; ")
    write(f"medians of {given.repeat} fresh processes\n\n")
    write("| input | tool | seconds | peak MiB | time / pandas | memory / pandas |\n")
    write("|---|---|---|---|---|---|\n")
    for tool in tools:
        seconds, peak = medians(runs[f"{tool.group}/{tool.name}"])
        base_seconds, base_peak = medians(runs[f"{tool.group}/pandas describe"])
        write(f"| {tool.group} | {tool.name} | {seconds:.2f} | {peak:.0f} ")
        write(f"| {seconds / base_seconds:.2f} | {peak / base_peak:.2f} |\n")
    seconds, _ = medians(runs["capture/ratchet"])
    write(f"\ncaptured records a second, whole process: {given.capture_rows / seconds:,.0f}\n")


def medians(runs: list[Run]) -> tuple[float, float]:
    return (
        statistics.median(run.seconds for run in runs),
        statistics.median(run.peak_mib for run in runs),
    )


if __name__ == "__main__":
    main()
