"""Which of the Price List's prices are a model's (pure).

The list has display names and no ids. A price is a model's where the list has the model's id, or a
name that is the same as the `modelName` that Bedrock gives it. Names are compared word by word, in
lower case: points, hyphens and spaces part words, and so does a change between letters and digits;
`2.0` is `2`; the provider's name in front and the word `instruct` do not count. So `Llama 3.3 70B`
is `Llama 3.3 70B Instruct`, and `Mistral Large` is not `Mistral Large (24.07)`.

A price is unknown where the list has none, or several that differ, or where two models of Bedrock
have the same name. It is never zero and never that of a similar model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from ratchet.candidates.bedrock_models import BedrockModel, InferenceProfile
from ratchet.candidates.results import EMBEDDING, TrialPrice
from ratchet.costs.rows import PRICE_LIST, UNKNOWN
from ratchet.costs.token_book import ListedRates
from ratchet.costs.token_rates import Direction, Route, TokenRate

MILLION = 1_000_000

_VERSION = re.compile(r"(-v\d+)?(:\d+)?(:[\w-]+)?$")
_WORDS = re.compile(r"[a-z]+|\d+")
_UNCOUNTED = frozenset({"instruct"})


@dataclass(frozen=True, kw_only=True)
class TokenPrice:
    """What a million tokens of a model cost, in US dollars."""

    input: Decimal | None
    output: Decimal | None
    """None: unknown; of an embedding model zero, since it answers no tokens."""
    date: str = ""
    """ISO date on which the list was asked."""

    @property
    def complete(self) -> bool:
        """Whether a request can be priced."""
        return self.input is not None and self.output is not None

    def cost(self, *, input_tokens: int, output_tokens: int) -> Decimal | None:
        """US dollars; None: unknown."""
        if self.input is None or self.output is None:
            return None
        return (self.input * input_tokens + self.output * output_tokens) / MILLION

    @property
    def of_trial(self) -> TrialPrice:
        return TrialPrice(
            source=PRICE_LIST if self.complete else UNKNOWN,
            date=self.date if self.complete else "",
            input_per_million=self.input,
            output_per_million=self.output,
        )


@dataclass(frozen=True)
class TokenPrices:
    """The prices of all models of a region."""

    listed: ListedRates
    models: Sequence[BedrockModel]
    """Every one that Bedrock lists: two of one name have no price."""

    def price(
        self, model: BedrockModel, *, profile: InferenceProfile | None, batch: bool = False
    ) -> TokenPrice:
        """What a request costs that is sent on this way.

        Args:
            profile: through which the model is called; None: by its own id.
        """
        rates = [rate for rate in self._rates(model) if rate.batch == batch]
        output = self._amount(rates, "output", profile)
        if model.kind == EMBEDDING and output is None:
            output = Decimal(0)
        return TokenPrice(
            input=self._amount(rates, "input", profile), output=output, date=self.listed.date
        )

    def _rates(self, model: BedrockModel) -> list[TokenRate]:
        stems, name = {model.id, stem(model.id)}, words(model.name, model.provider)
        named = self._names[name] == 1 if name else False
        return [
            rate
            for rate in self.listed.rates
            if (rate.model_id in stems)
            or (named and rate.name and words(rate.name, model.provider) == name)
        ]

    def _amount(
        self, rates: Iterable[TokenRate], direction: Direction, profile: InferenceProfile | None
    ) -> Decimal | None:
        for route in _routes(profile):
            amounts = {
                rate.per_million
                for rate in rates
                if rate.direction == direction and rate.route == route
            }
            if amounts:
                return next(iter(amounts)) if len(amounts) == 1 else None
        return None

    @cached_property
    def _names(self) -> Counter[tuple[str, ...]]:
        """Name → how many models have it; versions of one id for other context lengths are one."""
        of_ids = {stem(model.id): words(model.name, model.provider) for model in self.models}
        return Counter(of_ids.values())


def _routes(profile: InferenceProfile | None) -> tuple[Route, ...]:
    """The list's words for the way of a request, the ones that decide first."""
    if profile is None:
        return ("regional",)
    return ("global",) if profile.worldwide else ("geographic", "regional")


def stem(model_id: str) -> str:
    """`amazon.nova-lite-v1:0:24k` → `amazon.nova-lite`; a date stays, since it is another model."""
    return _VERSION.sub("", model_id)


def words(name: str, provider: str = "") -> tuple[str, ...]:
    """The words of a display name that count."""
    text = re.sub(r"(?<=\d)\.0\b", "", name.lower())
    parts = [part for part in _WORDS.findall(text) if part not in _UNCOUNTED]
    first = _WORDS.findall(provider.lower())[:1]
    if first and parts[:1] == first and len(parts) > 1:
        parts = parts[1:]
    return tuple(parts)
