"""Refuses what would change something while the disk is full, before anything has changed.

A change is on disk up to a second after it was answered. So requests are refused while there is
still room to save what has been answered, and for as long as a save does not succeed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ratchet.local_cloud.emulator.asgi import Message, Receive, Send, read_body, with_body

LOW_WATER_BYTES = 16 * 1024 * 1024
"""More than the state of the services, its log in SQLite, and what they write between two saves."""
STATUS = 507  # clients repeat a 500 for a while, and the disk stays full
_CODE = "InternalError"
_READ_ONLY_METHODS = {"GET", "HEAD", "OPTIONS"}
_READ_ONLY_OPERATIONS = ("Describe", "List", "Get", "Validate")
_DELETIONS = ("Delete", "Remove", "Purge")


class Space:
    """The room on the disk of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def problem(self, size: int) -> str | None:
        """Why a request of so many bytes should not change anything now, or None."""
        disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        needed = LOW_WATER_BYTES + size
        if free >= needed:
            return None
        return (
            f"the disk of {self._folder} is full: {free >> 20} MiB are free, and this request "
            f"needs {needed >> 20} MiB"
        )


def size_of(scope: Message) -> int:
    """The length of a request's body, as far as its head tells."""
    return int(_header(scope, b"content-length") or 0)


def changes_something(scope: Message) -> bool:
    """Whether a request may change something, as far as its head tells."""
    if scope["method"] in _READ_ONLY_METHODS:
        return False
    return not _target(scope).startswith(_READ_ONLY_OPERATIONS)


def makes_room(scope: Message) -> bool:
    """Whether a request deletes something, as far as its head tells."""
    if scope["method"] == "DELETE" or _target(scope).startswith(_DELETIONS):
        return True
    return scope["method"] == "POST" and scope.get("query_string", b"") in (b"delete", b"delete=")


async def refuse(scope: Message, receive: Receive, send: Send, problem: str) -> Receive | None:
    """Answer that nothing was changed; or answer how to receive the request again, which is in the
    query protocol and only reads or deletes."""
    body = b""
    if _header(scope, b"content-type").startswith(b"application/x-www-form-urlencoded"):
        body = await read_body(receive)
        action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
        if action.startswith(_READ_ONLY_OPERATIONS + _DELETIONS):
            return with_body(body, receive)
    message = f"Nothing was changed: {problem}. Free some space, then try again."
    content_type, answer = _error(scope, message)
    headers = [(b"content-type", content_type), (b"x-amzn-errortype", _CODE.encode())]
    await send({"type": "http.response.start", "status": STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
    return None


def _error(scope: Message, message: str) -> tuple[bytes, bytes]:
    """Content type and body of an error, in the protocol of the request."""
    if _target(scope) or b"json" in _header(scope, b"content-type"):
        content = {"__type": _CODE, "message": message, "Message": message}
        return b"application/x-amz-json-1.1", json.dumps(content).encode()
    inner = f"<Code>{_CODE}</Code><Message>{escape(message)}</Message>"
    if b"form-urlencoded" in _header(scope, b"content-type"):
        inner = f"<Type>Receiver</Type>{inner}"
        return b"text/xml", f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>".encode()
    return b"application/xml", f"<Error>{inner}</Error>".encode()


def _target(scope: Message) -> str:
    return _header(scope, b"x-amz-target").rpartition(b".")[2].decode(errors="replace")


def _header(scope: Message, name: bytes) -> bytes:
    values = (value for key, value in scope["headers"] if key == name)
    return bytes(next(values, b""))
