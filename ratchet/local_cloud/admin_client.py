"""Calls a local cloud at the paths of ``emulator/admin.py``, for which AWS has no API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from ratchet.local_cloud.layout import SECRET_HEADER, LocalCloudError

_SECONDS = 10.0


class AdminError(LocalCloudError):
    """The local cloud refused. ``status``: the HTTP status, None when there was no answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def ask(
    url: str,
    secret: str,
    path: str,
    body: object = None,
    *,
    method: str | None = None,
    seconds: float = _SECONDS,
) -> dict[str, Any]:
    """The answer of ``<url>/_ratchet/<path>``.

    Args:
        url: of the cloud, such as ``http://127.0.0.1:4566``.
        secret: of its folder (``Layout.read_keys``).
        path: below ``/_ratchet/``.
        body: sent as JSON.
        method: GET without a body and POST with one, unless another is named.
        seconds: to wait for the answer.

    Raises:
        AdminError: it refused, or did not answer.
    """
    request = urllib.request.Request(  # noqa: S310
        f"{url}/_ratchet/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", SECRET_HEADER: secret},
        method=method or ("GET" if body is None else "POST"),
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            content: dict[str, Any] = json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        raise AdminError(_message(refusal.read()), status=refusal.code) from None
    except (OSError, ValueError) as problem:
        raise AdminError(f"no answer from the local cloud at {url} ({problem})") from None
    return content


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()[:300]
