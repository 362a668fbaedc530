"""The environment of functions: MiniStack hands them its own, which is the person's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ratchet.runner import sealed

_OF_MINISTACK = ("GATEWAY_PORT",)
"""What MiniStack reads from the same place when it starts a function."""


def install(*modules: ModuleType) -> None:
    """Let MiniStack's modules that start functions see a sealed environment as theirs.

    They make a function's variables of ``os.environ``, looked up when it starts. The function's
    own variables, its role's session, the region and the endpoint are added by them.
    """
    home = Path(tempfile.gettempdir()) / "home"
    variables = sealed.variables(home)
    variables |= {name: os.environ[name] for name in _OF_MINISTACK if name in os.environ}
    variables["TMPDIR"] = tempfile.gettempdir()
    for module in modules:
        module.os = _SealedOs(variables)  # type: ignore[attr-defined]


class _SealedOs:
    """The module ``os`` with another ``environ``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)
