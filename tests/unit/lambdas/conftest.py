from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconcile_champion import handler as reconcile
from tests.unit.lambdas import fake_cloud
from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.reconcile_driver import Loop


@pytest.fixture(autouse=True)
def _functions_make_only_calls_that_their_roles_allow() -> Iterator[None]:
    yield
    refused = {problem for cloud in fake_cloud.CLOUDS for problem in cloud.refused}
    fake_cloud.forget()
    assert sorted(refused) == []


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def loop(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    yield Loop(cloud, monkeypatch)
    reconcile._reconciler.cache_clear()
