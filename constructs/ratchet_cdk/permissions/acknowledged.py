"""Findings of cdk-nag that are right where they are, each with its reason beside the resource."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accepts findings on a construct and its children: finding id → why it is right here."""
    validations = cdk.Validations.of(construct)
    validations.acknowledge(
        *(cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items())
    )
