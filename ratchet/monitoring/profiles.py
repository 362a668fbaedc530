"""What is known of each column: the numbers behind statistics.json.

One sort per numerical column answers everything asked of it; a text column is counted by value.
Missing means null, NaN or infinite: JSON has no word for the latter two, and no mean survives them.

Format: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
Where the page is silent this follows Deequ, the library inside Model Monitor's container: the
standard deviation is the population's, a bucket holds its lower bound and the last one both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.sketch import Floats, Sketch

INTEGRAL, FRACTIONAL, STRING, UNKNOWN = "Integral", "Fractional", "String", "Unknown"
VERSION = 0.0
BUCKETS = 10
# Deequ keeps a histogram of columns with no more distinct values than this.
MOST_CATEGORIES = 120

# Deequ's patterns of a value's type (analyzers.DataType): an integral text is a fraction, too.
_INTEGRAL_TEXT = r"^(-|\+)? ?\d+$"
_FRACTIONAL_TEXT = r"^(-|\+)? ?(\d+(\.\d*)?|\.\d+)([Ee][-+]?\d+)?$"


class Dataset(Protocol):
    """Rows to analyze; a column is read when it is asked for, so one need not hold them all."""

    @property
    def names(self) -> list[str]: ...

    @property
    def rows(self) -> int: ...

    def column(self, name: str) -> pa.ChunkedArray: ...


@dataclass(frozen=True)
class Numbers:
    """A numerical feature. `sketch` is of the present values; sums are in double precision."""

    name: str
    inferred_type: str
    present: int
    missing: int
    mean: float
    total: float
    std_dev: float
    minimum: float
    maximum: float
    bounds: Floats
    counts: NDArray[np.int64]
    sketch: Sketch

    def share_of_type(self, expected: str) -> float:
        """Share of the present values that are of the expected type."""
        return 0.0 if (expected, self.inferred_type) == (INTEGRAL, FRACTIONAL) else 1.0

    def document(self) -> dict[str, Any]:
        buckets = [
            {"lower_bound": _json(low), "upper_bound": _json(high), "count": float(count)}
            for low, high, count in zip(self.bounds, self.bounds[1:], self.counts, strict=False)
        ]
        return {
            "name": self.name,
            "inferred_type": self.inferred_type,
            "numerical_statistics": {
                "common": {"num_present": self.present, "num_missing": self.missing},
                "mean": _json(self.mean),
                "sum": _json(self.total),
                "std_dev": _json(self.std_dev),
                "min": self.minimum,
                "max": self.maximum,
                "distribution": {"kll": {"buckets": buckets, "sketch": self.sketch.document()}},
            },
        }


@dataclass(frozen=True)
class Text:
    """A text feature and how often each value occurs; ordered only when there are few."""

    name: str
    present: int
    missing: int
    values: pa.Array
    counts: NDArray[np.int64]
    inferred_type: str = STRING

    @property
    def categories(self) -> dict[str, int] | None:
        """Rows of each value, most frequent first; None when they are too many."""
        if len(self.values) > MOST_CATEGORIES:
            return None
        pairs = zip(self.values.to_pylist(), self.counts.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def share_of_type(self, expected: str) -> float:
        """Any text is a String; a number kept as text is one where it looks like one."""
        if expected == STRING:
            return 1.0
        pattern = _INTEGRAL_TEXT if expected == INTEGRAL else _FRACTIONAL_TEXT
        fits = pc.match_substring_regex(self.values, pattern).to_numpy(zero_copy_only=False)
        return float(self.counts[fits].sum() / self.present)

    def share_within(self, domain: list[str]) -> float:
        """Share of the present values that the domain holds."""
        known = pc.is_in(self.values, value_set=pa.array(domain, self.values.type))
        return float(self.counts[known.to_numpy(zero_copy_only=False)].sum() / self.present)

    def document(self) -> dict[str, Any]:
        statistics: dict[str, Any] = {
            "common": {"num_present": self.present, "num_missing": self.missing},
            "distinct_count": float(len(self.values)),
        }
        if (categories := self.categories) is not None:
            buckets = [{"value": value, "count": count} for value, count in categories.items()]
            statistics["distribution"] = {"categorical": {"buckets": buckets}}
        return {"name": self.name, "inferred_type": STRING, "string_statistics": statistics}


@dataclass(frozen=True)
class Nothing:
    """A feature without a single value, so without a type."""

    name: str
    missing: int
    present: int = 0
    inferred_type: str = UNKNOWN

    def document(self) -> dict[str, Any]:
        common = {"num_present": 0, "num_missing": self.missing}
        return {
            "name": self.name,
            "inferred_type": UNKNOWN,
            "string_statistics": {"common": common, "distinct_count": 0.0},
        }


Feature = Numbers | Text | Nothing


@dataclass(frozen=True)
class Profile:
    rows: int
    features: tuple[Feature, ...]

    def statistics(self) -> dict[str, Any]:
        """The content of statistics.json."""
        return {
            "version": VERSION,
            "dataset": {"item_count": self.rows},
            "features": [feature.document() for feature in self.features],
        }


def profile(
    dataset: Dataset,
    *,
    expected: Mapping[str, str] | None = None,
    exclude: Collection[str] = (),
    workers: int = 2,
) -> Profile:
    """Profile every column but the excluded ones, `workers` columns at a time.

    `expected` gives the type a baseline found for a name. A column of numbers whose baseline is
    text is then counted as text: a batch of requests may happen to hold only "9" of "9" and "9E".
    Numbers that a JSON request quotes, where the baseline has numbers, are numbers.
    """
    types = expected or {}

    def of_column(name: str) -> Feature:
        column = dataset.column(name)
        if types.get(name) in (INTEGRAL, FRACTIONAL):
            column = _unquoted(column)
        return profile_column(name, column, as_text=types.get(name) == STRING)

    names = [name for name in dataset.names if name not in exclude]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return Profile(dataset.rows, tuple(pool.map(of_column, names)))


def profile_column(name: str, column: pa.ChunkedArray, *, as_text: bool = False) -> Feature:
    kind = column.type
    if pa.types.is_null(kind):
        return Nothing(name, len(column))
    if _is_number(kind) and not as_text:
        whole = pa.types.is_integer(kind)
        return _numbers(name, _floats(column), len(column), INTEGRAL if whole else FRACTIONAL)
    values, counts = _count_values(column)
    present = int(counts.sum())
    if present == 0:
        return Nothing(name, len(column))
    return Text(name, present, len(column) - present, values, counts)


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _unquoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as numbers, if all of it is numbers."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        for kind in (pa.int64(), pa.float64()):
            with contextlib.suppress(pa.ArrowInvalid):
                return column.cast(kind)
    return column


def _floats(column: pa.ChunkedArray) -> Floats:
    """The present values as a new array of doubles, which the caller may sort in place."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64(), safe=False)
    filled = np.empty(len(column) - column.null_count)
    start = 0
    for chunk in column.chunks:
        part = chunk.drop_null() if chunk.null_count else chunk
        filled[start : start + len(part)] = part.to_numpy(zero_copy_only=False)
        start += len(part)
    return filled


def _numbers(name: str, values: Floats, rows: int, inferred_type: str) -> Feature:
    values.sort()  # NaN goes to the end
    low = int(np.searchsorted(values, -np.inf, side="right"))
    high = int(np.searchsorted(values, np.inf, side="left"))
    values = values[low:high]
    if len(values) == 0:
        return Nothing(name, rows)
    minimum, maximum = float(values[0]), float(values[-1])
    bounds = _bucket_bounds(minimum, maximum)
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(values.sum())
        mean = total / len(values)
        deviations = values - mean
        std_dev = float(np.sqrt(np.dot(deviations, deviations) / len(values)))
    below = np.searchsorted(values, bounds[1:-1], side="left")
    return Numbers(
        name=name,
        inferred_type=inferred_type,
        present=len(values),
        missing=rows - len(values),
        mean=mean,
        total=total,
        std_dev=std_dev,
        minimum=minimum,
        maximum=maximum,
        bounds=bounds,
        counts=np.diff(below, prepend=0, append=len(values)),
        sketch=Sketch.of_sorted(values),
    )


def _bucket_bounds(minimum: float, maximum: float) -> Floats:
    """Eleven bounds of ten buckets of one width; always ascending, even where doubles run out."""
    steps = np.arange(BUCKETS + 1) / BUCKETS
    with np.errstate(over="ignore", invalid="ignore"):
        bounds = minimum + (maximum - minimum) * steps
    if not np.isfinite(bounds).all():
        bounds = minimum * (1 - steps) + maximum * steps
    bounds = np.maximum.accumulate(np.clip(bounds, minimum, maximum))
    bounds[-1] = maximum
    return bounds


def _count_values(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Distinct values as text and the rows of each."""
    if pa.types.is_dictionary(column.type):
        encoded = column.unify_dictionaries().combine_chunks()
        indices = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
        counts = np.bincount(indices, minlength=len(encoded.dictionary)).astype(np.int64)
        used = counts > 0
        return _as_text(encoded.dictionary.filter(pa.array(used))), counts[used]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = _as_text(column)
    counted = pc.value_counts(column.drop_null())
    return counted.field("values"), counted.field("counts").to_numpy(zero_copy_only=False)


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Booleans, dates and times have no type of their own in Model Monitor: they are text."""
    try:
        return values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, maps, bytes
        return pa.chunked_array([pa.array([str(value) for value in values.to_pylist()])])


def _json(number: float) -> float | str:
    """JSON has no infinity and no NaN; Model Monitor writes them as text."""
    if np.isfinite(number):
        return float(number)
    return "NaN" if np.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
