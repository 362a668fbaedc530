"""The Python API: `ratchet.connect`."""

from ratchet.api.connecting import connect
from ratchet.api.drift import Drift
from ratchet.api.errors import RatchetError
from ratchet.api.loop import Loop
from ratchet.api.run import Run

__all__ = ["Drift", "Loop", "RatchetError", "Run", "connect"]
