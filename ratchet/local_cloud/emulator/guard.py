"""The cloud's own door: who may not even ask.

The cloud runs code for whoever reaches it, and every web page that its user visits can reach a
port of this machine. So before anything else of the server sees a request, the guard wants:

- a ``Host`` of this machine: its loopback names, S3's virtual hosts below ``localhost``, and AWS's
  own names as clients send them through a proxy. A page of another site whose name was pointed to
  127.0.0.1 (DNS rebinding) sends that site's name.
- no ``Origin``, and no ``Sec-Fetch-Site`` but ``none``: no page is served here, so every script of
  a page is a foreign one. ``none`` is an address that the user typed, such as a presigned URL.
- a signature, in the header, in the query or in the form. MiniStack and `gateway` verify it;
  without one, MiniStack would take some requests for the root's.
- for the paths that no API of AWS has (`ADMIN_PATHS`): the folder's secret.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

from ministack.core import router
from ministack.services import s3

from ratchet.local_cloud.emulator.asgi import (
    Message,
    Receive,
    Send,
    headers_of,
    read_body,
    with_body,
)
from ratchet.local_cloud.layout import SECRET_HEADER, STATUS_PATH

Headers = Mapping[str, str]

ADMIN_PATHS = ("/_ratchet/", "/_ministack/", "/_localstack/")
"""What AWS has no API for, besides MiniStack's ``/health``: nobody verifies a signature there."""

TOKEN_PATHS = {
    "/_ratchet/credentials/": "GET",
    "/_ministack/cfn-response/": "PUT",
    "/_ministack/cfn-signal/": "PUT",
}
"""Those of them that code in the cloud calls, with a token of each path's own in the address, and
how: with another method MiniStack takes them for paths of S3's."""

_LOG = logging.getLogger("ratchet.guard")
_LOOPBACK = r"127\.0\.0\.1|localhost|\[::1\]"
_HOST = re.compile(
    rf"(?:{_LOOPBACK}|[a-z0-9][a-z0-9.-]*\.(?:localhost|amazonaws\.com(?:\.cn)?))(?::\d+)?",
    re.IGNORECASE,
)
_BUCKET = r"[a-z0-9][a-z0-9.-]*"
_FORM_TARGET = re.compile(
    rf"(?:{_LOOPBACK}|s3\.[a-z0-9.-]*amazonaws\.com(?:\.cn)?)(?::\d+)?/{_BUCKET}/?"
    rf"|[a-z0-9-]+\.(?:localhost|s3\.[a-z0-9.-]*amazonaws\.com(?:\.cn)?)(?::\d+)?/",
    re.IGNORECASE,
)
"""Host and path of an upload by form: to a bucket, by its path or its virtual host."""


class Guard:
    """Hands on to an ASGI application what may ask; answers the rest itself with 403."""

    def __init__(
        self, application: Callable[[Message, Receive, Send], Awaitable[None]], *, secret: str
    ) -> None:
        self._application = application
        self._secret = secret

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        reason = _from_elsewhere(headers)
        path = scope["path"]
        if reason is None and (path.startswith(ADMIN_PATHS) or path == "/health"):
            reason = self._without_secret(scope, headers)
        elif reason is None and not _is_signed(scope, headers):
            form = await _signed_form(scope, headers, receive)
            if form is None:
                reason = "the request has no AWS signature. `ratchet cloud env` prints the keys"
            else:
                receive = form
        if reason is None:
            await self._application(scope, receive, _without_cors(send))
        else:
            _LOG.warning("refused %s %s: %s", scope.get("method", ""), path, reason)
            await _refuse(scope, send, reason)

    def _without_secret(self, scope: Message, headers: Headers) -> str | None:
        path = scope["path"]
        method = scope.get("method", "")
        if any(path.startswith(start) and method == m for start, m in TOKEN_PATHS.items()):
            return None
        if path == STATUS_PATH or has_secret(headers, self._secret):
            return None
        return f"{path} needs the folder's secret in the header {SECRET_HEADER}"


def has_secret(headers: Headers, secret: str) -> bool:
    """Whether a request brings the folder's secret."""
    return hmac.compare_digest(headers.get(SECRET_HEADER, "").encode(), secret.encode())


def _from_elsewhere(headers: Headers) -> str | None:
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        return f"the Host {host!r} is not this machine's; expected 127.0.0.1 or localhost"
    if "origin" in headers:
        return f"requests of web pages are refused (Origin: {headers['origin']})"
    if headers.get("sec-fetch-site", "none") != "none":
        return f"requests of web pages are refused (Sec-Fetch-Site: {headers['sec-fetch-site']})"
    return None


def _is_signed(scope: Message, headers: Headers) -> bool:
    """Whether there is a signature that names a key; who answers the request verifies it."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    if headers.get("authorization", "").startswith(("AWS4-", "AWS ")):
        return bool(router.extract_access_key_id({"authorization": headers["authorization"]}))
    presigned = {"X-Amz-Credential", "X-Amz-Signature"} <= query.keys()
    return presigned or {"AWSAccessKeyId", "Signature"} <= query.keys()


async def _signed_form(scope: Message, headers: Headers, receive: Receive) -> Receive | None:
    """The request's body once more, if it is an upload by a signed form (presigned POST).

    S3 alone answers forms. To another service the same body would be a request without a
    signature, hence the look at where it goes.
    """
    kind = headers.get("content-type", "")
    target = headers.get("host", "") + scope["path"]
    if (
        scope["type"] != "http"
        or scope["method"] != "POST"
        or not kind.startswith("multipart/form-data")
        or scope["query_string"]
        or "x-amz-target" in headers
        or not _FORM_TARGET.fullmatch(target)
        or router.detect_service("POST", scope["path"], dict(headers), {}) != "s3"
    ):
        return None
    body = await read_body(receive)
    fields = {name.lower() for name, *_ in s3._parse_multipart_form(kind, body) or ()}
    if not ({"policy", "x-amz-signature"} <= fields or {"policy", "signature"} <= fields):
        return None
    return with_body(body, receive)


def _without_cors(send: Send) -> Send:
    """MiniStack tells browsers that the pages of every site may read its answers."""

    async def sent(message: Message) -> None:
        if "headers" in message:
            headers = [
                (name, value)
                for name, value in message["headers"]
                if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": headers}
        await send(message)

    return sent


async def _refuse(scope: Message, send: Send, reason: str) -> None:
    """Answer 403 and say why, as AWS's clients and a person with curl can read it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: a 403
        return
    message = f"The local cloud refuses: {reason}."
    body = json.dumps({"__type": "AccessDeniedException", "message": message}).encode() + b"\n"
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": 403, "headers": [kind]})
    await send({"type": "http.response.body", "body": body})
