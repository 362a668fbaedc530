"""The test of a promoted script, and where its recorded data lie."""

from __future__ import annotations


def test_file(name: str) -> str:
    return f"test_{name}.py"


def test_text(*, model: str, name: str, step: str, source: str) -> str:
    """A test that holds what the script makes against what the notebook made.

    Args:
        name: of the script, without a suffix.
        source: the notebook's path in the project.
    """
    function = f"test_{name}_makes_of_the_recorded_input_what_the_notebook_made"
    return f'''"""The script of the step `{step}` against {source}, on recorded data.

In recorded/{name}/: what the step took and made when it was promoted, the first rows of it.
"""

from pathlib import Path

from ratchet.notebooks.kernel.promoted import differences

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "steps" / "{model}" / "{name}.py"
RECORDED = ROOT / "tests" / "{model}" / "recorded" / "{name}"


def {function}() -> None:
    assert differences(str(SCRIPT), str(RECORDED)) == []
'''
