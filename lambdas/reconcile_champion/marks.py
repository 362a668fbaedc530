"""The mark that a failed promotion leaves on its model package (pure).

It stands in the package's CustomerMetadataProperties, where a person sees it, as
"failed 2013-08-02T13:00:05Z: <why>", and keeps the version from being tried again for ever.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

KEY = "ratchet-deployment"

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_LONGEST = 256
_MARK = re.compile(r"failed (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ): (.*)", re.DOTALL)

_OWN_WRITE = timedelta(minutes=2)
"""Writing the mark changes the package too. What changed it later than this was somebody else,
who approved it again: SageMaker keeps no time of approval."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    at: datetime
    why: str

    def text(self) -> str:
        """As metadata's value: 256 of [letters, digits, spaces, _.:/=+-@] (botocore,
        CustomerMetadataValue)."""
        words = "".join(c if _allowed(c) else " " for c in self.why)
        head = f"failed {self.at.astimezone(UTC).strftime(_FORMAT)}: "
        return f"{head}{' '.join(words.split())}"[:_LONGEST].rstrip()

    def holds(self, *, modified: datetime | None) -> bool:
        """Whether nobody touched the package since it was marked."""
        return modified is None or modified <= self.at + _OWN_WRITE


def read(text: str | None) -> Mark | None:
    """None for a text that is no mark of this kind, whoever wrote it."""
    match = _MARK.fullmatch(text or "")
    if match is None:
        return None
    at = datetime.strptime(match[1], _FORMAT).replace(tzinfo=UTC)
    return Mark(at=at, why=match[2])


def _allowed(character: str) -> bool:
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LNZ"
