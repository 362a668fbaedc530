"""Starts, finds and stops the local cloud of a folder.

The cloud is one process in the background. It listens on 127.0.0.1 only, keeps everything below its
folder, and goes on after the terminal that started it is closed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

from ratchet.local_cloud import admin_client
from ratchet.local_cloud import folder as folders
from ratchet.local_cloud.layout import (
    ACCOUNT,
    EXIT_PORT_TAKEN,
    EXIT_STATE_UNREADABLE,
    STATUS_PATH,
    UNAUTHORISED_VARIABLE,
    Keys,
    Layout,
    LocalCloudError,
    acquire,
)
from ratchet.switch_words import NO, YES, switch

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.03
_LOG_TAIL_LINES = 15
_HOST = "127.0.0.1"


_FOREIGN = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
"""What would win over a cloud's own credentials and address."""
_FOREIGN_PREFIX = "AWS_ENDPOINT_URL_"
"""Addresses of single services (AWS_ENDPOINT_URL_S3) win over AWS_ENDPOINT_URL."""


class PortTakenError(LocalCloudError):
    """Another program uses the requested port."""


class OtherSettingsError(LocalCloudError):
    """The cloud of this folder is already up with other settings than requested: its region, its
    port, or whether it enforces permissions."""


class StartFailedError(LocalCloudError):
    """The server ended, or did not answer in time; the message has the end of its log."""


class StateUnreadableError(StartFailedError):
    """The cloud's state on disk is not as it was written; nothing was changed."""


class StopFailedError(LocalCloudError):
    """The server still runs after it was asked, and then forced, to stop."""


@dataclass(frozen=True, kw_only=True)
class CloudEndpoint:
    """A cloud that is up. ``started`` is an aware time."""

    url: str
    pid: int
    region: str
    started: dt.datetime
    keys: Keys = field(repr=False)
    enforced: bool = True
    """Whether each request needs a permission of its caller's policies."""
    account: str = ACCOUNT

    def environment(self) -> dict[str, str]:
        """The variables that lead boto3, the AWS CLI and the CDK CLI to this cloud and nowhere
        else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.keys["key"],
            "AWS_SECRET_ACCESS_KEY": self.keys["secret"],
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def foreign_variables(variables: Mapping[str, str]) -> list[str]:
    """Names that must not be set beside ``Endpoint.environment()``: they lead to another cloud."""
    other = (name for name in variables if name.startswith(_FOREIGN_PREFIX))
    return [*_FOREIGN, *sorted(other)]


def up(folder: Path, *, region: str, port: int | None = None) -> CloudEndpoint:
    """Returns the cloud of ``folder``, and starts it if it is not up.

    Without ``port`` it is the one of the last time if that is free, else any free one. Safe to call
    from several processes at once: one starts it, the others find it. RATCHET_UNAUTHORISED=1 starts
    a cloud that does not enforce permissions. Raises ``FolderRefusedError``, ``PortTakenError``,
    ``OtherSettingsError`` or ``StartFailedError``.
    """
    layout = Layout(folder.absolute())
    enforced = _enforced(os.environ)
    folders.check(layout)
    with _exclusively(layout):
        running = _running(layout)
        if running:
            _check_same(running, region=region, port=port, enforced=enforced)
            return running
        folders.claim(layout)
        if port is not None:
            _check_free(port)
        return _start(layout, region=region, port=port)


def status(folder: Path) -> CloudEndpoint | None:
    """The cloud of ``folder`` if it is up."""
    layout = Layout(folder.absolute())
    return _running(layout) if folders.is_cloud(layout.folder) else None


def down(folder: Path) -> bool:
    """Stop the cloud of ``folder``; its state stays. False: it was not up.

    Raises ``StopFailedError``.
    """
    layout = Layout(folder.absolute())
    if not folders.is_cloud(layout.folder):
        return False
    with _exclusively(layout):
        return _stop(layout)


def reset(folder: Path) -> list[str]:
    """Stop the cloud of ``folder`` and delete its content.

    Returns the names of other files and folders in there, which stay. Raises ``StopFailedError``,
    and ``FolderRefusedError`` for a folder that is not a cloud's and not empty.
    """
    layout = Layout(folder.absolute())
    folders.check(layout)
    if not folders.is_cloud(layout.folder):
        return []
    with _exclusively(layout):
        _stop(layout)
        return folders.empty(layout)


def refusals(endpoint: CloudEndpoint) -> int | None:
    """How many requests of roles the policies have refused since the cloud's start.

    None for a cloud that does not record its decisions.
    """
    try:
        answer = admin_client.ask(endpoint.url, endpoint.keys["secret"], "permissions")
    except admin_client.AdminError as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    since = endpoint.started.timestamp()
    return sum(
        int(decision["count"])
        for decision in answer["decisions"]
        if not decision["allowed"] and decision["last"] >= since
    )


def log_file(folder: Path) -> Path:
    """The server's log; it exists once the cloud has been started."""
    return Layout(folder.absolute()).log


@contextlib.contextmanager
def _exclusively(layout: Layout) -> Iterator[None]:
    lock = acquire(layout.starting, wait=True)
    assert lock is not None
    with lock:
        yield


def _running(layout: Layout) -> CloudEndpoint | None:
    lock = acquire(layout.lock)
    if lock is not None:
        lock.close()
        return None
    # The lock is held, so the server lives; where it is not ready yet, wait for its endpoint.
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        content = layout.read_endpoint()
        if content.get("up") and _answers(layout, content):
            return _endpoint(layout, content)
        lock = acquire(layout.lock)
        if lock is not None:
            lock.close()
            return None
        time.sleep(_POLL_SECONDS)
    raise StartFailedError(
        f"The local cloud of {layout.folder} is running but has not answered for "
        f"{_READY_SECONDS:.0f} s. Its log: {layout.log}. To end it: ratchet cloud down"
    )


def _endpoint(layout: Layout, content: Mapping[str, Any]) -> CloudEndpoint:
    return CloudEndpoint(
        keys=layout.read_keys(),
        url=f"http://{_HOST}:{content['port']}",
        pid=content["pid"],
        region=content["region"],
        started=dt.datetime.fromtimestamp(content["started"], dt.UTC),
        enforced=content.get("enforced", False),
    )


def _answers(layout: Layout, content: Mapping[str, Any]) -> bool:
    """Whether the server of this very folder answers at the port."""
    connection = http.client.HTTPConnection(_HOST, content["port"], timeout=5)
    try:
        connection.request("GET", STATUS_PATH)
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and answer.get("folder") == str(layout.folder)


def _enforced(variables: Mapping[str, str]) -> bool:
    value = variables.get(UNAUTHORISED_VARIABLE, "")
    off = switch(value)
    if off is None:
        raise LocalCloudError(
            f"{UNAUTHORISED_VARIABLE} is {value!r}; expected one of {', '.join(YES + NO)}"
        )
    return not off


def _check_same(running: CloudEndpoint, *, region: str, port: int | None, enforced: bool) -> None:
    if running.region != region:
        raise OtherSettingsError(
            f"The local cloud is up with region {running.region} ({running.url}), but {region} was "
            "requested. A cloud has one region: stop it first (ratchet cloud down)."
        )
    if port is not None and not running.url.endswith(f":{port}"):
        raise OtherSettingsError(
            f"The local cloud is up at {running.url}, but port {port} was requested. "
            "Stop it first (ratchet cloud down)."
        )
    if running.enforced and not enforced:
        raise OtherSettingsError(
            f"The local cloud is up at {running.url} and enforces permissions, but "
            f"{UNAUTHORISED_VARIABLE} requests one that does not. Stop it first: ratchet cloud down"
        )
    if enforced and not running.enforced:
        raise OtherSettingsError(
            f"The local cloud is up at {running.url} and does not enforce permissions: it was "
            f"started with {UNAUTHORISED_VARIABLE}=1. To enforce them, stop it first: "
            "ratchet cloud down"
        )


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise _port_taken(port, error) from None


def _port_taken(port: int, error: object) -> PortTakenError:
    return PortTakenError(
        f"Port {port} on {_HOST} cannot be used: {error}. "
        "Leave out the port to get any free one, or name another."
    )


def _start(layout: Layout, *, region: str, port: int | None) -> CloudEndpoint:
    last = layout.read_endpoint()
    layout.write_endpoint({**last, "up": False})
    command = [
        *(sys.executable, "-P", "-m", "ratchet.local_cloud.server"),
        *("--folder", str(layout.folder), "--region", region),
        *(("--port", str(port)) if port is not None else ("--prefer", str(last.get("port", 0)))),
    ]
    with layout.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=layout.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in this terminal is not the cloud's
        )
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        content = layout.read_endpoint()
        if content.get("up") and content.get("pid") == process.pid and _answers(layout, content):
            return _endpoint(layout, content)
        if process.poll() is not None:
            if process.returncode == EXIT_PORT_TAKEN and port is not None:
                raise _port_taken(port, "it is in use")
            if process.returncode == EXIT_STATE_UNREADABLE:
                raise StateUnreadableError(
                    f"The local cloud was not started: {_tail(layout.log, lines=1).strip()}"
                )
            raise StartFailedError(
                f"The local cloud ended while starting (exit status {process.returncode}). "
                f"The end of {layout.log}:\n{_tail(layout.log)}"
            )
        time.sleep(_POLL_SECONDS)
    process.kill()
    process.wait()
    raise StartFailedError(
        f"The local cloud did not answer within {_READY_SECONDS:.0f} s. "
        f"The end of {layout.log}:\n{_tail(layout.log)}"
    )


def _environment() -> dict[str, str]:
    """This process's environment without variables that would lead the cloud to another cloud."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if variables.get("RATCHET_PRICES"):  # the server runs in the cloud's folder
        variables["RATCHET_PRICES"] = str(Path(variables["RATCHET_PRICES"]).absolute())
    return {**variables, UNAUTHORISED_VARIABLE: "0" if _enforced(os.environ) else "1"}


def _tail(log: Path, *, lines: int = _LOG_TAIL_LINES) -> str:
    last = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"  {line}" for line in last)


def _stop(layout: Layout) -> bool:
    content = layout.read_endpoint()
    if _is_free(layout):
        return False
    process = _server(content)
    for end in ("terminate", "kill"):
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, end)()
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            if _is_free(layout):
                layout.write_endpoint({**layout.read_endpoint(), "up": False})
                if process is not None:
                    _reap(process.pid)
                return True
            time.sleep(_POLL_SECONDS)
    raise StopFailedError(
        f"The local cloud of {layout.folder} did not end (process {content.get('pid')}). "
        f"Its log: {layout.log}"
    )


def _reap(pid: int) -> None:
    """If this process started the server, leave no zombie of it."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _is_free(layout: Layout) -> bool:
    lock = acquire(layout.lock)
    if lock is None:
        return False
    lock.close()
    return True


def _server(content: Mapping[str, Any]) -> psutil.Process | None:
    """The server's process, unless another process has its id by now."""
    try:
        process = psutil.Process(content["pid"])
        same = abs(process.create_time() - content["created"]) < 1.0
    except (KeyError, psutil.Error):
        return None
    return process if same else None
