"""The loop's costs, recorded in a table and limited; and an alarm on notices that are not sent."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from ratchet.loop import names
from ratchet.loop.facts import OperationsFacts
from ratchet.pipelines.registry import pipelines
from ratchet.settings.schema import Settings
from ratchet_cdk.foundation.budget import Budget
from ratchet_cdk.foundation.cost_table import CostTable
from ratchet_cdk.foundation.stack_facts import publish_facts
from ratchet_cdk.monitoring.loop_alarm import LoopAlarm
from ratchet_cdk.pipelines.run_costs import RunCosts
from stacks.foundation import Foundation


class Operations(cdk.Stack):
    """Knows the pipelines and the endpoint only by their names, so it can be deployed and
    deleted independently of their stacks."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        source: Path,
        foundation: Foundation,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{settings.prefix}-operations",
            description="What the runs of the model loop cost, and the limits to it",
            termination_protection=settings.protected,
        )
        self.add_stack_dependency(foundation)
        self.loop = loop = foundation.loop(self, settings=settings, source=source)
        recorded = [settings.pipeline_name(name) for name in pipelines(source, settings.model_name)]
        self.costs = RunCosts(self, "Costs", loop=loop, pipelines=recorded)
        self.table = CostTable(self, "Table", loop=loop, pipelines=recorded)
        self.notices = LoopAlarm(
            self,
            "NoticesWaiting",
            settings=settings,
            kind="notices-waiting",
            metric_name=names.NOTICES_WAITING,
            description="notices wait, because the topic refuses them",
            missing_data="notBreaching",
            topic=loop.notifications,
        )
        self.budget = (
            Budget(self, "Budget", loop=loop) if settings.costs.monthly_budget_usd else None
        )
        self._tell_what_is_deployed()

    def _tell_what_is_deployed(self) -> None:
        facts = OperationsFacts(
            record_run=self.costs.function.arn,
            queue_url=self.costs.wakes.queue.url,
            dead_letter_queue_url=self.costs.dead_letters.queue.url,
            database=self.table.database,
            table=self.table.name,
            rows_uri=self.table.uri,
            budget=self.budget.name if self.budget else "",
            run_limit_usd=self.loop.settings.costs.run_limit_usd,
        )
        publish_facts(self, facts, settings=self.loop.settings)
