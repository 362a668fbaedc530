"""One kernel for many tests: its names, modules and folder are put back between two of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ratchet.notebooks import kernel_session
from ratchet.notebooks.kernel_session import KernelSession

_REMEMBER = """
def _remember():
    import sys
    names = set(globals()) | {"_remember", "_put_back"}
    modules, path = set(sys.modules), list(sys.path)

    def put_back(folder):
        import os
        for name in set(globals()) - names:
            del globals()[name]
        for name in set(sys.modules) - modules:
            module = sys.modules[name]
            if (getattr(module, "__file__", None) or "").startswith(("/tmp", str(folder))):
                del sys.modules[name]
        sys.path[:] = path
        os.chdir(folder)

    return put_back
_put_back = _remember()
"""


class SharedKernel:
    """A stand-in for `kernel_session.kernel` that starts the kernel once."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._session: KernelSession | None = None

    @contextlib.contextmanager
    def kernel(self, name: str, folder: Path) -> Iterator[KernelSession]:
        if self._session is None:
            self._session = self._stack.enter_context(kernel_session.kernel(name, folder))
            self._session.must_run(_REMEMBER)
        self._session.must_run(f"_put_back({str(folder.resolve())!r})")
        yield self._session

    def end(self) -> None:
        self._stack.close()
