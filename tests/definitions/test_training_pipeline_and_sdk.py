"""Our training pipeline, and the same one as the SageMaker SDK v3 writes it."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from tests.sdk.compare import MEANT, unlike, unused
from tests.sdk.imports import golden

OURS = json.loads((Path(__file__).parent / "training.json").read_text())


def test_both_say_the_same_step_by_step_but_for_what_is_meant() -> None:
    assert unlike(OURS, golden("standard")) == []


def test_every_meant_difference_is_one_and_has_a_reason() -> None:
    assert unused(OURS, golden("standard")) == set()
    assert all(reason for _, reason in MEANT.values())


def test_any_other_difference_is_found() -> None:
    changed = copy.deepcopy(OURS)
    changed["Steps"][0]["Arguments"]["ProcessingInputs"][1]["S3Input"]["S3DataType"] = "S3Prefix"
    changed["Steps"][1]["Arguments"]["HyperParameters"]["eta"] = "0.2"
    del changed["Steps"][-1]["Arguments"]["IfSteps"][0]
    found = "\n".join(unlike(changed, golden("standard")))
    assert "prepare ProcessingInputs[1].S3Input.S3DataType: S3Prefix | ManifestFile" in found
    assert "train HyperParameters.eta: 0.2 | 0.1" in found
    assert "only one has the step baseline" in found
