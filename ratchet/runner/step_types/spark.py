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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_IMAGE = "sagemaker-spark-processing"
_PROGRAM = "smspark-submit"
_OWN_OPTIONS = ("--local-spark-event-logs-dir", "--spark-event-logs-s3-uri")


def is_spark(application: Mapping[str, Any]) -> bool:
    """Whether an AppSpecification runs `smspark-submit` of the Spark image."""
    image, words = application.get("ImageUri"), application.get("ContainerEntrypoint") or []
    return isinstance(image, str) and _IMAGE in image and bool(words) and words[0] == _PROGRAM


@functools.cache
def missing() -> str | None:
    """What this machine lacks to run Spark, and how to get it; None when nothing."""
    if importlib.util.find_spec("pyspark") is None:
        return "a Spark step needs pyspark here: pip install pyspark"
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else None
    if (java is None or not java.is_file()) and shutil.which("java") is None:
        return "a Spark step needs Java here: install Java 17, or set JAVA_HOME"
    return None


def command(words: Sequence[str]) -> list[str]:
    """`smspark-submit …` as pyspark's `spark-submit` on this machine's processors."""
    kept: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word in _OWN_OPTIONS:
            next(rest, None)
        else:
            kept.append(word)
    launch = "import sys; from pyspark.find_spark_home import _find_spark_home as home; import os; "
    launch += "submit = os.path.join(home(), 'bin', 'spark-submit'); "
    launch += "os.execv(submit, [submit, *sys.argv[1:]])"
    return [sys.executable, "-c", launch, "--master", "local[*]", *kept]
