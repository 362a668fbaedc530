"""Writes pipelines down: short, checked, and the same on a laptop as in an AWS account."""

from pipeline_defs.authoring.analysis import Traffic
from pipeline_defs.authoring.bundle import Bundle, bundle_script
from pipeline_defs.authoring.context import Context, Functions
from pipeline_defs.authoring.errors import BundleError, DefinitionError, Problem
from pipeline_defs.authoring.handles import Step
from pipeline_defs.authoring.jobs import Input, manifest
from pipeline_defs.authoring.pipeline import Pipeline
from pipeline_defs.authoring.retries import RetryPolicy
from pipeline_defs.authoring.search import (
    categorical,
    continuous,
    integer,
    maximize,
    minimize,
)
from pipeline_defs.authoring.variables import Condition, Operand, execution, immutable, join

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
