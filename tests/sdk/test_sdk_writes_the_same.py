"""What the installed SageMaker SDK writes today, against what is in the repository.

`make test-sdk` runs this where the SDK is: RATCHET_SDK_PYTHON is the interpreter that has it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ratchet.imported import Carried, carry
from tests.sdk.imports import BUCKET, FOLDER, GOLDEN, MAPS, copied_uploads, golden

PYTHON = os.environ.get("RATCHET_SDK_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="needs the SageMaker SDK: make test-sdk")


def made(program: str, folder: Path, *more: str) -> dict[str, Any]:
    ended = subprocess.run(
        [PYTHON, str(FOLDER / program), str(folder), *more],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    read: dict[str, Any] = json.loads((folder / "definition.json").read_text())
    return read


def timeless(definition: dict[str, Any]) -> str:
    """Without the time at which code was uploaded, and without the digests by which the
    SDK names code: the checkout's folder is a part of them."""
    text = re.sub(r"train-\d{14}", "train-<time>", json.dumps(definition, indent=2))
    text = re.sub(r"/input-[\d-]+", "/input-<time>", text)
    return re.sub(r"/code/[0-9a-f]{64}/", "/code/<digest>/", text)


def test_the_sdk_still_writes_the_standard_pipeline_as_it_did(tmp_path: Path) -> None:
    assert made("standard_v3.py", tmp_path) == golden("standard")


def test_the_sdk_still_writes_every_step_as_it_did(tmp_path: Path) -> None:
    assert timeless(made("every_step_v3.py", tmp_path)) == timeless(golden("v3"))


def test_the_sdk_still_writes_a_notebook_job_as_it_did(tmp_path: Path) -> None:
    assert timeless(made("notebook_v3.py", tmp_path)) == timeless(golden("notebook"))


def test_what_the_sdk_uploads_is_taken_in_from_a_copy_of_its_bucket(tmp_path: Path) -> None:
    definition = made("every_step_v3.py", tmp_path, "drivers")
    assert timeless(definition) == timeless(golden("v3-drivers"))
    code = copied_uploads(tmp_path)
    carried: Carried = carry(definition, name="house-prices", code=code, maps=MAPS)
    assert "sm_train.sh" in carried.stored.folders["Train/sm_drivers"]
    assert "train.py" in carried.stored.folders["Train/code"]
    assert BUCKET not in json.dumps(carried.stored.definition)


def test_the_versions_that_wrote_them_are_the_locked_ones() -> None:
    lock = (FOLDER.parents[1] / "requirements-sagemaker.lock").read_text()
    for version in ("v3", "v3-drivers", "standard", "notebook"):
        for name, number in json.loads((GOLDEN / version / "versions.json").read_text()).items():
            assert re.search(rf"^{name}=={re.escape(number)}\b", lock, re.MULTILINE), name
