"""What a project's stacks are written with: a loop is a list of stacks, a stack a list of what it
does."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk.capabilities.foundation import FoundationCapabilities
from ratchet_cdk.capabilities.operations import OperationsCapabilities
from ratchet_cdk.capabilities.pipelines import PipelineCapabilities
from ratchet_cdk.capabilities.serving import ServingCapabilities
from ratchet_cdk.foundation.code_bucket import QUALIFIER
from ratchet_cdk.pipelines.cost_tags import add_cost_tags

__all__ = ["Loop", "LoopStack"]


class Loop(cdk.Stage):
    """The stacks of one model in one environment, in its region, with its cost tags on every
    resource. A project's own says in `compose` which stacks there are."""

    def __init__(self, scope: Construct, *, settings: Settings, source: Path) -> None:
        """`source`: the project's folder."""
        env = cdk.Environment(account=settings.account, region=settings.region)
        super().__init__(scope, settings.model_name, env=env)
        self.settings, self.source = settings, source
        if settings.bootstrap_qualifier:
            # Stacks and what they publish look for it here, before any of them is made.
            self.node.set_context(QUALIFIER, settings.bootstrap_qualifier)
        self.compose()
        add_cost_tags(self, settings)

    def compose(self) -> None:
        """Makes the stacks."""
        raise NotImplementedError


class LoopStack(
    FoundationCapabilities, PipelineCapabilities, ServingCapabilities, OperationsCapabilities
):
    """A stack of a loop. Its name is its class's, its description the first line of what its class
    says of itself.

    Each capability is a method that adds one construct under a fixed id, so names and templates
    stay as they are whoever calls it.
    """
