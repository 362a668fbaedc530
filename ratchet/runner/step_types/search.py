"""Which hyperparameters a tuning job tries: its ranges, sampled or laid out as a grid.

API reference: ParameterRanges, HyperParameterTuningJobConfig; scaling: developer guide, "Define
Hyperparameter Ranges".
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCALINGS = ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic")
NUMERIC = ("IntegerParameterRanges", "ContinuousParameterRanges")
CATEGORICAL = "CategoricalParameterRanges"
_TRIES = 1000  # draws without a new combination, after which the space counts as exhausted


@dataclass(frozen=True, kw_only=True)
class NumberRange:
    """A range of numbers, both ends included."""

    name: str
    low: float
    high: float
    scaling: str
    integer: bool

    def draw(self, chance: random.Random) -> str:
        low, high = self.low, self.high
        if self.scaling == "Logarithmic":
            value = math.exp(chance.uniform(math.log(low), math.log(high)))
        elif self.scaling == "ReverseLogarithmic":
            value = 1 - math.exp(chance.uniform(math.log(1 - high), math.log(1 - low)))
        elif self.integer:
            return str(chance.randint(int(low), int(high)))
        else:
            value = chance.uniform(low, high)
        value = min(max(value, low), high)
        return str(round(value)) if self.integer else repr(value)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A list of values."""

    name: str
    values: tuple[str, ...]

    def draw(self, chance: random.Random) -> str:
        return chance.choice(self.values)


Range = NumberRange | Choice


def read_ranges(body: Mapping[str, Any]) -> list[Range]:
    """ParameterRanges as values. ValueError, naming the parameter, for one that cannot be."""
    ranges: list[Range] = []
    for key in NUMERIC:
        ranges += [_number(item, key.startswith("Integer")) for item in body.get(key) or []]
    for item in body.get(CATEGORICAL) or []:
        values = tuple(str(value) for value in item.get("Values") or ())
        if not values:
            raise ValueError(f"{item.get('Name')!r} has no Values to choose from")
        ranges.append(Choice(name=item["Name"], values=values))
    return ranges


def _number(item: Mapping[str, Any], integer: bool) -> NumberRange:
    name, scaling = item.get("Name", ""), item.get("ScalingType", "Auto")
    try:
        low, high = float(item["MinValue"]), float(item["MaxValue"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{name!r} needs a number as MinValue and as MaxValue") from None
    if low > high:
        raise ValueError(f"{name!r} has a MinValue {low:g} above its MaxValue {high:g}")
    if scaling not in SCALINGS:
        raise ValueError(f"{name!r} has ScalingType {scaling!r}: expected {', '.join(SCALINGS)}")
    if scaling == "Logarithmic" and low <= 0:
        raise ValueError(f"{name!r} is Logarithmic from {low:g}: expected values above 0")
    if scaling == "ReverseLogarithmic" and not (low >= 0 and high < 1 and not integer):
        raise ValueError(
            f"{name!r} is ReverseLogarithmic: expected a continuous range with 0 <= x < 1"
        )
    return NumberRange(name=name, low=low, high=high, scaling=scaling, integer=integer)


def sampled(ranges: Sequence[Range], *, count: int, seed: int) -> Iterator[dict[str, str]]:
    """At most ``count`` different combinations; fewer when the space has no more of them."""
    chance = random.Random(seed)  # noqa: S311 - a search, and repeatable
    seen: set[tuple[str, ...]] = set()
    tries = 0
    while len(seen) < count and tries < _TRIES:
        drawn = tuple(item.draw(chance) for item in ranges)
        tries += 1
        if drawn not in seen:
            seen.add(drawn)
            tries = 0
            yield {item.name: value for item, value in zip(ranges, drawn, strict=True)}


def grid(ranges: Sequence[Range]) -> Iterator[dict[str, str]]:
    """Every combination of lists of values."""
    lists = [item.values for item in ranges if isinstance(item, Choice)]
    for combination in itertools.product(*lists):
        yield {item.name: value for item, value in zip(ranges, combination, strict=True)}
