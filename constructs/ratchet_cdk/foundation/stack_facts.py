"""The facts that a stack publishes for the tools."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from ratchet.loop.facts import StackFacts
from ratchet.settings.schema import Settings


def publish_facts(stack: cdk.Stack, facts: StackFacts, *, settings: Settings) -> None:
    """The facts as JSON in an SSM parameter, which the command line finds by its name."""
    ssm.CfnParameter(
        stack,
        "Deployed",
        name=settings.parameter(facts.fact),
        type="String",
        description=f"What the {facts.fact} stack deployed, as JSON",
        value=stack.to_json_string(facts.values()),
    )
