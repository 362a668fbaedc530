"""Which price is a model's: right or unknown, never wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ratchet.candidates import bedrock_models, prices
from ratchet.candidates.bedrock_models import BedrockModel, InferenceProfile
from ratchet.candidates.prices import TokenPrice, TokenPrices
from ratchet.costs import token_rates
from ratchet.costs.rows import PRICE_LIST, UNKNOWN
from ratchet.costs.token_book import ListedRates
from tests.unit.candidates.listed_models import models
from tests.unit.costs import token_products

RATES = tuple(
    rate
    for each in (
        *token_products.bedrock(),
        *token_products.bedrock_service(),
        *token_products.foundation_models(),
    )
    for rate in token_rates.read(each)
)
MODELS = {model.id: model for model in models()}
PRICES = TokenPrices(ListedRates(date="2026-11-28", rates=RATES), list(MODELS.values()))

# Model, way → dollars for a million tokens of input and of output, as AWS charges them; None where
# the list does not say it, or not with certainty.
CHARGED: dict[tuple[str, str], tuple[str | None, str | None]] = {
    ("amazon.nova-micro-v1:0", ""): ("0.035", "0.14"),
    ("amazon.nova-micro-v1:0", "us."): ("0.035", "0.14"),
    ("amazon.nova-lite-v1:0", ""): ("0.06", "0.24"),
    ("amazon.nova-lite-v1:0", "us."): ("0.06", "0.24"),
    ("amazon.nova-pro-v1:0", ""): ("0.8", "3.2"),
    ("amazon.nova-2-lite-v1:0", "us."): ("0.33", "2.75"),
    ("amazon.nova-2-lite-v1:0", "global."): ("0.3", "2.5"),
    ("amazon.titan-embed-text-v2:0", ""): ("0.02", "0"),
    ("anthropic.claude-3-haiku-20240307-v1:0", ""): ("0.25", "1.25"),
    ("anthropic.claude-3-haiku-20240307-v1:0", "team-"): ("0.25", "1.25"),
    ("anthropic.claude-3-5-sonnet-20240620-v1:0", ""): ("3", "15"),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", ""): ("3", "15"),
    ("anthropic.claude-haiku-4-5-20251001-v1:0", "us."): ("1.1", "5.5"),
    ("anthropic.claude-sonnet-4-20250514-v1:0", "us."): ("3", "15"),
    ("anthropic.claude-sonnet-4-20250514-v1:0", "global."): ("3", "15"),
    ("anthropic.claude-sonnet-4-6", "us."): ("3.3", "16.5"),
    ("anthropic.claude-sonnet-4-6", "global."): ("3", "15"),
    ("anthropic.claude-opus-4-7", "us."): ("5.5", "27.5"),
    ("anthropic.claude-opus-4-7", "global."): ("5", "25"),
    ("meta.llama3-3-70b-instruct-v1:0", ""): ("0.72", "0.72"),
    ("meta.llama3-2-1b-instruct-v1:0", ""): ("0.1", "0.1"),
    ("mistral.mistral-large-3-675b-instruct", ""): ("0.5", "1.5"),
    ("deepseek.v3.2", ""): ("0.62", "1.85"),
    ("openai.gpt-oss-20b-1:0", ""): ("0.07", "0.3"),
    ("xai.grok-4.6", ""): ("2", "10"),
    # Not in the list; a similar name only; another endpoint's price; a doubtful unit; two prices.
    ("meta.llama3-1-8b-instruct-v1:0", ""): (None, None),
    ("mistral.mistral-large-2407-v1:0", ""): (None, None),
    ("mistral.mistral-small-2402-v1:0", ""): (None, None),
    ("moonshotai.kimi-k3", ""): (None, None),
    ("cohere.command-r-plus-v1:0", ""): (None, None),
    ("ai21.jamba-1-5-mini-v1:0", ""): (None, "0.4"),
}
KNOWN, WITHOUT = 25, 6


def way(model: BedrockModel, begins: str) -> InferenceProfile | None:
    return next((each for each in model.profiles if begins and each.id.startswith(begins)), None)


def test_every_way_to_every_model_is_priced_right_or_unknown() -> None:
    ways = {
        (model.id, profile.id if profile else "")
        for model in MODELS.values()
        for profile in ((None,) if model.on_demand else ()) + model.profiles
    }
    named = {
        (model_id, profile.id if (profile := way(MODELS[model_id], begins)) else "")
        for model_id, begins in CHARGED
    }
    assert named == ways
    answers = {
        key: PRICES.price(MODELS[key[0]], profile=way(MODELS[key[0]], key[1])) for key in CHARGED
    }
    assert {
        key: tuple(None if each is None else str(each) for each in (price.input, price.output))
        for key, price in answers.items()
    } == CHARGED
    assert sum(price.complete for price in answers.values()) == KNOWN
    assert len(answers) - KNOWN == WITHOUT


def test_a_batch_has_the_price_of_a_batch_and_never_that_of_a_request() -> None:
    sonnet, micro = MODELS["anthropic.claude-sonnet-4-6"], MODELS["amazon.nova-micro-v1:0"]
    batch = PRICES.price(sonnet, profile=way(sonnet, "us."), batch=True)
    assert (batch.input, batch.output) == (Decimal("1.65"), Decimal("8.25"))
    lite = PRICES.price(MODELS["amazon.nova-lite-v1:0"], profile=None, batch=True)
    assert (lite.input, lite.output) == (Decimal("0.03"), Decimal("0.12"))
    assert not PRICES.price(micro, profile=None, batch=True).complete


def test_two_models_of_one_name_have_no_price() -> None:
    lite = MODELS["amazon.nova-lite-v1:0"]
    other = bedrock_models.BedrockModel(
        **{**lite.__dict__, "id": "amazon.nova-lite-classic-v1:0", "profiles": ()}
    )
    both = TokenPrices(PRICES.listed, [lite, other])
    assert [both.price(each, profile=None).input for each in (lite, other)] == [None, None]


def test_context_lengths_of_one_model_are_one_model() -> None:
    lite = MODELS["amazon.nova-lite-v1:0"]
    longer = bedrock_models.BedrockModel(**{**lite.__dict__, "id": "amazon.nova-lite-v1:0:300k"})
    both = TokenPrices(PRICES.listed, [lite, longer])
    assert both.price(longer, profile=None).input == Decimal("0.06")


def test_models_that_differ_by_their_version_alone_are_not_each_others_price() -> None:
    first = MODELS["amazon.titan-embed-text-v2:0"]
    other = bedrock_models.BedrockModel(
        **{
            **first.__dict__,
            "id": "amazon.titan-embed-text-v1",
            "name": "Titan Embeddings G1 - Text",
        }
    )
    listed = token_products.product(
        "USE1-amazon.titan-embed-text-input-tokens", "9", model="amazon.titan-embed-text"
    )
    rates = (*RATES, *token_rates.read(listed))
    both = TokenPrices(ListedRates(date="2026-11-28", rates=rates), [first, other])
    assert both.price(first, profile=None).input == Decimal("0.02")
    assert both.price(other, profile=None).input is None


@pytest.mark.parametrize(
    ("listed", "name", "provider", "same"),
    [
        ("Llama 3.3 70B", "Llama 3.3 70B Instruct", "Meta", True),
        ("Meta Llama 3.3 70B", "Llama 3.3 70B Instruct", "Meta", True),
        ("Nova 2.0 Lite", "Nova 2 Lite", "Amazon", True),
        ("Amazon Nova Lite", "Nova Lite", "Amazon", True),
        ("gpt-oss-20b", "GPT OSS 20B", "OpenAI", True),
        ("DeepSeek R1", "DeepSeek-R1", "DeepSeek", True),
        ("Nova Lite", "Nova 2 Lite", "Amazon", False),
        ("Claude 3.5 Sonnet", "Claude 3.5 Sonnet v2", "Anthropic", False),
        ("Claude 3 Sonnet", "Claude 3.5 Sonnet", "Anthropic", False),
        ("Claude Sonnet 4", "Claude Sonnet 4.5", "Anthropic", False),
        ("Mistral Large", "Mistral Large (24.07)", "Mistral AI", False),
        ("Llama 3.2 1B", "Llama 3.2 11B Instruct", "Meta", False),
        ("Llama 3.1 70B", "Llama 3 170B", "Meta", False),
        ("Titan Text Lite", "Titan Text Express", "Amazon", False),
        ("Qwen3 32B", "Qwen3 Coder 30B", "Qwen", False),
    ],
)
def test_names_are_the_same_by_their_words(
    listed: str, name: str, provider: str, same: bool
) -> None:
    assert (prices.words(listed, provider) == prices.words(name, provider)) == same


def test_tokens_cost_what_a_million_of_them_costs_by_their_number() -> None:
    price = TokenPrice(input=Decimal("0.06"), output=Decimal("0.24"), date="2026-11-28")
    assert price.cost(input_tokens=30_000, output_tokens=1_840) == Decimal("0.0022416")
    assert price.of_trial.source == PRICE_LIST
    half = TokenPrice(input=Decimal(3), output=None)
    assert half.cost(input_tokens=1, output_tokens=1) is None
    assert half.of_trial.source == UNKNOWN


def test_an_embedding_model_without_a_price_has_none_of_its_output_either() -> None:
    without = TokenPrices(ListedRates(date="2026-11-28"), list(MODELS.values()))
    price = without.price(MODELS["amazon.titan-embed-text-v2:0"], profile=None)
    assert (price.input, price.output) == (None, None)
