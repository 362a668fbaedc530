"""What a trial could take is known before anything is sent, and held against the limit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ratchet.candidates.budget import Rates, Usage
from ratchet.candidates.estimate import CHARACTERS, COUNTED, MARGIN, check_limit, estimate
from ratchet.deployment.errors import DeploymentError

PROMPTS = [f"row {row} " * (1 + row % 3) for row in range(40)]
RATES = Rates(input_per_million=Decimal("0.06"), output_per_million=Decimal("0.24"))
MOST = Usage(input_tokens=32_000, output_tokens=20_000)


def test_a_few_prompts_are_counted_and_the_others_reckoned_by_their_length() -> None:
    counted: list[str] = []

    def count(prompt: str) -> int:
        counted.append(prompt)
        return 2 * len(prompt)

    tokens = estimate(PROMPTS, size=len, count=count, max_tokens=50)
    assert len(counted) == tokens.counted <= COUNTED
    assert max(PROMPTS, key=len) in counted
    assert tokens.input_tokens == 2 * sum(map(len, PROMPTS))
    assert tokens.output_most == 50 * len(PROMPTS)


def test_a_prompt_may_take_more_than_its_estimate_since_a_schema_goes_with_it() -> None:
    tokens = estimate(PROMPTS, size=len, count=lambda prompt: len(prompt), max_tokens=50)
    assert tokens.most_of(100) == Usage(input_tokens=int(100 * MARGIN), output_tokens=50)


def test_the_densest_prompt_that_was_counted_bounds_the_others() -> None:
    tokens = estimate(
        PROMPTS,
        size=len,
        count=lambda prompt: len(prompt) * (3 if prompt == PROMPTS[0] else 1),
        max_tokens=0,
    )
    assert tokens.tokens_per_character == 3


def test_a_model_without_a_count_is_reckoned_by_length_alone() -> None:
    tokens = estimate(PROMPTS, size=len, count=lambda _: None, max_tokens=50)
    assert tokens.counted == 0
    assert tokens.input_tokens == pytest.approx(sum(map(len, PROMPTS)) / CHARACTERS, abs=1)


def test_a_trial_within_the_limit_is_not_refused() -> None:
    cost = RATES.of(MOST)
    check_limit("nova", MOST, rates=RATES, limit_usd=cost, limit_tokens=None)
    check_limit("nova", MOST, rates=None, limit_usd=Decimal(0), limit_tokens=52_000)


@pytest.mark.parametrize(
    ("rates", "limit_usd", "limit_tokens", "message"),
    [
        (RATES, "0.006", None, "nova: it could cost $0.0067, more than the limit of $0.0060"),
        (RATES, "0.001", None, "--limit-usd 0.01"),
        (None, "100", None, "nobody knows its price here"),
        (None, "100", None, "It could take 52,000: --limit-tokens 52000"),
        (RATES, "100", 51_999, "it could take 52,000 tokens, more than --limit-tokens 51,999"),
    ],
)
def test_a_trial_that_could_pass_the_limit_is_refused_with_the_way_out(
    rates: Rates | None, limit_usd: str, limit_tokens: int | None, message: str
) -> None:
    with pytest.raises(DeploymentError) as refused:
        check_limit(
            "nova", MOST, rates=rates, limit_usd=Decimal(limit_usd), limit_tokens=limit_tokens
        )
    assert message in str(refused.value)
