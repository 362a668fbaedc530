"""What a comparison with a baseline comes to: words that all of them share."""

from __future__ import annotations

from dataclasses import dataclass

COMPLETED = "Completed"
COMPLETED_WITH_VIOLATIONS = "CompletedWithViolations"
TOO_FEW_ROWS = "TooFewRows"

# Below this, the correction of the Robust method alone is at least 0.18.
MINIMUM_ROWS = 100


@dataclass(frozen=True)
class Violation:
    """A constraint of a feature that is not met."""

    feature: str
    check: str
    description: str

    def document(self) -> dict[str, str]:
        return {
            "feature_name": self.feature,
            "constraint_check_type": self.check,
            "description": self.description,
        }
