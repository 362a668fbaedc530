"""What trials that ask row by row have in common, whatever the kind of model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ratchet.candidates import estimate
from ratchet.candidates.asking import AskingProgress, Patience, RowAsking
from ratchet.candidates.budget import TOKENS, Rates, TrialBudget, Usage
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.estimate import TokenEstimate
from ratchet.candidates.failures import Failures
from ratchet.candidates.plans import TrialPlan, TriedModel
from ratchet.candidates.replies import Asking, Reply
from ratchet.candidates.results import CandidateTrial, trial_id
from ratchet.candidates.trials import TrialSpending
from ratchet.deployment.target.environment import Target

if TYPE_CHECKING:
    from ratchet.candidates.jumpstart_trials import JumpStartTrial


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one command may use, in dollars or in tokens; all its trials share it."""

    usd: Decimal
    tokens: int | None = None
    """Instead of dollars, where nobody knows a price."""

    @property
    def words(self) -> str:
        limit = f"${self.usd:,.2f}" if self.tokens is None else f"{self.tokens:,} tokens"
        return f"the limit of {limit}"

    def rates(self, model: TriedModel) -> Rates:
        """What a token of the model uses of the limit."""
        if self.tokens is not None:
            return TOKENS
        assert model.rates is not None, "a trial without a price has a limit in tokens"
        return model.rates

    def budget(self) -> TrialBudget:
        return TrialBudget(self.usd if self.tokens is None else Decimal(self.tokens))


@dataclass(frozen=True, kw_only=True)
class Sending:
    """How rows are sent."""

    patience: Patience
    max_tokens: int
    """Of one answer."""
    seconds: float
    """That a row may take."""


@dataclass(frozen=True, kw_only=True)
class RowTrial(ABC):
    """One model, ready to be asked."""

    target: Target
    plan: TrialPlan
    model: TriedModel
    sending: Sending
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    @abstractmethod
    def tokens(self) -> TokenEstimate:
        """What it could take."""

    @abstractmethod
    def run(
        self,
        champion: Champion,
        *,
        limits: Limits,
        budget: TrialBudget,
        progress: Callable[[AskingProgress], None],
    ) -> CandidateTrial:
        """Asks all rows within the budget, and scores what came back.

        Raises:
            RefusedTrialError: no row can be answered.
        """

    @property
    def tags(self) -> Mapping[str, str]:
        """Of its requests."""
        return {**self.target.settings.tags, "trial": trial_id(self.model.id, self.started)}

    @cached_property
    def runtime(self) -> Any:
        """A client of bedrock-runtime that tries nothing again by itself."""
        from botocore.config import Config

        return self.target.session.client(
            "bedrock-runtime",
            region_name=self.target.region,
            endpoint_url=self.target.endpoint,
            config=Config(
                connect_timeout=10,
                read_timeout=self.sending.seconds,
                retries={"total_max_attempts": 1},
                max_pool_connections=self.sending.patience.at_once,
                user_agent_extra="ratchet",
                proxies={} if self.target.endpoint else None,
            ),
        )

    @property
    def failures(self) -> Failures:
        command = self.target.command(f"candidates list {self.model.id}")
        return Failures(
            seconds=self.sending.seconds,
            hint=f"`{command}` says whether this account may use it",
            local=self.target.local,
        )


def spent(
    trial: RowTrial, usage: Usage, *, limits: Limits, budget: TrialBudget, before: Decimal
) -> TrialSpending:
    """What a trial took: of a limit in dollars what the budget counts, which has requests in it
    that gave no answer."""
    used: Decimal | None = budget.used + budget.on_their_way - before
    if limits.tokens is not None:
        used = None if trial.model.rates is None else trial.model.rates.of(usage)
    return TrialSpending(usage=usage, cost=used, started=trial.started)


def check_limits(trials: Sequence[RowTrial | JumpStartTrial], limits: Limits) -> None:
    """Refuses what could pass the limit: all trials that count tokens together, and each that
    counts hours.

    Raises:
        DeploymentError: so.
    """
    left = limits
    for trial in trials:
        if not isinstance(trial, RowTrial):
            trial.check(left)
            continue
        most = trial.tokens.most
        estimate.check_limit(
            trial.model.id,
            most,
            rates=trial.model.rates,
            limit_usd=left.usd,
            limit_tokens=left.tokens,
        )
        used = left.rates(trial.model).of(most)
        if left.tokens is None:
            left = Limits(usd=left.usd - used)
        else:
            left = Limits(usd=left.usd, tokens=left.tokens - int(used))


def ask_all(
    trial: RowTrial,
    prompts: Sequence[str],
    ask: Callable[[str], Reply[Any]],
    *,
    characters: Callable[[str], int],
    limits: Limits,
    budget: TrialBudget,
    progress: Callable[[AskingProgress], None],
) -> Asking[Any]:
    """Asks about all of them.

    Args:
        characters: that are sent for a prompt.
    """
    rates, tokens = limits.rates(trial.model), trial.tokens
    return RowAsking(
        ask=ask,
        most=lambda prompt: rates.of(tokens.most_of(characters(prompt))),
        cost=rates.of,
        budget=budget,
        limit=limits.words,
        patience=trial.sending.patience,
        progress=progress,
    ).all(prompts)
