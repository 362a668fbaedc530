"""The services' state on disk: read as it was written, or refused by name with nothing changed."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict

from ratchet.local_cloud import control
from ratchet.local_cloud.databases import NewerStateError, UnreadableStateError
from ratchet.local_cloud.emulator.state_file import StateFile
from ratchet.local_cloud.sagemaker.store import Store
from tests.local_cloud.sagemaker_calls import REGION, SCOPE, RunningCloud


def scoped(value: Any) -> AccountRegionScopedDict:
    parameters = AccountRegionScopedDict()
    parameters._data[("000000000000", REGION, "/a")] = value
    return parameters


def written(folder: Path, **states: Any) -> Path:
    file = StateFile(folder)
    file.write(states)
    file.close()
    return folder / "state.sqlite3"


def change(path: Path, statement: str, *arguments: object) -> bytes:
    database = sqlite3.connect(path)
    database.execute(statement, arguments)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.read_bytes()


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    value = {"none": None, "nan": math.nan, "bytes": b"\xff", "large": 2**70, "tuple": [1, "é"]}
    written(tmp_path, ssm={"parameters": scoped(value)})
    (state,) = StateFile(tmp_path).read(["ssm", "sqs"]).values()
    stored = state["parameters"]._data[("000000000000", REGION, "/a")]
    assert math.isnan(stored.pop("nan"))
    del value["nan"]
    assert stored == value


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.write({"ssm": {"a": 1}, "sqs": {"b": 1}})
    size = (tmp_path / "state.sqlite3-wal").stat().st_size
    file.write({"ssm": {"a": 1}, "sqs": {"b": 1}})
    assert (tmp_path / "state.sqlite3-wal").stat().st_size == size
    file.forget()
    file.write({"ssm": {"a": 1}, "sqs": {"b": 1}})
    assert (tmp_path / "state.sqlite3-wal").stat().st_size > size


def test_files_of_an_older_version_are_read_once(tmp_path: Path) -> None:
    wrapped = {"__ministack_format__": 2, "payload": {"parameters": scoped({"Value": "old"})}}
    text = json.dumps(wrapped, default=persistence._json_default)
    (tmp_path / "ssm.json").write_text(text)
    file = StateFile(tmp_path)
    assert file.read(["ssm"])["ssm"]["parameters"]._data
    file.write({"sqs": {}})
    file.close()
    assert StateFile(tmp_path).read(["ssm", "sqs"]) == {"sqs": {}}


@pytest.mark.parametrize("content", ["{", '{"__ministack_format__": 99, "payload": {}}'])
def test_an_older_file_that_cannot_be_read_is_refused_and_left(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "ssm.json").write_text(content)
    with pytest.raises(UnreadableStateError, match=r"ssm\.json cannot be read: the state of ssm"):
        StateFile(tmp_path).read(["ssm"])
    assert (tmp_path / "ssm.json").read_text() == content


def test_a_row_that_is_not_what_was_written_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, ssm={"a": 1})
    before = change(path, "UPDATE service SET state = ?", b'{"a": 2}')
    with pytest.raises(UnreadableStateError, match="the state of ssm is not what was written"):
        StateFile(tmp_path).read(["ssm"])
    assert path.read_bytes() == before


def test_a_row_of_a_newer_format_is_refused_with_the_way_back(tmp_path: Path) -> None:
    path = written(tmp_path, ssm={"a": 1})
    newer = b'{"__ministack_format__": 99, "payload": {}}'
    statement = "UPDATE service SET state = ?, digest = ?"
    change(path, statement, newer, hashlib.sha256(newer).digest())
    with pytest.raises(NewerStateError, match=r"ssm has format 99.*use the version that wrote it"):
        StateFile(tmp_path).read(["ssm"])


@pytest.mark.parametrize("open_file", [StateFile, lambda folder: Store(folder / "state.sqlite3")])
def test_a_newer_or_damaged_file_is_refused(
    tmp_path: Path, open_file: Callable[[Path], object]
) -> None:
    path = written(tmp_path, ssm={"a": 1})
    before = change(path, "PRAGMA user_version = 99")
    with pytest.raises(NewerStateError, match="the file has format 99"):
        open_file(tmp_path)
    assert path.read_bytes() == before
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(UnreadableStateError, match="ratchet cloud reset"):
        open_file(tmp_path)


def test_a_transaction_that_cannot_be_committed_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "sagemaker.sqlite3")
    store.insert(SCOPE, "Model", "before", {"a": 1})
    store._db.execute("PRAGMA max_page_count = 12")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.insert(SCOPE, "Model", "large", {"a": "x" * 100_000})
    store._db.execute("PRAGMA max_page_count = 10000")
    assert [model["a"] for model in store.all(SCOPE, "Model")] == [1]
    store.insert(SCOPE, "Model", "after", {"a": 2})


@pytest.mark.cloud
@pytest.mark.parametrize("name", ["services/state.sqlite3", "sagemaker.sqlite3"])
def test_a_damaged_file_is_named_at_once_when_the_cloud_is_started(
    own_cloud: Callable[[], RunningCloud], name: str
) -> None:
    cloud = own_cloud()
    cloud.client("ssm").put_parameter(Name="/a", Value="kept", Type="String")
    control.down(cloud.folder)
    path = cloud.folder / name
    intact = path.read_bytes()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(control.StateUnreadableError, match="ratchet cloud reset") as caught:
        own_cloud()
    assert str(caught.value).startswith(f"The local cloud was not started: {path} cannot be read")
    path.write_bytes(intact)
    parameter = own_cloud().client("ssm").get_parameter(Name="/a")
    assert parameter["Parameter"]["Value"] == "kept"
