"""The limit of a trial holds."""

from __future__ import annotations

import threading
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ratchet.candidates.budget import TOKENS, Rates, TrialBudget, Usage

amounts = st.decimals(min_value=0, max_value=10, places=4)


@given(
    limit=st.decimals(min_value=0, max_value=50, places=2),
    requests=st.lists(st.tuples(amounts, amounts), max_size=60),
    at_once=st.integers(min_value=1, max_value=8),
    order=st.randoms(use_true_random=False),
)
def test_the_limit_is_passed_by_no_more_than_what_requests_on_their_way_use_beyond_their_most(
    limit: Decimal, requests: list[tuple[Decimal, Decimal]], at_once: int, order: object
) -> None:
    budget = TrialBudget(limit)
    on_their_way: list[tuple[Decimal, Decimal]] = []
    beyond = Decimal(0)

    def settle() -> None:
        most, used = on_their_way.pop(order.randrange(len(on_their_way)))  # type: ignore[attr-defined]
        budget.settle(most, used)

    for most, used in requests:
        while len(on_their_way) >= at_once:
            settle()
        if budget.admit(most):
            on_their_way.append((most, used))
            beyond = sum((max(u - m, Decimal(0)) for m, u in on_their_way), Decimal(0))
        assert budget.on_their_way == sum((m for m, _ in on_their_way), Decimal(0))
    while on_their_way:
        settle()
    assert budget.used <= limit + beyond
    assert budget.on_their_way == 0


@given(
    limit=st.decimals(min_value=0, max_value=50, places=2),
    requests=st.lists(amounts, max_size=60),
)
def test_requests_that_use_what_was_expected_at_most_never_pass_the_limit(
    limit: Decimal, requests: list[Decimal]
) -> None:
    budget = TrialBudget(limit)
    admitted = [most for most in requests if budget.admit(most)]
    assert budget.used + budget.on_their_way <= limit
    for most in admitted:
        budget.settle(most, most)
    assert budget.used == sum(admitted, Decimal(0)) <= limit


def test_threads_that_ask_at_the_same_moment_share_one_limit() -> None:
    budget, admitted = TrialBudget(Decimal(500)), []

    def many() -> None:
        for _ in range(400):
            if budget.admit(Decimal(1)):
                admitted.append(1)

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 500


def test_what_tokens_cost_is_exact() -> None:
    rates = Rates(input_per_million=Decimal("0.06"), output_per_million=Decimal("0.24"))
    usage = Usage(input_tokens=160, output_tokens=12) + Usage(input_tokens=1)
    assert rates.of(usage) == Decimal("0.00001254")
    assert TOKENS.of(usage) == 173
