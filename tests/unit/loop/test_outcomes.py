"""How a run that succeeded ended."""

from __future__ import annotations

import pytest

from ratchet.loop.outcomes import had_no_new_model


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ({"no-regression": True, "new-model": False}, True),
        ({"no-regression": True, "new-model": True}, False),
        ({"no-regression": True, "new-model": None}, False),
        ({"no-regression": False}, False),
        ({}, False),
    ],
)
def test_a_run_had_no_new_model_where_that_gate_says_so(
    gates: dict[str, bool | None], expected: bool
) -> None:
    assert had_no_new_model(gates) is expected
