"""Milliseconds of CPU to read a definition of about 100 steps, and to check what it refers to.

Target: 5 ms for reading, the steps' references, what each needs, and cycles. Parsing the JSON, as
any reader must, is the floor. Authoring's checks of every argument are shown beside it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ratchet.authoring.checks import check
from ratchet.definition.document import Document, read

TRAINING = Path(__file__).parents[1] / "definitions" / "training.json"
STEPS, TARGET_MILLISECONDS, ROUNDS = 99, 5.0, 40


def definition() -> dict[str, Any]:
    """The training pipeline again and again, each copy with its own names: 11 times nine steps."""
    text = TRAINING.read_text("utf-8")
    copies: list[Any] = []
    names = [step.name for step in read(text).steps]
    while len(copies) * len(names) < STEPS:
        prefix = f"c{len(copies)}-"
        copy = text.replace('"Steps.', f'"Steps.{prefix}')
        for name in names:
            copy = copy.replace(f'"Name": "{name}"', f'"Name": "{prefix}{name}"')
        copies.append(json.loads(copy)["Steps"])
    return {**json.loads(text), "Steps": [step for copy in copies for step in copy]}


def read_and_checked(text: str) -> Document:
    document = read(text)
    for step in document.steps:
        assert all(not reference.fault for _, reference in step.references)
        assert step.needs <= document.by_name.keys()
    assert not document.violations
    assert not document.cycle
    return document


def milliseconds(work: Callable[[], object]) -> float:
    least = float("inf")
    for _ in range(ROUNDS):  # CPU time, and the least: the machine's other work only adds
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return 1000 * least


def main() -> int:
    body = definition()
    text = json.dumps(body)
    document = read_and_checked(text)
    references = sum(len(step.references) for step in document.steps)
    print(f"{len(document.steps)} steps, {references} references, {len(text):,} characters")
    print(f"{milliseconds(lambda: json.loads(text)):6.2f} ms  its JSON is parsed")
    print(f"{milliseconds(lambda: read(body)):6.2f} ms  its object is read")
    least = milliseconds(lambda: read_and_checked(text))
    print(f"{least:6.2f} ms  its text is read and checked, of at most {TARGET_MILLISECONDS} ms")
    print(f"{milliseconds(lambda: check(body, name='p')):6.2f} ms  authoring checks every argument")
    return int(least > TARGET_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
