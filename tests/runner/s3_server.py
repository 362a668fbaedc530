"""As much of S3 as `S3Storage` asks for, over HTTP on the loopback, in memory."""

from __future__ import annotations

import hashlib
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

PAGE = 3  # few keys a page, so that a listing has several


class S3Server(ThreadingHTTPServer):
    """Holds objects as `bucket/key` → (body, ETag) and counts what it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.parts: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()
        self.fail_next: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, name: str, body: bytes, etag: str | None = None) -> str:
        etag = etag or hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.objects[name] = (body, etag)
        return etag


class _Handler(BaseHTTPRequestHandler):
    server: S3Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 – names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _answer(self) -> None:
        server = self.server
        split = urllib.parse.urlsplit(self.path)
        name = urllib.parse.unquote(split.path).lstrip("/")
        query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        with server.lock:
            server.requests.append(f"{self.command} {name}")
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            body = self._body()
            if server.fail_next:
                self._send(server.fail_next.pop(0), b"")
            elif self.command == "GET" and query.get("list-type") == "2":
                self._list(name, query)
            elif self.command == "PUT":
                self._put(name, query, body)
            elif self.command == "POST":
                self._multipart(name, query)
            else:
                self._get(name)
        finally:
            with server.lock:
                server.at_once -= 1

    def _body(self) -> bytes:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return data
        body, rest = b"", data
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            if length == 0:
                break
            body, rest = body + rest[:length], rest[length + 2 :]
        return body

    def _put(self, name: str, query: dict[str, str], body: bytes) -> None:
        if "partNumber" in query:
            with self.server.lock:
                self.server.parts[f"{name}#{int(query['partNumber']):04}"] = body
            self._send(200, b"", {"ETag": '"part"'})
        else:
            self._send(200, b"", {"ETag": f'"{self.server.put(name, body)}"'})

    def _multipart(self, name: str, query: dict[str, str]) -> None:
        if "uploads" in query:
            self._xml("<InitiateMultipartUploadResult><UploadId>u</UploadId>", "Initiate")
            return
        parts = [body for key, body in sorted(self.server.parts.items()) if key.startswith(name)]
        self.server.put(name, b"".join(parts), f"multi-{len(parts)}")
        self._xml("<CompleteMultipartUploadResult><ETag>x</ETag>", "Complete")

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        start = f"{bucket}/"
        names = sorted(k.removeprefix(start) for k in self.server.objects if k.startswith(start))
        keys = [key for key in names if key.startswith(prefix) and key > after]
        contents = ""
        for key in keys[:PAGE]:
            body, etag = self.server.objects[f"{bucket}/{key}"]
            shown = urllib.parse.quote(key) if query.get("encoding-type") == "url" else escape(key)
            contents += (
                f"<Contents><Key>{shown}</Key><Size>{len(body)}</Size>"
                f"<ETag>&quot;{etag}&quot;</ETag></Contents>"
            )
        more = len(keys) > PAGE
        token = (
            f"<NextContinuationToken>{escape(keys[PAGE - 1])}</NextContinuationToken>"
            if more
            else ""
        )
        encoding = "<EncodingType>url</EncodingType>" if "encoding-type" in query else ""
        self._xml(
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{encoding}{token}{contents}",
            "List",
        )

    def _get(self, name: str) -> None:
        if name not in self.server.objects:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        body, etag = self.server.objects[name]
        headers = {"ETag": f'"{etag}"'}
        wanted = self.headers.get("Range")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = int(last) + 1 if last else len(body)
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(body)}"
            self._send(206, body[int(first) : end], headers)
        else:
            self._send(200, body, headers)

    def _xml(self, text: str, kind: str) -> None:
        closing = {
            "List": "</ListBucketResult>",
            "Initiate": "</InitiateMultipartUploadResult>",
            "Complete": "</CompleteMultipartUploadResult>",
        }[kind]
        self._send(200, (text + closing).encode(), {"Content-Type": "application/xml"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
