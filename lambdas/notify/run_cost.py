"""What a run cost, for a notice about it.

Reckoned here, not read from what `record_run` records: the same event wakes both, in no order.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import aws_clients
from decision_log import say
from ratchet.costs import rows, run_costs
from ratchet.costs.price_book import PriceBook
from ratchet.costs.run_costs import Labels, RunCosts


def cost_of(execution_arn: str) -> str:
    """In a sentence. "" when it cannot be told: a notice is not held back for it."""
    environment = os.environ
    now = datetime.now(UTC)
    try:
        prices = PriceBook(
            s3=aws_clients.s3(),
            pricing=aws_clients.pricing(),
            bucket=environment["ARTIFACTS_BUCKET"],
            region=environment["AWS_REGION"],
            today=now.date(),
        )
        # Only the amounts are said, so the labels of the rows do not matter.
        labels = Labels(project="", environment="", owner="", cost_center="", experiment="")
        costs = RunCosts(
            sagemaker=aws_clients.sagemaker(), labels=labels, price=prices.price, now=now
        )
        found = costs.rows(execution_arn)
    except Exception as error:
        say("go on", f"what the run cost is not known: {error}", level="WARNING")
        return ""
    running = any(row.run_status not in rows.ENDED for row in found)
    return run_costs.said(found, so_far=running) if found else ""
