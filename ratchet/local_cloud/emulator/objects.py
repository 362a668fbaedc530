"""S3's objects on disk: written whole before the answer, or refused; and what their events start.

MiniStack logs that an object could not be written, and answers that it was; and it tells of an
object in a thread that dies with the process.
"""

from __future__ import annotations

import copy
import functools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ratchet.local_cloud import commit_points
from ratchet.local_cloud.emulator.cloud import OBJECT_CHANGE
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.emulator.stored_bytes import Content, StoredBytes
from ratchet.local_cloud.sagemaker.outbox import Outbox

_LOG = logging.getLogger("ratchet.objects")
_WRITERS = ("_put_object", "_copy_object", "_complete_multipart_upload")
"""S3's functions that write an object; their first parameters are its bucket and its key."""

_CACHED_CONFIGURATIONS = 128

Record = dict[str, Any]
Writer = Callable[..., Any]


class NotWrittenError(BaseException):
    """An object could not be written. MiniStack catches every ``Exception`` on the way."""


def install(s3: Any, outbox: Outbox) -> None:
    """Write objects and tell of them as AWS does."""
    s3._atomic_write = write
    s3._persist_object = functools.partial(_persist, s3)
    s3._fire_s3_event_async = functools.partial(_tell, s3, outbox)
    # It is read again for each event, and is XML.
    parse = functools.lru_cache(_CACHED_CONFIGURATIONS)(s3._parse_notification_config_raw)
    s3._parse_notification_config_raw = lambda raw: copy.deepcopy(parse(raw))
    for name in _WRITERS:
        setattr(s3, name, _restoring(s3, getattr(s3, name)))


def write(path: str, data: Content | str, *, text: bool = False) -> None:
    """Replace a file by one that is written whole. Raises ``NotWrittenError``."""
    del text  # MiniStack's signature
    try:
        commit_points.replace((_temporary(Path(path), data), Path(path)))
    except OSError as error:
        raise _not_written(path, error) from error


def _persist(s3: Any, bucket: str, key: str, record: Record) -> None:
    """Write an object's body and what is known of it: both, or none."""
    path = s3._object_disk_path(bucket, key)
    if path is None:
        raise NotWrittenError(f"the key {key!r} has no place on this disk")
    facts = s3._object_meta_from_record(record) | s3._key_history_meta(bucket, key) | {"key": key}
    body = record.get("body")  # None: as it is on disk
    files = [] if body is None else [(Path(path), body)]
    files.append((Path(f"{path}.meta.json"), json.dumps(facts)))
    temporaries: list[tuple[Path, Path]] = []
    try:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for target, data in files:
            temporaries.append((_temporary(target, data), target))
        commit_points.replace(*temporaries)
    except OSError as error:
        for temporary, _ in temporaries:
            temporary.unlink(missing_ok=True)
        raise _not_written(path, error) from error
    record["body"] = None
    for version in s3._object_versions.get((bucket, key)) or ():
        version["data"] = None  # in its own file, or in the object's
    root = Path(s3.DATA_DIR, s3.get_account_id(), bucket)
    s3._remove_key_files(s3._other_key_disk_path(str(root), key, path))


def _temporary(path: Path, data: Content | str) -> Path:
    """A file beside ``path`` with its future content."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        if isinstance(data, StoredBytes):
            data.place(temporary)
        else:
            temporary.touch(mode=0o600)
            temporary.write_bytes(data.encode() if isinstance(data, str) else data)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _not_written(path: str, error: OSError) -> NotWrittenError:
    return NotWrittenError(f"{path} could not be written: {error.strerror or error}")


def _restoring(s3: Any, writer: Writer) -> Writer:
    """A writer after which, when it fails, memory has what the disk has: the object of before."""

    @functools.wraps(writer)
    def guarded(bucket_name: str, key: str, *arguments: Any, **named: Any) -> Any:
        objects = (s3._buckets.get(bucket_name) or {}).get("objects", {})
        earlier, place = objects.get(key), (bucket_name, key)
        versions = [dict(version) for version in s3._object_versions.get(place) or []]
        try:
            return writer(bucket_name, key, *arguments, **named)
        except NotWrittenError as error:
            _LOG.error("%s", error)
            _put_back(objects, key, earlier)
            _put_back(s3._object_versions, place, versions or None)
            return s3._error("InternalError", f"{error}. Free some space, then try again.", 500)

    return guarded


def _put_back(mapping: Any, key: Any, value: Any) -> None:
    if value is None:
        mapping.pop(key, None)
    else:
        mapping[key] = value


def _tell(
    s3: Any,
    outbox: Outbox,
    bucket_name: str,
    key: str,
    event_name: str,
    *arguments: Any,
    **named: Any,
) -> None:
    """Let the outbox tell of an object; no event is lost by a kill after the answer."""
    if bucket_name not in s3._bucket_notifications:
        return
    names = ("size", "etag", "deletion_type")
    change = {
        "bucket_name": bucket_name,
        "key": key,
        "event_name": event_name,
        **dict(zip(names, arguments, strict=False)),
        **named,
        "sequencer": s3._next_event_sequencer(event_name),
    }
    outbox.add(current_scope(), {OBJECT_CHANGE: change})
