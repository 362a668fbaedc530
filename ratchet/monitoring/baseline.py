"""What a dataset is compared with: the files that a baseline job wrote, whoever's job it was."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ratchet.monitoring.constraints import MonitoringConfig
from ratchet.monitoring.profiles import UNKNOWN, with_one_spelling
from ratchet.monitoring.sketch import Sketch


class InvalidBaselineError(ValueError):
    """Baseline files that cannot be read as Model Monitor's formats."""


@dataclass(frozen=True)
class Baseline:
    """What a baseline job wrote: statistics.json and constraints.json. Its rows are not needed."""

    statistics: Mapping[str, Any]
    constraints: Mapping[str, Any]

    @classmethod
    def load(cls, *, statistics: Path, constraints: Path) -> Baseline:
        """Read both files. Raises InvalidBaselineError, naming the file."""
        return cls(read_document(statistics, "features"), read_document(constraints, "features"))

    def without(self, names: Collection[str]) -> Baseline:
        """The baseline as if these features had never been in it."""
        features = [f for f in self.constraints["features"] if f["name"] not in names]
        return Baseline(self.statistics, {**self.constraints, "features": features})

    @property
    def rows(self) -> int:
        return int(self.statistics["dataset"]["item_count"])

    @property
    def types(self) -> dict[str, str]:
        """Expected type of each feature, in the baseline's order."""
        return {
            str(f["name"]): str(f.get("inferred_type", UNKNOWN))
            for f in self.constraints["features"]
        }

    def evaluated(self) -> Iterator[tuple[Mapping[str, Any], MonitoringConfig]]:
        """The constraints of each feature that is to be checked, and its settings."""
        config = self.constraints.get("monitoring_config", {})
        for constraints in self.constraints["features"]:
            settings = MonitoringConfig.of(config, _overrides(constraints))
            if settings.evaluate:
                yield constraints, settings

    def feature(self, name: str) -> Mapping[str, Any] | None:
        """What statistics.json says of a feature; None when it does not hold it."""
        return self._features.get(name)

    @cached_property
    def _features(self) -> dict[str, Mapping[str, Any]]:
        return {feature["name"]: feature for feature in self.statistics["features"]}

    def counts(self, name: str) -> tuple[int, int]:
        """Present and missing values; all present where the statistics do not hold the feature."""
        common = _statistics(self.feature(name)).get("common", {})
        return int(common.get("num_present", self.rows)), int(common.get("num_missing", 0))

    def sketch(self, name: str) -> Sketch | None:
        """The distribution of a column of numbers; None of any other."""
        numbers = (self.feature(name) or {}).get("numerical_statistics")
        document = (numbers or {}).get("distribution", {}).get("kll", {}).get("sketch")
        return None if document is None else Sketch.from_document(document)

    def categories(self, name: str) -> dict[str, int]:
        """Rows of each value of a text column; none where there were too many values to list."""
        categorical = _statistics(self.feature(name)).get("distribution", {}).get("categorical", {})
        counts = {bucket["value"]: bucket["count"] for bucket in categorical.get("buckets", [])}
        return with_one_spelling(counts)

    def mistyped(self, name: str) -> int:
        """Present values of a column of numbers that are none: they are not in its sketch."""
        sketch = self.sketch(name)
        return 0 if sketch is None else max(0, self.counts(name)[0] - sketch.rows)

    def seen_once(self, name: str) -> int:
        """How many values of a text column occur once, as far as its values are listed."""
        return sum(count == 1 for count in self.categories(name).values())


def read_document(path: Path, key: str) -> Mapping[str, Any]:
    """A baseline's file, which must hold `key`. Raises InvalidBaselineError, naming the file."""
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        document[key]
    except FileNotFoundError:
        message = f"no baseline file at {path}; run the analyzer without a baseline to write one"
        raise InvalidBaselineError(message) from None
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a Model Monitor file with {key!r}: {error}"
        raise InvalidBaselineError(message) from None
    return document


def _statistics(feature: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The part of a feature in statistics.json that its type has."""
    feature = feature or {}
    statistics: Mapping[str, Any] = feature.get("numerical_statistics") or feature.get(
        "string_statistics", {}
    )
    return statistics


def _overrides(constraints: Mapping[str, Any]) -> Mapping[str, Any]:
    """AWS's page and the files of its SDK spell the key in two ways."""
    camel: Mapping[str, Any] = constraints.get("monitoringConfigOverrides", {})
    return camel or constraints.get("monitoring_config_overrides", {})
