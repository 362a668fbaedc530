"""S3's objects on disk: written whole before the answer, or refused; and what their events start.

MiniStack logs that an object could not be written, and answers that it was; and it tells of an
object in a thread that dies with the process.
"""

from __future__ import annotations

# ruff: noqa: PTH103, PTH108, PTH110, PTH120 (pathlib costs more than the kernel, for each object)
import contextlib
import copy
import functools
import logging
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ratchet.local_cloud import commit_points
from ratchet.local_cloud.emulator import stored_bytes
from ratchet.local_cloud.emulator.cloud import OBJECT_CHANGE
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.emulator.stored_bytes import Content
from ratchet.local_cloud.sagemaker.outbox import Outbox

_LOG = logging.getLogger("ratchet.objects")
_WRITERS = ("_put_object", "_copy_object", "_complete_multipart_upload")
"""S3's functions that write an object; their first parameters are its bucket and its key."""

_CACHED_CONFIGURATIONS = 128
_CACHED_FOLDERS = 4096

Record = dict[str, Any]
Writer = Callable[..., Any]


class NotWrittenError(BaseException):
    """An object could not be written. MiniStack catches every ``Exception`` on the way."""


def install(s3: Any, outbox: Outbox) -> None:
    """Write objects and tell of them as AWS does."""
    s3._atomic_write = write
    s3._persist_object = functools.partial(_persist, s3)
    s3._key_disk_path = _found_quickly(s3, s3._key_disk_path)
    s3._fire_s3_event_async = functools.partial(_tell, s3, outbox)
    # It is read again for each event, and is XML.
    parse = functools.lru_cache(_CACHED_CONFIGURATIONS)(s3._parse_notification_config_raw)
    s3._parse_notification_config_raw = lambda raw: copy.deepcopy(parse(raw))
    for name in _WRITERS:
        setattr(s3, name, _restoring(s3, getattr(s3, name)))


def write(path: str, data: Content | str, *, text: bool = False) -> None:
    """Replace a file by one that is written whole. Raises ``NotWrittenError``."""
    del text  # MiniStack's signature
    _write_all({path: data.encode() if isinstance(data, str) else data})


def _persist(s3: Any, bucket: str, key: str, record: Record) -> None:
    """Write an object's body and what is known of it: both, or none."""
    path = s3._object_disk_path(bucket, key)
    if path is None:
        raise NotWrittenError(f"the key {key!r} has no place on this disk")
    facts = s3._object_meta_from_record(record) | s3._key_history_meta(bucket, key) | {"key": key}
    body = record.get("body")  # None: as it is on disk
    bodies = {} if body is None else {path: body}
    _write_all({**bodies, f"{path}.meta.json": orjson.dumps(facts)})
    record["body"] = None
    for version in s3._object_versions.get((bucket, key)) or ():
        version["data"] = None  # in its own file, or in the object's
    root = f"{s3.DATA_DIR}/{s3.get_account_id()}/{bucket}"
    if os.path.exists(f"{root}/{s3._ENCODED_KEYS_DIR}"):
        s3._remove_key_files(s3._other_key_disk_path(root, key, path))


def _write_all(contents: Mapping[str, Content]) -> None:
    """Replace the files of these paths, all or none. Raises ``NotWrittenError``."""
    temporaries: list[tuple[str, str]] = []
    try:
        for path, content in contents.items():
            temporaries.append((f"{path}.tmp", path))
            _write_new(f"{path}.tmp", content)
        commit_points.replace(*temporaries)
    except OSError as error:
        for temporary, _ in temporaries:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        path = temporaries[-1][1]
        raise NotWrittenError(f"{path} could not be written: {error.strerror or error}") from error


def _write_new(path: str, content: Content) -> None:
    """Write a file, in a new folder, and in place of one that a killed process left."""
    try:
        stored_bytes.new_file(path, content)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        stored_bytes.new_file(path, content)
    except FileExistsError:
        os.unlink(path)
        stored_bytes.new_file(path, content)


def _found_quickly(s3: Any, find: Callable[[str, str], str | None]) -> Callable[..., str | None]:
    """In place of ``_key_disk_path``, which resolves every folder on the way to a file.

    Nothing but this server writes below its folder, so a folder that is no link stays none.
    """
    resolved = functools.lru_cache(_CACHED_FOLDERS)(os.path.realpath)

    @functools.wraps(find)
    def path(base: str, key: str) -> str | None:
        root = resolved(base)
        plain = f"{root}/{key}"
        folder = os.path.dirname(plain)
        if not s3._plain_path_key(key) or resolved(folder) != folder:
            return find(base, key)
        if _is_kind(plain, stat.S_ISREG):
            return plain
        is_free = not os.path.lexists(plain) and _is_kind(folder, stat.S_ISDIR)
        is_plain = is_free and not os.path.exists(f"{root}/{s3._ENCODED_KEYS_DIR}")
        return plain if is_plain else find(base, key)

    return path


def _is_kind(path: str, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(os.lstat(path).st_mode)
    except OSError:
        return False


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
