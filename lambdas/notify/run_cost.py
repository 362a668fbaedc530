"""What a run cost, for a notice about it.

Reckoned here, not read from what `record_run` records: the same event wakes both, in no order.
"""

from __future__ import annotations

from datetime import UTC, datetime

import aws_clients
from decision_log import say
from price_books import open_book
from ratchet.costs import rows, run_costs
from ratchet.costs.run_costs import Labels, RunCostReader


def cost_of(execution_arn: str) -> str:
    """The cost in a sentence; "" if it is not known: that does not hold back a notice."""
    now = datetime.now(UTC)
    try:
        # Only the amounts are said, so the labels of the rows do not matter.
        labels = Labels(project="", environment="", owner="", cost_center="", experiment="")
        prices = open_book(now.date())
        costs = RunCostReader(
            sagemaker=aws_clients.sagemaker(), labels=labels, price=prices.price, now=now
        )
        cost_rows = costs.rows(execution_arn)
    except Exception as error:
        say("go on", f"what the run cost is not known: {error}", level="WARNING")
        return ""
    running = any(row.run_status not in rows.ENDED for row in cost_rows)
    return run_costs.sentence(cost_rows, so_far=running) if cost_rows else ""
