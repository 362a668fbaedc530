"""Spark steps: run by pyspark where it is, and refused with what is missing where it is not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ratchet.runner import CannotRunError
from ratchet.runner.step_types import spark
from tests.runner.workbench import Workbench, definition, processing

IMAGE = "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu"
SCRIPT = """
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
print("counted", session.range(5).count())
"""


def step() -> dict[str, Any]:
    script = "/opt/ml/processing/input/code/count.py"
    made = processing(
        "count",
        ["smspark-submit", "--local-spark-event-logs-dir", "/opt/ml/processing/logs", script],
        inputs={"code": "s3://code/count.py"},
    )
    made["Arguments"]["AppSpecification"]["ImageUri"] = IMAGE
    return made


def test_the_images_own_options_are_left_out_and_spark_runs_locally(tmp_path: Path) -> None:
    """By the program that the step finds, over a pyspark that only shows what it is given."""
    home = tmp_path / "pyspark"
    (home / "bin").mkdir(parents=True)
    (home / "__init__.py").touch()
    (home / "find_spark_home.py").write_text(f"def _find_spark_home(): return {str(home)!r}")
    submit = home / "bin" / "spark-submit"
    submit.write_text('#!/bin/sh\necho "$@"')
    submit.chmod(0o755)
    spark.install(tmp_path / "programs")
    words = ["--local-spark-event-logs-dir", "/x", "--py-files", "a.py", "b.py"]
    shown = subprocess.run(
        [tmp_path / "programs" / "smspark-submit", *words],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.split() == ["--master", "local[*]", "--py-files", "a.py", "b.py"]


def test_what_is_missing_is_said_before_anything_runs(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "missing", lambda: "a Spark step needs pyspark here")
    with pytest.raises(CannotRunError, match="needs pyspark here; or give its result"):
        workbench.run(definition(step()))


@pytest.mark.skipif(spark.missing() is not None, reason=str(spark.missing()))
def test_a_spark_step_counts_rows(workbench: Workbench) -> None:
    workbench.put("s3://code/count.py", SCRIPT)
    result = workbench.run(definition(step()))
    assert result.status == "Succeeded", result.failure_reason
    assert "counted 5" in workbench.observer.output("count")
