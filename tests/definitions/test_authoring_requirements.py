"""The requirements file beside a script is part of its bundle."""

from __future__ import annotations

import pytest

from ratchet.authoring import Context, Pipeline
from tests.definitions.conftest import SOURCE, WriteSource

PIN = "small_thing==1.0\n"


def bundles(ctx: Context, name: str) -> dict[str, dict[str, bytes]]:
    p = Pipeline("trial", ctx)
    data = p.string("Data")
    prepare = p.processing("prepare", "steps/prepare.py", inputs={"raw": data}, outputs=["train"])
    p.training("train", "steps/train.py", channels={"train": prepare.outputs["train"]})
    p.definition()
    return {bundle.name: dict(bundle.files) for bundle in p.bundles}


@pytest.mark.parametrize("name", ["prepare", "train"])
def test_it_is_in_the_bundle_of_its_script_alone(
    ctx: Context, write_source: WriteSource, name: str
) -> None:
    write_source({**SOURCE, f"steps/{name}.requirements.txt": PIN})
    made = bundles(ctx, name)
    assert made[name]["requirements.txt"] == PIN.encode()
    (other,) = {"prepare", "train"} - {name}
    assert "requirements.txt" not in made[other]


def test_a_processing_step_installs_it_before_its_script(
    ctx: Context, write_source: WriteSource
) -> None:
    def entry() -> str:
        p = Pipeline("trial", ctx)
        p.processing(
            "prepare", "steps/prepare.py", inputs={"raw": p.string("Data")}, outputs=["train"]
        )
        (step,) = p.definition()["Steps"]
        words = step["Arguments"]["AppSpecification"]["ContainerEntrypoint"]
        assert max(map(len, words)) <= 256
        return str(words[2])

    assert "pip install" not in entry()
    write_source({**SOURCE, "steps/prepare.requirements.txt": PIN})
    assert entry().index("pip install --quiet -r requirements.txt") < entry().index("exec python3")
