"""What is known of each column: the numbers behind statistics.json.

One sort per numerical column answers everything asked of it; a text column is counted by value.
Missing means null, NaN or infinite: JSON has no word for the latter two, and no mean survives them.

Each value is read by itself, whatever the others are. A column of numbers may hold values that are
none: they are counted (`mistyped`), are present, and are left out of all other statistics. Whether
a column is one of numbers says the baseline; in a baseline the share of numbers does.

Format: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
Where the page is silent this follows Deequ, the library inside Model Monitor's container: the
standard deviation is the population's, a bucket holds its lower bound and the last one both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.columns import MISSING, STRING, Floats, is_number, is_text, text_of
from ratchet.monitoring.sketch import Sketch

INTEGRAL, FRACTIONAL, UNKNOWN = "Integral", "Fractional", "Unknown"
VERSION = 0.0
BUCKETS = 10
# Deequ keeps a histogram of columns with no more distinct values than this.
MOST_CATEGORIES = 120

# Without a baseline: this share of the present values or more makes a column one of numbers. (In
# Deequ a single other value makes it text, and nothing else is known of it then.)
NUMBERS_SHARE = 0.9

# How a number that is missing may be written: CSV's words, and how writers of JSON quote infinity.
_MISSING_NUMBERS = pa.array(
    [*MISSING, "Infinity", "-Infinity", "inf", "-inf", "Inf", "-Inf", "NAN", "None"]
)

# Spark, below Model Monitor, reads all of these as booleans and writes them as the first.
_BOOLEANS = {"true": ("True", "TRUE"), "false": ("False", "FALSE")}

# Deequ's patterns of a value's type (analyzers.DataType): an integral text is a fraction, too.
_INTEGRAL_TEXT = r"^(-|\+)? ?\d+$"
_FRACTIONAL_TEXT = r"^(-|\+)? ?(\d+(\.\d*)?|\.\d+)([Ee][-+]?\d+)?$"


class Dataset(Protocol):
    """Rows to analyze; a column is read when it is asked for, so one need not hold them all."""

    @property
    def names(self) -> list[str]: ...

    @property
    def rows(self) -> int: ...

    @property
    def untyped(self) -> frozenset[str]:
        """Columns of text that may be numbers: CSV, or values of more than one type."""
        ...

    def column(self, name: str) -> pa.ChunkedArray: ...


@dataclass(frozen=True)
class Numbers:
    """A numerical feature; sums are in double precision.

    Of the `present` values `mistyped` are no numbers: they are in none of the other fields, nor in
    `sketch`. `whole` numbers have no fraction.
    """

    name: str
    inferred_type: str
    present: int
    mistyped: int
    whole: int
    missing: int
    mean: float
    total: float
    std_dev: float
    minimum: float
    maximum: float
    bounds: Floats
    counts: NDArray[np.int64]
    sketch: Sketch

    @property
    def numbers(self) -> int:
        return self.present - self.mistyped

    def count_of_type(self, expected: str) -> int:
        """How many of the present values are of the expected type."""
        return {INTEGRAL: self.whole, FRACTIONAL: self.numbers}.get(expected, self.present)

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

    mistyped: int = field(default=0, init=False)

    def count_of_type(self, expected: str) -> int:
        """Anything is a String. Where numbers are expected, this feature is there if none came."""
        return 0 if expected in (INTEGRAL, FRACTIONAL) else self.present

    def count_outside(self, domain: list[str]) -> int:
        """How many of the present values the domain does not hold."""
        spelled = list(with_one_spelling(dict.fromkeys(domain, 0)))
        is_in_domain = pc.is_in(self.values, value_set=pa.array(spelled, self.values.type))
        return self.present - int(self.counts[is_in_domain.to_numpy(zero_copy_only=False)].sum())

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
class EmptyProfile:
    """A feature without a single value, so without a type."""

    name: str
    missing: int
    present: int = 0
    mistyped: int = 0
    inferred_type: str = UNKNOWN

    def document(self) -> dict[str, Any]:
        common = {"num_present": 0, "num_missing": self.missing}
        return {
            "name": self.name,
            "inferred_type": UNKNOWN,
            "string_statistics": {"common": common, "distinct_count": 0.0},
        }


Feature = Numbers | Text | EmptyProfile


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
        return profile_column(
            name,
            dataset.column(name),
            expected=types.get(name, UNKNOWN),
            untyped=name in dataset.untyped,
        )

    names = [name for name in dataset.names if name not in exclude]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return Profile(dataset.rows, tuple(pool.map(of_column, names)))


def profile_column(
    name: str, column: pa.ChunkedArray, *, expected: str = UNKNOWN, untyped: bool = False
) -> Feature:
    kind = column.type
    if pa.types.is_null(kind):
        return EmptyProfile(name, len(column))
    if is_number(kind) and expected != STRING:
        number_type = INTEGRAL if pa.types.is_integer(kind) else FRACTIONAL
        return _numbers(name, _floats(column), len(column), number_type, expected)
    of_numbers = expected in (INTEGRAL, FRACTIONAL)
    if is_text(kind) and (of_numbers or (untyped and expected == UNKNOWN)):
        numbers, mistyped, number_type = _numbers_of_text(column)
        enough = 0.0 if of_numbers else NUMBERS_SHARE
        if len(numbers) and len(numbers) >= enough * (len(numbers) + mistyped):
            feature = _numbers(name, numbers, len(column), number_type, expected, mistyped)
            if isinstance(feature, Numbers) or not mistyped:
                return feature
    values, counts = _count_values(column)
    present = int(counts.sum())
    if present == 0:
        return EmptyProfile(name, len(column))
    return Text(name, present, len(column) - present, values, counts)


def with_one_spelling(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by value, booleans under one spelling: JSON writes true where CSV has True."""
    spelled = dict(counts)
    for word, others in _BOOLEANS.items():
        for other in others:
            if other in spelled:
                spelled[word] = spelled.get(word, 0) + spelled.pop(other)
    return spelled


def _numbers_of_text(column: pa.ChunkedArray) -> tuple[Floats, int, str]:
    """The numbers among the texts, how many texts are neither that nor missing, and the type."""
    texts, times = _distinct_or_all(column)
    texts = pc.utf8_trim_whitespace(texts)
    is_number = pc.match_substring_regex(texts, _FRACTIONAL_TEXT)
    missing = pc.is_in(texts, value_set=_MISSING_NUMBERS.cast(texts.type))
    mistyped = ~(pc.or_(is_number, missing).to_numpy(zero_copy_only=False))
    numbers = texts.filter(is_number)
    whole = bool(pc.all(pc.match_substring_regex(numbers, _INTEGRAL_TEXT)).as_py())
    bare = pc.replace_substring_regex(numbers, "[+ ]", "")
    try:
        values = bare.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # beyond the range of doubles: infinite, so missing
        values = bare.to_numpy(zero_copy_only=False).astype(np.float64)
    repeated = np.repeat(values, times[is_number.to_numpy(zero_copy_only=False)])
    return repeated, int(times[mistyped].sum()), INTEGRAL if whole else FRACTIONAL


def _distinct_or_all(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """The texts that are there, and the rows of each: of a dictionary each text once."""
    if pa.types.is_dictionary(column.type):
        return _count_encoded(column)
    texts = column.drop_null().combine_chunks()
    return texts, np.ones(len(texts), np.int64)


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


def _numbers(
    name: str,
    values: Floats,
    rows: int,
    inferred_type: str,
    expected: str,
    mistyped: int = 0,
) -> Feature:
    values.sort()  # NaN goes to the end
    low = int(np.searchsorted(values, -np.inf, side="right"))
    high = int(np.searchsorted(values, np.inf, side="left"))
    values = values[low:high]
    if len(values) == 0:
        return EmptyProfile(name, rows)
    whole = len(values)
    if inferred_type == FRACTIONAL:  # counting takes time, and nobody else asks
        whole = int(np.count_nonzero(values == np.floor(values))) if expected == INTEGRAL else 0
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
        present=len(values) + mistyped,
        mistyped=mistyped,
        whole=whole,
        missing=rows - len(values) - mistyped,
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
        values, counts = _count_encoded(column)
    else:
        texts = column if is_text(column.type) else _as_text(column)
        counted = pc.value_counts(texts.drop_null())
        values = counted.field("values")
        counts = counted.field("counts").to_numpy(zero_copy_only=False)
    words = [word for others in _BOOLEANS.values() for word in others]
    if not pc.any(pc.is_in(values, value_set=pa.array(words, values.type))).as_py():
        return values, counts
    pairs = zip(values.to_pylist(), counts.tolist(), strict=True)
    spelled = with_one_spelling(dict(pairs))
    return pa.array(list(spelled), values.type), np.array(list(spelled.values()), np.int64)


def _count_encoded(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    encoded = column.unify_dictionaries().combine_chunks()
    indices = encoded.indices.drop_null().to_numpy(zero_copy_only=False)
    counts = np.bincount(indices, minlength=len(encoded.dictionary)).astype(np.int64)
    used = counts > 0
    return _as_text(encoded.dictionary.filter(pa.array(used))), counts[used]


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Booleans, dates and times have no type of their own in Model Monitor: they are text."""
    try:
        return text_of(values)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # bytes, for example
        return pa.chunked_array([pa.array([str(value) for value in values.to_pylist()])])


def _json(number: float) -> float | str:
    """JSON has no infinity and no NaN; Model Monitor writes them as text."""
    if np.isfinite(number):
        return float(number)
    return "NaN" if np.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
