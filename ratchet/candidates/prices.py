"""Which of the Price List's prices are a model's (pure).

The list has display names and no ids. A price is a model's where the list has the model's id, or a
name that is the same as the `modelName` that Bedrock gives it. Names are compared word by word, in
lower case: points, hyphens and spaces part words, and so does a change between letters and digits;
`2.0` is `2`; the provider's name in front and the word `instruct` do not count. So `Llama 3.3 70B`
is `Llama 3.3 70B Instruct`, and `Mistral Large` is not `Mistral Large (24.07)`. A few names that
have nothing in common with Bedrock's are written down below.

A price is unknown where the list has none, or several that differ, or where two models of Bedrock
have the same name. It is never zero and never that of a similar model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from ratchet.candidates.bedrock_models import BedrockModel, InferenceProfile
from ratchet.candidates.results import EMBEDDING, TrialPrice
from ratchet.costs.rows import PRICE_LIST, UNKNOWN
from ratchet.costs.token_book import ListedRates
from ratchet.costs.token_rates import Direction, Route, TokenRate

MILLION = 1_000_000

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
        asked, answered = (self._amount(rates, each, profile) for each in ("input", "output"))
        if model.kind == EMBEDDING and asked is not None and answered is None:
            answered = Decimal(0)
        return TokenPrice(input=asked, output=answered, date=self.listed.date)

    def _rates(self, model: BedrockModel) -> list[TokenRate]:
        ids, name = self._ids(model), words(model.name, model.provider)
        named = bool(name) and self._names[name] == 1
        return [
            rate
            for rate in self.listed.rates
            if rate.model_id in ids
            or (rate.name and _OTHER_NAMES.get(_set(rate.name)) == base(model.id))
            or (rate.name and named and words(rate.name, model.provider) == name)
        ]

    def _ids(self, model: BedrockModel) -> set[str]:
        """Those under which the list may have the model: without its version only where no other
        model differs by nothing else."""
        short = _unversioned(model.id)
        ids = {model.id, base(model.id)}
        return ids | {short} if self._unversioned_ids[short] == 1 else ids

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
        """Name → how many models have it; one id with several context lengths is one model."""
        return Counter(
            {base(each.id): words(each.name, each.provider) for each in self.models}.values()
        )

    @cached_property
    def _unversioned_ids(self) -> Counter[str]:
        return Counter(_unversioned(each) for each in {base(each.id) for each in self.models})


def _routes(profile: InferenceProfile | None) -> tuple[Route, ...]:
    """The list's words for the way of a request, the ones that decide first."""
    if profile is None:
        return ("regional",)
    return ("global",) if profile.worldwide else ("geographic", "regional")


def base(model_id: str) -> str:
    """`amazon.nova-lite-v1:0:24k` → `amazon.nova-lite-v1`: the same model."""
    return model_id.partition(":")[0]


def _unversioned(model_id: str) -> str:
    return re.sub(r"-v\d+$", "", base(model_id))


def _set(name: str) -> frozenset[str]:
    """The words of a name in any order, and of words that are written as one, their parts."""
    return frozenset(words(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)))


def words(name: str, provider: str = "") -> tuple[str, ...]:
    """The words of a display name that count."""
    text = re.sub(r"(?<=\d)\.0\b", "", name.lower())
    parts = [part for part in _WORDS.findall(text) if part not in _UNCOUNTED]
    first = _WORDS.findall(provider.lower())[:1]
    if first and parts[:1] == first and len(parts) > 1:
        parts = parts[1:]
    return tuple(parts)


_OTHER_NAMES: Mapping[frozenset[str], str] = {
    _set(name): model_id
    for name, model_id in {
        "TitanEmbeddingsV2-Text-input": "amazon.titan-embed-text-v2",
        "Titan Embeddings G1 Text": "amazon.titan-embed-text-v1",
        "Cohere Embed 3 Model - English": "cohere.embed-english-v3",
        "Cohere Embed Model 3 - Multilingual": "cohere.embed-multilingual-v3",
        "Cohere Embed 4 Model": "cohere.embed-v4",
    }.items()
}
"""Names of the list that are not those of Bedrock → ids, as several published tables pair them."""
