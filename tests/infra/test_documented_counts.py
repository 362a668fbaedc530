"""What the documentation counts in the templates is counted there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.infra.assembly import STACKS, Assembly

PERFORMANCE = Path(__file__).parents[2] / "docs" / "guides" / "performance.md"
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def test_the_page_on_performance_counts_the_resources_and_functions_of_a_loop(
    assembly: Assembly,
) -> None:
    resources = [
        resource
        for stack in STACKS
        for resource in assembly.templates[f"dev/{stack}"]["Resources"].values()
    ]
    functions = [r for r in resources if r["Type"] == "AWS::Lambda::Function"]
    text = PERFORMANCE.read_text(encoding="utf-8")
    assert re.findall(r"one loop of (\d+) resources", text) == [str(len(resources))]
    assert re.findall(r"code of (\w+) functions", text) == [_WORDS[len(functions)]]
