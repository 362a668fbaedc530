"""What every stack of a loop is made with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import aws_cdk as cdk

from ratchet.loop.facts import StackFacts
from ratchet_cdk.foundation.stack_facts import publish_facts
from ratchet_cdk.loop_resources import LoopResources

if TYPE_CHECKING:
    from ratchet_cdk.capabilities.foundation import FoundationCapabilities
    from ratchet_cdk.loop import Loop


class CapableStack(cdk.Stack):
    """A stack with a name and a description from its class."""

    def __init__(
        self,
        loop: Loop,
        *,
        after: FoundationCapabilities | CapableStack | None = None,
        compact: bool = False,
    ) -> None:
        """
        Args:
            loop: whose stack it is.
            after: the stack that must be deployed before.
            compact: a template without indentation, a quarter smaller.
        """
        name = type(self).__name__
        super().__init__(
            loop,
            name,
            stack_name=f"{loop.settings.prefix}-{name.lower()}",
            description=(type(self).__doc__ or name).strip().splitlines()[0].rstrip("."),
            termination_protection=loop.settings.protected,
            suppress_template_indentation=compact or None,
        )
        self.loop, self.settings = loop, loop.settings
        if after is not None:
            self.add_stack_dependency(after)

    @cached_property
    def resources(self) -> LoopResources:
        """What the constructs of this stack share with those of the other stacks."""
        return self.foundation.shared_with(self)

    @property
    def foundation(self) -> FoundationCapabilities:
        """The stack of the loop that keeps its data."""
        from ratchet_cdk.capabilities.foundation import FoundationCapabilities

        for stack in self.loop.node.children:
            if isinstance(stack, FoundationCapabilities) and hasattr(stack, "data"):
                return stack
        raise LookupError(
            f"no stack of {self.loop.node.path} keeps data yet; make one first that calls "
            "keeps_data(), registers_models() and has_a_topic()"
        )

    def publish(self, facts: StackFacts) -> None:
        """Where everything is, for the command line."""
        publish_facts(self, facts, settings=self.settings)
