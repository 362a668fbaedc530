"""How a change of a pipeline changes the cost of its runs."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.costs import change
from ratchet.costs.change import Changed
from ratchet.costs.prices import PriceTable
from ratchet.deployment.costs import past as past_costs
from ratchet.deployment.errors import DeploymentError, explain
from ratchet.deployment.target.environment import Target
from ratchet.review import instances
from ratchet.review.differences import DefinitionComparison


def changed(comparison: DefinitionComparison) -> Sequence[Changed]:
    """The steps whose instances, spot or cache settings differ."""
    return change.changed(
        instances.planned(comparison.before),
        instances.planned(comparison.after),
        comparison.renamed,
    )


def notes_without_runs(comparison: DefinitionComparison, *, region: str) -> list[str]:
    """In words, by the package's own prices, where no past run is to be asked about."""
    price = PriceTable(region=region).price
    return change.notes(changed(comparison), history=change.NO_HISTORY, price=price)


def notes(target: Target, pipeline: str, comparison: DefinitionComparison) -> list[str]:
    """The change of costs in words, from past runs and today's prices. If they cannot be read, a
    line says so: it must not hold back the differences."""
    from botocore.exceptions import BotoCoreError, ClientError

    step_changes = changed(comparison)
    if not step_changes:
        return []
    try:
        history = past_costs.history(target, pipeline, set(change.steps(step_changes)))
        prices = past_costs.prices(target)
        sentences = change.notes(step_changes, history=history, price=prices.price)
        return [*sentences, *prices.complaints]
    except (ClientError, BotoCoreError, DeploymentError) as problem:
        why = (explain(problem) or str(problem)).partition("\n")[0]
        return [f"what it changes in costs is not known: {why}"]
