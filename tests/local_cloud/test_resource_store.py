"""The store: transactions, order, counters, and what a killed process leaves."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.local_cloud.sagemaker.store import AlreadyExistsError, Store
from tests.local_cloud.sagemaker_calls import SCOPE

OTHER = type(SCOPE)(account="111111111111", region="eu-west-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.sqlite3")
    yield opened
    opened.close()


def test_names_are_unique_within_account_and_region(store: Store) -> None:
    store.insert(SCOPE, "Model", "m", {"a": 1})
    store.insert(OTHER, "Model", "m", {"a": 2})
    with pytest.raises(AlreadyExistsError):
        store.insert(SCOPE, "Model", "m", {"a": 3})
    assert store.get(SCOPE, "Model", "m") == {"a": 1}
    assert store.get(OTHER, "Model", "m") == {"a": 2}


def test_resources_keep_the_order_they_were_made_in(store: Store) -> None:
    for name in ("z", "a", "m"):
        store.insert(SCOPE, "Step", name, {"name": name}, parent="run")
    store.put(SCOPE, "Step", "z", {"name": "z", "changed": True}, parent="run")
    assert [body["name"] for body in store.all(SCOPE, "Step", parent="run")] == ["z", "a", "m"]
    assert store.all(SCOPE, "Step", parent="other") == []


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    def fail_halfway() -> None:
        with store.transaction():
            store.insert(SCOPE, "Model", "m", {})
            with store.transaction():
                store.insert(SCOPE, "Model", "n", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert store.all(SCOPE, "Model") == []


def test_none_removes_a_member(store: Store) -> None:
    store.insert(SCOPE, "Model", "m", {"a": 1, "b": 2})
    assert store.update(SCOPE, "Model", "m", {"a": None, "c": 3}) == {"b": 2, "c": 3}
    with pytest.raises(KeyError):
        store.update(SCOPE, "Model", "none", {})


def test_numbers_are_given_once_even_to_threads_at_once(store: Store) -> None:
    given: list[int] = []

    def take() -> None:
        given.extend(store.next_number(SCOPE, "version") for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 201))


def test_what_was_stored_is_there_after_sigkill(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite3"
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ratchet.local_cloud.sagemaker.store import AccountScope, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "scope = AccountScope(account='000000000000', region='us-east-1')\n"
        "for number in range(20):\n"
        "    store.insert(scope, 'Model', str(number), {'number': number})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", script, str(file)], env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert ended.returncode == -signal.SIGKILL
    store = Store(file)
    assert [body["number"] for body in store.all(SCOPE, "Model")] == list(range(20))
    store.close()
