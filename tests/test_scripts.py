"""Each model's scripts keep the contract: what `ratchet check` says."""

import pytest

from ratchet.contract import Check, SkippedError, checks
from ratchet.project import current


@pytest.mark.parametrize("check", checks(current()), ids=str)
def test_the_scripts_keep_the_contract(check: Check) -> None:
    try:
        check()
    except SkippedError as reason:
        pytest.skip(str(reason))
