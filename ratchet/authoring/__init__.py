"""Writes pipelines down: short, checked, and the same on a laptop as in an AWS account."""

from ratchet.authoring.analysis import Traffic
from ratchet.authoring.bundle import Bundle, bundle_script
from ratchet.authoring.context import Context, Functions
from ratchet.authoring.errors import BundleError, DefinitionError, Problem
from ratchet.authoring.handles import Step
from ratchet.authoring.jobs import Input, manifest
from ratchet.authoring.pipeline import Pipeline
from ratchet.authoring.retries import RetryPolicy
from ratchet.authoring.search import (
    categorical,
    continuous,
    integer,
    maximize,
    minimize,
)
from ratchet.authoring.variables import Condition, Operand, execution, immutable, join

__all__ = [
    "Bundle",
    "BundleError",
    "Condition",
    "Context",
    "DefinitionError",
    "Functions",
    "Input",
    "Operand",
    "Pipeline",
    "Problem",
    "RetryPolicy",
    "Step",
    "Traffic",
    "bundle_script",
    "categorical",
    "continuous",
    "execution",
    "immutable",
    "integer",
    "join",
    "manifest",
    "maximize",
    "minimize",
]
