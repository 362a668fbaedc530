"""Processing steps on a `sagemaker-spark-processing` image, by pyspark in local mode.

The image's program is `smspark-submit`, which takes spark-submit's options (SageMaker SDK,
`spark/processing.py`; aws/sagemaker-spark-container, `src/smspark/cli.py`).
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_IMAGE = "sagemaker-spark-processing"
_PROGRAM = "smspark-submit"
_SUBMIT = """\
import os, sys
from pyspark.find_spark_home import _find_spark_home
kept, words = [], iter(sys.argv[1:])
for word in words:
    if word in ("--local-spark-event-logs-dir", "--spark-event-logs-s3-uri"):
        next(words, None)
    else:
        kept.append(word)
submit = os.path.join(_find_spark_home(), "bin", "spark-submit")
os.execv(submit, [submit, "--master", "local[*]", *kept])
"""


def is_spark(application: Mapping[str, Any]) -> bool:
    """Whether an AppSpecification runs `smspark-submit` of the Spark image."""
    image, words = application.get("ImageUri"), application.get("ContainerEntrypoint") or []
    named = any(isinstance(word, str) and _PROGRAM in word for word in words)
    return isinstance(image, str) and _IMAGE in image and named


@functools.cache
def missing() -> str | None:
    """What this machine lacks to run Spark, and how to get it; None when nothing."""
    if importlib.util.find_spec("pyspark") is None:
        return "a Spark step needs pyspark here: pip install pyspark"
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else None
    if (java is None or not java.is_file()) and shutil.which("java") is None:
        return "a Spark step needs Java here: install Java 17, or set JAVA_HOME"
    return None


def install(folder: Path) -> None:
    """Put a `smspark-submit` into a folder of programs: pyspark's `spark-submit`, on this machine's
    processors, without the options that only the image's program has."""
    program = folder / _PROGRAM
    folder.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!{sys.executable}\n{_SUBMIT}")
    program.chmod(0o755)
