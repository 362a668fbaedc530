"""What goes wrong, in the words of the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class RatchetError(Exception):
    """Something that you can correct: the message says what is wrong, and what to do next. It is
    the message of the command line."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a stack trace, which would be one of Ratchet's insides."""
        return [f"RatchetError: {self}"]


def explained(call: Callable[P, T]) -> Callable[P, T]:
    """The call; an error that a user can correct becomes a RatchetError, any other stays."""

    @wraps(call)
    def explaining(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except Exception as problem:
            message = _explanation(problem)
            if message is None:
                raise
            raise RatchetError(message) from None

    return explaining


def _explanation(problem: Exception) -> str | None:
    """None for a bug, whose trace is shown."""
    from ratchet.deployment.errors import DeploymentError, explain
    from ratchet.local_cloud.layout import LocalCloudError
    from ratchet.settings.schema import SettingsError

    if isinstance(problem, DeploymentError | LocalCloudError | SettingsError):
        return str(problem)
    return None if isinstance(problem, RatchetError) else explain(problem)
