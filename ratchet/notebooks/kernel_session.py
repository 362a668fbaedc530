"""A kernel that runs pieces of code, and ends when this process does."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from ratchet.notebooks.errors import NotebookError

INSTALL = 'pip install "sagemaker-ratchet[notebooks]"'
KERNEL_PACKAGE = Path(__file__).parent / "kernel"
_PACKAGE = "_ratchet_kernel"
_BOOTSTRAP = """
def _load():
    import importlib.util, os, sys
    os.environ["MPLBACKEND"] = "Agg"  # a kernel sets inline, which draws at the end of each cell
    folder = {folder!r}
    spec = importlib.util.spec_from_file_location(
        {package!r}, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    module = importlib.util.module_from_spec(spec)
    sys.modules[{package!r}] = module
    spec.loader.exec_module(module)
_load()
del _load
"""


@dataclass(frozen=True)
class CellError:
    """The error with which a piece of code ended."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class KernelSession:
    """A running kernel."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager, self._client = manager, client

    def run(self, code: str) -> CellError | None:
        """Runs code as a cell; its error, or None.

        Raises:
            NotebookError: the kernel has died.
        """
        request = self._client.execute(code, store_history=False, allow_stdin=False)
        content = self._reply(request)["content"]
        if content["status"] == "ok":
            return None
        return CellError(str(content.get("ename", "Error")), str(content.get("evalue", ""))[:300])

    def _reply(self, request: str) -> Any:
        while True:
            try:
                reply = self._client.get_shell_msg(timeout=1)
            except queue.Empty:
                if not self._manager.is_alive():
                    raise NotebookError(
                        "the kernel died. It may have run out of memory: try with less data"
                    ) from None
            else:
                if reply["parent_header"].get("msg_id") == request:
                    return reply

    def load(self) -> None:
        """Makes the modules of `ratchet/notebooks/kernel/` importable in the kernel."""
        self.must_run(bootstrap())

    def call(self, module: str, expression: str) -> None:
        """Evaluates an expression with `it`, a module of `ratchet/notebooks/kernel/`, and `scope`,
        the names of the notebook; neither becomes a name of the notebook.

        Raises:
            NotebookError: it fails.
        """
        imported = f"__import__('{_PACKAGE}.{module}', fromlist=['it'])"
        self.must_run(f"(lambda it, scope: {expression})({imported}, globals())")

    def must_run(self, code: str) -> None:
        error = self.run(code)
        if error:
            raise NotebookError(f"the kernel cannot record the notebook: {error}")


def bootstrap() -> str:
    """Python text that loads the package of `ratchet/notebooks/kernel/` by its path."""
    return _BOOTSTRAP.format(folder=str(KERNEL_PACKAGE), package=_PACKAGE)


@contextlib.contextmanager
def kernel(name: str, folder: Path) -> Iterator[KernelSession]:
    """A kernel that works in a folder. It ends with the block, also when SIGTERM ends the command.

    Raises:
        NotebookError: the packages that run notebooks are missing, there is no such kernel, or it
            does not start.
    """
    try:
        from jupyter_client import kernelspec
        from jupyter_client.manager import start_new_kernel
    except ModuleNotFoundError:
        raise NotebookError(f"a notebook's kernel needs further packages: {INSTALL}") from None
    with _terminating():
        try:
            manager, client = start_new_kernel(
                kernel_name=name,
                cwd=str(folder),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except kernelspec.NoSuchKernel:
            installed = kernelspec.KernelSpecManager().find_kernel_specs()
            kernels = ", ".join(sorted(installed)) or "none"
            raise NotebookError(
                f"there is no kernel {name!r}; there are: {kernels}. Choose one with "
                f"--kernel, or install Python's own: {INSTALL}"
            ) from None
        except RuntimeError as problem:
            raise NotebookError(f"the kernel {name!r} does not start: {problem}") from None
        try:
            yield KernelSession(manager, client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM becomes an exception, so that what is open is closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
