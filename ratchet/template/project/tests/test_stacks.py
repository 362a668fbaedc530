"""What is deployed, as a list to read in review. `make snapshots` accepts a change."""

import pytest

from ratchet.project import current
from ratchet_cdk.testing import assert_snapshot, synthesized
from stacks.loop import ModelLoop

project = current()


@pytest.mark.parametrize("environment", project.environments)
@pytest.mark.parametrize("model", project.models)
def test_the_stacks_are_as_the_snapshot_says(environment: str, model: str) -> None:
    loop = synthesized(ModelLoop, project, environment=environment, model=model)
    assert_snapshot(loop, project.root / "tests" / model / f"{environment}.txt")
