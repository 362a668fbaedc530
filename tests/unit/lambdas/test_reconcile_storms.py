"""Two and three wakes of the reconciler at once, interleaved at every AWS call."""

from __future__ import annotations

import pytest

from reconcile_champion import handler as entry
from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.reconcile_driver import Loop
from tests.unit.lambdas.storm import Storm

STORMS = 10_000
IN_THE_GATE = 60
PART = 500


def weather(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = []
    cloud = FakeCloud()
    loop = Loop(cloud, monkeypatch)  # once: making clients is a third of the time
    for seed in seeds:
        FakeCloud.__init__(cloud)
        try:
            Storm(loop=loop, cloud=cloud, seed=seed, wakes_at_once=2 + seed % 2).run()
        except AssertionError as error:
            wrong.append(str(error))
    entry._reconciler.cache_clear()
    assert not wrong, f"{len(wrong)} of {len(seeds)} histories: {wrong[:3]}"


def test_wakes_that_overlap_mark_no_good_version_and_deploy_what_is_approved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weather(range(IN_THE_GATE), monkeypatch)


@pytest.mark.storm
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, STORMS, PART))
def test_ten_thousand_storms(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    weather(range(first, first + PART), monkeypatch)
