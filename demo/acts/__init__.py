"""The demo's acts, in order."""

from demo.acts import drift, serving, swap, training

TRAINING = training.ACTS
"""From an empty cloud to a registered model."""

SERVING = (*serving.ACTS, *drift.ACTS, *swap.ACTS)
"""From there once around: approved, served, drifted, retrained, swapped, rolled back."""
