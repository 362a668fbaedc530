"""Findings of cdk-nag that are accepted, each with its reason beside the resource."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import IConstruct

_KEY = "aws:cdk:acknowledged-rules"
"""`aws__KEY`: reading it is a call to JavaScript."""


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accepts findings on a construct and its children: finding id → the reason.

    One entry of metadata for all of them. `Validations.acknowledge` writes one for each, and
    records where in JavaScript each was acknowledged.
    """
    construct.node.add_metadata(_KEY, dict(reasons))
