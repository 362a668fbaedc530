"""What each error of Amazon Bedrock's runtime means for the row that was asked about.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Errors"
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ratchet.candidates.replies import BusyModelError, RefusedTrialError, UnansweredRowError
from ratchet.deployment.errors import DENIED, explain

_UNREACHABLE = 2
"""Attempts at a service that does not answer at all."""
_THROTTLED = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "ModelNotReadyException"}
)
_BUSY = _THROTTLED | {"ServiceUnavailableException", "InternalServerException"}
_NO_ANSWER = frozenset({"ModelTimeoutException", "ModelErrorException"})
_TOO_LONG = ("too long", "maximum context", "too many tokens")
_MISSING = "ResourceNotFoundException"


@dataclass(frozen=True, kw_only=True)
class Failures:
    """How requests of one trial fail."""

    seconds: float
    """How long a row may take."""
    hint: str
    """What to type after the model was refused."""
    local: bool = False
    """Whether this is the local cloud, where a server that is not there does not come back."""

    @contextmanager
    def named(self, refused: Callable[[str], Exception | None] = lambda _: None) -> Iterator[None]:
        """Turns errors of botocore into those of replies.py.

        Args:
            refused: the error for a request that is not valid, by its message, where it is a known
                one.
        """
        from botocore import exceptions

        try:
            yield
        except exceptions.ReadTimeoutError:
            raise UnansweredRowError(f"no answer within {self.seconds:g} s", billed=True) from None
        except exceptions.ClientError as problem:
            raise self._of_service(problem, refused) from None
        except (exceptions.HTTPClientError, exceptions.ConnectionError) as problem:
            raise BusyModelError(str(explain(problem)), attempts=_UNREACHABLE) from None

    def _of_service(self, problem: Any, refused: Callable[[str], Exception | None]) -> Exception:
        error = problem.response.get("Error", {})
        code, message = str(error.get("Code", "")), str(error.get("Message", "")).strip()
        reason = f"{code}: {message}" if message else code
        if code in _BUSY:
            absent = self.local and code not in _THROTTLED
            return BusyModelError(reason, attempts=_UNREACHABLE if absent else None)
        if code in _NO_ANSWER:
            return UnansweredRowError(reason, billed=True)
        if code == "ValidationException":
            if (known := refused(message)) is not None:
                return known
            if any(words in message.lower() for words in _TOO_LONG):
                return UnansweredRowError(reason, billed=False)
        hint = self.hint if code in {*DENIED, _MISSING} else ""
        return RefusedTrialError("\n".join(filter(None, [str(explain(problem)), hint])))
