"""The process that is the local cloud: MiniStack with our SageMaker, until it is told to end.

Started by ``control.up``; to watch one in a terminal:
``python -m ratchet.local_cloud.server --folder .ratchet/cloud --region us-east-1``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import IO, NoReturn

from ratchet.local_cloud import folder
from ratchet.local_cloud.databases import UnreadableStateError
from ratchet.local_cloud.layout import (
    ACCOUNT,
    EXIT_ALREADY_UP,
    EXIT_PORT_TAKEN,
    EXIT_STATE_UNREADABLE,
    UNAUTHORISED_VARIABLE,
    Layout,
    LocalCloudError,
    acquire,
)
from ratchet.switch_words import switch

_HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 75
_GRACEFUL_SECONDS = 2.0


def main() -> None:
    """Serve the cloud of a folder. Exit status 75: it is up already; 73: the port is taken."""
    options = _options()
    layout = Layout(options.folder.absolute())
    try:
        folder.claim(layout)
    except LocalCloudError as refusal:
        sys.exit(str(refusal))
    lock = acquire(layout.lock)
    if lock is None:
        print(f"the local cloud of {layout.folder} is up already", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_ALREADY_UP)
    try:
        listener = _listen(options.port, options.prefer)
    except OSError as error:
        print(f"port {options.port}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_PORT_TAKEN)
    _prepare(layout, options.region, listener.getsockname()[1])
    asyncio.run(_serve(layout, options.region, listener))
    _leave(lock)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a local cloud.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", type=int, help="this port or none")
    parser.add_argument("--prefer", type=int, default=0, help="this port if it is free")
    return parser.parse_args()


def _listen(port: int | None, prefer: int) -> socket.socket:
    """A socket bound to the loopback address before anything else starts, so no race for it."""
    for candidate in (port,) if port is not None else (prefer, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, candidate))
        except OSError:
            listener.close()
            if candidate in (port, 0):
                raise
            continue
        return listener
    raise AssertionError("unreachable")


def _prepare(layout: Layout, region: str, port: int) -> None:
    """Settings that MiniStack reads from the environment when it is imported."""
    shutil.rmtree(layout.temporary, ignore_errors=True)
    layout.temporary.mkdir(parents=True)
    os.environ.update(
        AUTH="false" if switch(os.environ.get(UNAUTHORISED_VARIABLE, "")) else "true",
        # What a child of this process finds is what it was handed, not this machine's profiles.
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        BIND_HOST=_HOST,
        GATEWAY_PORT=str(port),
        MINISTACK_REGION=region,
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        # The two listeners that MiniStack would open on every address.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="1",
        STATE_DIR=str(layout.services),
        S3_PERSIST="1",
        S3_DATA_DIR=str(layout.objects),
        LOG_LEVEL=os.environ.get("LOG_LEVEL", "INFO"),
    )
    # Of this process only: what its children make of a long TMPDIR (sockets) is another matter.
    tempfile.tempdir = str(layout.temporary)
    # Functions and steps inherit the environment; how this process found modules is not theirs.
    os.environ.pop("PYTHONPATH", None)
    # botocore reads the name of a profile even where no profiles are to be found.
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)


async def _serve(layout: Layout, region: str, listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from hypercorn.utils import LifespanFailureError

    from ratchet.local_cloud.emulator.application import Application

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.graceful_timeout = _GRACEFUL_SECONDS
    config.loglevel = "WARNING"
    try:
        application = Application(
            layout=layout, region=region, port=int(os.environ["GATEWAY_PORT"])
        )
    except ValueError as wrong_switch:
        sys.exit(f"The local cloud was not started: {wrong_switch}")
    except UnreadableStateError as error:
        _refuse(error)
    try:
        await serve(application, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    except LifespanFailureError:
        if isinstance(application.failure, UnreadableStateError):
            _refuse(application.failure)
        raise (application.failure or RuntimeError("it ended at its start")) from None


def _refuse(error: UnreadableStateError) -> NoReturn:
    """End with a last line that ``control`` shows as it is."""
    print(error, file=sys.stderr, flush=True)  # noqa: T201
    sys.exit(EXIT_STATE_UNREADABLE)


def _leave(lock: IO[str]) -> None:
    """End at once: everything is saved, and worker threads need not be waited for."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        child.terminate()
    _, alive = psutil.wait_procs(children, timeout=2)
    for child in alive:
        child.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    del lock  # released by the end of the process, when nothing of it is left
    os._exit(0)


if __name__ == "__main__":
    main()
