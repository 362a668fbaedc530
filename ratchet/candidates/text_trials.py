"""A trial of a text model of Amazon Bedrock, row by row through Converse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from ratchet.candidates import estimate, trials
from ratchet.candidates.asking import Patience, Progress, RowAsking
from ratchet.candidates.budget import TOKENS, Budget, Rates, Usage
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.converse import Conversation
from ratchet.candidates.estimate import TokenEstimate
from ratchet.candidates.plans import Plan, TriedModel, sent_characters
from ratchet.candidates.results import Trial, trial_id
from ratchet.candidates.trials import Spent
from ratchet.deployment.target.environment import Target


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one command may use, in dollars or in tokens; all its trials share it."""

    usd: Decimal
    tokens: int | None = None
    """Instead of dollars, where nobody knows a price."""

    @property
    def words(self) -> str:
        return f"the limit of ${self.usd:,.2f}" if self.tokens is None else self._of_tokens

    @property
    def _of_tokens(self) -> str:
        return f"the limit of {self.tokens:,} tokens"

    def budget(self) -> Budget:
        return Budget(self.usd if self.tokens is None else Decimal(self.tokens))


@dataclass(frozen=True, kw_only=True)
class TextTrial:
    """One model, ready to be asked."""

    target: Target
    plan: Plan
    model: TriedModel
    patience: Patience
    max_tokens: int
    seconds: float
    """That a row may take."""
    started: datetime

    @cached_property
    def prompts(self) -> list[str]:
        return self.plan.prompts

    @cached_property
    def conversation(self) -> Conversation:
        return Conversation(
            runtime=runtime_client(self.target, self.seconds, self.patience.at_once),
            model_id=self.model.called_as,
            counted_as=self.model.counted_as,
            question=self.plan.question,
            max_tokens=self.max_tokens,
            tags=self.tags,
            refusal=lambda _: access_hint(self.target, self.model),
            seconds=self.seconds,
            local=self.target.local,
        )

    @property
    def tags(self) -> Mapping[str, str]:
        return {**self.target.settings.tags, "trial": trial_id(self.model.id, self.started)}

    @cached_property
    def tokens(self) -> TokenEstimate:
        """Asks CountTokens, which costs nothing."""
        return estimate.estimate(
            self.prompts,
            size=self._characters,
            count=self.conversation.count,
            max_tokens=self.max_tokens,
        )

    def run(
        self,
        champion: Champion,
        *,
        limits: Limits,
        budget: Budget,
        progress: Callable[[Progress], None],
    ) -> Trial:
        """Asks all rows within the budget, and scores what came back.

        Raises:
            RefusedTrialError: no row can be answered.
        """
        used_before, tokens = budget.used, self.tokens
        rates = TOKENS if limits.tokens is not None else self.model.rates
        assert rates is not None, "a trial without a price has a limit in tokens"
        cost: Callable[[Usage], Decimal] = rates.of
        asking = RowAsking(
            ask=self.conversation.ask,
            most=lambda prompt: cost(tokens.most_of(self._characters(prompt))),
            cost=cost,
            budget=budget,
            limit=limits.words,
            patience=self.patience,
            progress=progress,
        ).all(self.prompts)
        used = budget.used + budget.on_their_way - used_before
        read = trials.read_answers(asking, self.plan.question, max_tokens=self.max_tokens)
        return trials.trial_of(
            self.target,
            self.plan,
            self.model,
            read=read,
            champion=champion,
            spent=Spent(
                usage=asking.usage,
                cost=used if limits.tokens is None else _priced(self.model.rates, asking.usage),
                started=self.started,
            ),
            stopped=asking.stopped,
        )

    def _characters(self, prompt: str) -> int:
        return sent_characters(prompt, self.plan.question)


def _priced(rates: Rates | None, usage: Usage) -> Decimal | None:
    return None if rates is None else rates.of(usage)


def now() -> datetime:
    return datetime.now(UTC)


def access_hint(target: Target, model: TriedModel) -> str:
    """What to type after a model was refused."""
    return f"`{target.command(f'candidates list {model.id}')}` says who may use it, and how"


def runtime_client(target: Target, seconds: float, at_once: int) -> Any:
    """A client that waits for an answer so long, and tries nothing again by itself."""
    from botocore.config import Config

    return target.session.client(
        "bedrock-runtime",
        region_name=target.region,
        endpoint_url=target.endpoint,
        config=Config(
            connect_timeout=10,
            read_timeout=seconds,
            retries={"total_max_attempts": 1},
            max_pool_connections=at_once,
            user_agent_extra="ratchet",
            proxies={} if target.endpoint else None,
        ),
    )
