"""Who may not even ask: web pages, and whoever came by a name that is not this machine's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
_BROWSER = {b"origin", b"sec-fetch-site", b"sec-fetch-mode"}


def hosts(port: int) -> re.Pattern[bytes]:
    """The Host headers that are this cloud's: loopback's names, S3's virtual hosts below them, and
    AWS's own names, which a client with a proxy may send."""
    own = rf"(?:[a-z0-9][a-z0-9.-]*\.)?(?:127\.0\.0\.1|localhost|\[::1\])(?::{port})?"
    aws = r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?"
    return re.compile(rf"(?:{own}|{aws})".encode(), re.IGNORECASE)


def refusal(scope: Message, known: re.Pattern[bytes]) -> str | None:
    """Why a request is refused, or None. Requests of web pages carry an Origin (POST, CORS) or, in
    every browser of today, Sec-Fetch-Site; SDKs and the CLIs send neither."""
    host, signed = (
        b"",
        b"X-Amz-Signature=" in scope["query_string"]
        or (b"AWSAccessKeyId=" in scope["query_string"]),
    )
    for name, value in scope["headers"]:
        if name in _BROWSER:
            return f"requests of web pages are refused ({name.decode()}: {value.decode('latin-1')})"
        if name == b"host":
            host = value
        signed = signed or name == b"authorization"
    if not known.fullmatch(host):
        return f"Host {host.decode('latin-1')!r} is not this cloud's"
    if not signed and not scope["path"].startswith(("/_ratchet/", "/_ministack/")):
        # MiniStack takes no key for the root's in places (s3:ListAllMyBuckets).
        return "requests without a signature are refused"
    return None


async def refuse(scope: Message, send: Callable[[Message], Awaitable[None]], why: str) -> None:
    """Answer 403 and say why."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 403, "headers": [kind]})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})
