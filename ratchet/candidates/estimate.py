"""How many tokens a trial will take, before any row is sent (pure).

CountTokens counts a few prompts as AWS would charge them; the others are reckoned by their length.
What comes out is not known beforehand, so an estimate is of the most that it can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from ratchet.candidates.budget import Rates, Usage
from ratchet.costs.money import shown
from ratchet.deployment.errors import DeploymentError

COUNTED = 5
"""Prompts that are counted: the first ones, and the longest."""
CHARACTERS = 2.5
"""Of a token, where a model has no count. Tables are dense: of prose it is about four."""
MARGIN = 1.25
"""How many times its estimate a prompt may take: of a schema that goes with it a model sees a
description, which CountTokens does not count."""


@dataclass(frozen=True, kw_only=True)
class TokenEstimate:
    """Of all prompts of a trial with one model."""

    rows: int
    counted: int
    """Prompts that CountTokens counted; 0: the model has no count, and it is all by length."""
    input_tokens: int
    output_most: int
    """What all answers together have at most."""
    tokens_per_character: float
    """The most of a prompt that was counted."""
    max_tokens: int
    """Of one answer."""

    @property
    def most(self) -> Usage:
        """Of the whole trial."""
        return Usage(input_tokens=self.input_tokens, output_tokens=self.output_most)

    def most_of(self, characters: int) -> Usage:
        """Of one row that sends so many."""
        tokens = math.ceil(MARGIN * characters * self.tokens_per_character)
        return Usage(input_tokens=tokens, output_tokens=self.max_tokens)


def estimate(
    prompts: Sequence[str],
    *,
    size: Callable[[str], int],
    count: Callable[[str], int | None],
    max_tokens: int,
) -> TokenEstimate:
    """The estimate for these prompts.

    Args:
        size: characters that are sent for a prompt, with what is sent beside it.
        count: the tokens of a prompt; None: the model has no count.
        max_tokens: of one answer.
    """
    longest = max(prompts, key=len)
    counts: list[tuple[int, int]] = []
    for prompt in dict.fromkeys([longest, *prompts[: COUNTED - 1]]):
        tokens = count(prompt)
        if tokens is None:
            break
        counts.append((tokens, size(prompt)))
    characters = sum(map(size, prompts))
    mean = most = 1 / CHARACTERS
    if counts:
        mean = sum(tokens for tokens, _ in counts) / sum(length for _, length in counts)
        most = max(tokens / length for tokens, length in counts)
    return TokenEstimate(
        rows=len(prompts),
        counted=len(counts),
        input_tokens=math.ceil(mean * characters),
        output_most=max_tokens * len(prompts),
        tokens_per_character=most,
        max_tokens=max_tokens,
    )


def check_limit(
    candidate: str,
    most: Usage,
    *,
    rates: Rates | None,
    limit_usd: Decimal,
    limit_tokens: int | None,
) -> None:
    """Refuses a trial that could pass the limit, or whose price nobody knows.

    Raises:
        DeploymentError: so; the message has the ways out.
    """
    if limit_tokens is not None:
        if most.tokens > limit_tokens:
            raise DeploymentError(
                f"{candidate}: it could take {most.tokens:,} tokens, more than --limit-tokens "
                f"{limit_tokens:,}. Raise it, or ask fewer rows with --rows"
            )
        return
    if rates is None:
        raise DeploymentError(
            f"{candidate}: nobody knows its price here, so no limit in dollars can hold. Limit the "
            f"tokens instead. It could take {most.tokens:,}: --limit-tokens {_round(most.tokens)}"
        )
    cost = rates.of(most)
    if cost > limit_usd:
        raise DeploymentError(
            f"{candidate}: it could cost {shown(cost)}, more than the limit of {shown(limit_usd)}. "
            f"Raise it with --limit-usd {_cents(cost)}, or ask fewer rows with --rows"
        )


def _cents(amount: Decimal) -> Decimal:
    """Up to whole cents."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_UP)


def _round(tokens: int) -> int:
    """Up to two digits that count."""
    step = int(f"1{'0' * max(0, len(str(tokens)) - 2)}")
    return math.ceil(tokens / step) * step
