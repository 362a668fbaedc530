"""What runs cost, and whether people are told."""

from __future__ import annotations

from ratchet.loop import names
from ratchet.loop.facts import OperationsFacts
from ratchet.pipelines.registry import pipelines
from ratchet_cdk.capabilities.stack import CapableStack
from ratchet_cdk.foundation.budget import Budget
from ratchet_cdk.foundation.cost_table import CostTable
from ratchet_cdk.monitoring.loop_alarm import LoopAlarm
from ratchet_cdk.pipelines.run_costs import RunCosts


class OperationsCapabilities(CapableStack):
    """Costs. They know the pipelines and the endpoint only by their names, so their stack can be
    deployed and deleted independently of the others."""

    costs: RunCosts
    table: CostTable
    notices: LoopAlarm
    budget: Budget | None = None

    def records_costs(self) -> None:
        """What every run costs, the moment it ends, and as a table."""
        listed = pipelines(self.loop.source, self.settings.model_name)
        recorded = [self.settings.pipeline_name(name) for name in listed]
        self.costs = RunCosts(self, "Costs", loop=self.resources, pipelines=recorded)
        self.table = CostTable(self, "Table", loop=self.resources, pipelines=recorded)

    def alarms_on_waiting_notices(self) -> None:
        """An alarm for when people are not told."""
        self.notices = LoopAlarm(
            self,
            "NoticesWaiting",
            settings=self.settings,
            kind="notices-waiting",
            metric_name=names.NOTICES_WAITING,
            description="notices wait, because the topic refuses them",
            missing_data="notBreaching",
            topic=self.resources.notifications,
        )

    def limits_spending(self) -> None:
        """A budget, where the settings name one."""
        if self.settings.costs.monthly_budget_usd:
            self.budget = Budget(self, "Budget", loop=self.resources)

    def publishes_operations(self) -> None:
        """For the command line."""
        self.publish(
            OperationsFacts(
                record_run=self.costs.function.arn,
                queue_url=self.costs.wakes.queue.url,
                dead_letter_queue_url=self.costs.dead_letters.queue.url,
                database=self.table.database,
                table=self.table.name,
                rows_uri=self.table.uri,
                budget=self.budget.name if self.budget else "",
                run_limit_usd=self.settings.costs.run_limit_usd,
            )
        )
