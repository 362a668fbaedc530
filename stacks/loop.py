"""One model in one environment: what `cdk deploy "<environment>/<model>/*"` deploys."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.code_bucket import QUALIFIER
from ratchet_cdk.pipelines.cost_tags import add_cost_tags
from stacks.evaluation import Evaluation
from stacks.foundation import Foundation
from stacks.operations import Operations
from stacks.pipelines import Pipelines
from stacks.serving import Serving
from stacks.training import Training


class ModelLoop(cdk.Stage):
    """The stacks of one model in one environment, in its region, with its cost tags on every
    resource."""

    def __init__(self, scope: Construct, *, settings: Settings, source: Path) -> None:
        env = cdk.Environment(account=settings.account, region=settings.region)
        super().__init__(scope, settings.model_name, env=env)
        if settings.bootstrap_qualifier:
            # Stacks and what they publish look for it here, before any of them is made.
            self.node.set_context(QUALIFIER, settings.bootstrap_qualifier)
        self.foundation = Foundation(self, "Foundation", settings=settings, source=source)
        self.training = Training(
            self, "Training", settings=settings, source=source, foundation=self.foundation
        )
        self.evaluation = Evaluation(
            self,
            "Evaluation",
            settings=settings,
            source=source,
            foundation=self.foundation,
            training=self.training,
        )
        self.serving = Serving(
            self,
            "Serving",
            settings=settings,
            source=source,
            foundation=self.foundation,
            training=self.training,
            evaluation=self.evaluation,
        )
        self.operations = Operations(
            self, "Operations", settings=settings, source=source, foundation=self.foundation
        )
        self.pipelines = Pipelines(
            self,
            "Pipelines",
            settings=settings,
            source=source,
            foundation=self.foundation,
            training=self.training,
        )
        add_cost_tags(self, settings)
