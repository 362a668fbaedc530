"""What runs on a laptop: the runner, the local cloud, the command line, and `ratchet.connect` for
notebooks."""

from importlib import import_module

_API = "connect"


def __getattr__(name: str) -> object:
    # Loaded when it is asked for, and by name: functions and steps carry this file, and no API.
    if name != _API:
        raise AttributeError(f"module 'ratchet' has no attribute {name!r}")
    return getattr(import_module("ratchet.api"), name)


def __dir__() -> list[str]:
    return [*globals(), _API]
