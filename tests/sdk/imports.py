"""The SDK's pipelines as the tests take them in."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from ratchet.imported import Carried, Maps, carry
from ratchet.imported.code import CodeSource

FOLDER = Path(__file__).parent
GOLDEN, SCRIPTS = FOLDER / "golden", FOLDER / "scripts"
BUCKET = "s3://sagemaker-us-east-1-111122223333"
TELL = "arn:aws:lambda:us-east-1:111122223333:function:tell-the-team"
HERE = "arn:aws:lambda:${ratchet:region}:${ratchet:account}:function:tell-the-team"
MAPS = Maps(buckets={"s3://acme-landing": "data"}, arns={TELL: HERE})


def golden(version: str) -> dict[str, Any]:
    """What the SDK wrote, as it is in the repository; a new object each time."""
    read: dict[str, Any] = json.loads((GOLDEN / version / "definition.json").read_text())
    return read


def scripts_of_steps(archive: Path) -> list[CodeSource]:
    """What its author types: the scripts that the SDK uploaded, by step.

    `archive`: where the training code is put as a tar.gz, as its author has it.
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for file in sorted(SCRIPTS.glob("*.py")):
            tar.add(file, arcname=file.name)
    archive.write_bytes(content.getvalue())
    return [
        CodeSource(key="Prepare", path=SCRIPTS / "prepare.py"),
        CodeSource(key="Evaluate", path=SCRIPTS / "evaluate.py"),
        CodeSource(key="Train", path=archive),
    ]


def taken_in(version: str, folder: Path) -> Carried:
    """The golden definition, carried over with everything it needs."""
    code = scripts_of_steps(folder / "sourcedir.tar.gz")
    return carry(golden(version), name="house-prices", code=code, maps=MAPS)


def copied_uploads(made: Path) -> list[CodeSource]:
    """What a script of this folder left: the bucket's copy, as `aws s3 sync` would make it."""
    return [CodeSource(key=BUCKET, path=made / "uploads" / BUCKET.removeprefix("s3://"))]
