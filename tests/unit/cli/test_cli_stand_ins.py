"""`--stand-in STEP=FILE`: read and refused before anything is started."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.pipelines import stand_ins


def test_files_become_properties_by_step(tmp_path: Path) -> None:
    file = tmp_path / "emr.json"
    file.write_text('{"ClusterId": "j-1"}')
    assert stand_ins.parse([f"cluster={file}"]) == {"cluster": {"ClusterId": "j-1"}}


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[]", "holds no JSON object"), (None, "cannot read")],
)
def test_a_file_without_an_object_is_named(
    tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "a.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DeploymentError, match=message):
        stand_ins.parse([f"a={file}"])


@pytest.mark.parametrize("text", ["a", "=f", "a="])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(DeploymentError, match="STEP=FILE"):
        stand_ins.parse([text])


def test_on_aws_every_step_runs_itself() -> None:
    target = cast(Any, SimpleNamespace(local=False))
    with pytest.raises(DeploymentError, match="on AWS every step runs itself"):
        stand_ins.refuse_on_aws(target, {"cluster": {}})
