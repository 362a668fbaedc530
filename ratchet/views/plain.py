"""A view as plain data: what `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ratchet.costs import money


def as_json(value: Any) -> Any:
    """A view, or a part of one, as objects, lists, text and numbers.

    The fields of a dataclass are the keys of its object. Times and days are in ISO 8601. Amounts
    are US dollars as text with nine places, so that no reader makes a binary fraction of them.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple | Set):
        return [as_json(part) for part in value]
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{money.rounded(value):f}"
    return str(value) if isinstance(value, Path) else value
