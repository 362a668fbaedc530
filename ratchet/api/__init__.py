"""The Python API: `ratchet.connect`."""

from ratchet.api.connecting import connect
from ratchet.api.drift import DriftResult
from ratchet.api.errors import RatchetError
from ratchet.api.loop import LoopConnection
from ratchet.api.run import RunResult

__all__ = ["DriftResult", "LoopConnection", "RatchetError", "RunResult", "connect"]
