"""Products of the Price List that are prices of tokens, in the form in which AWS publishes them.

Names, usage types, units and amounts are those of answers that were published in 2026, for
us-east-1. Each model here is in the list in the way that its kind of model is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

REGION = "us-east-1"
_numbers = count(1)


def product(
    usage_type: str,
    amount: str,
    *,
    unit: str = "1K tokens",
    description: str = "",
    region: str = REGION,
    **attributes: str,
) -> dict[str, Any]:
    """A product with its terms."""
    sku = f"SKU{next(_numbers):013}"
    rate = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": description or f"${amount} per {unit} for {usage_type}",
        "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "appliesTo": [],
        "pricePerUnit": {"USD": amount},
    }
    offer = {
        "sku": sku,
        "offerTermCode": "JRTCKXETXF",
        "effectiveDate": "2026-11-01T00:00:00Z",
        "termAttributes": {},
        "priceDimensions": {rate["rateCode"]: rate},
    }
    about = {
        "regionCode": region,
        "locationType": "AWS Region",
        "location": "US East (N. Virginia)",
        "usagetype": usage_type,
        "operation": "",
        "servicename": "Amazon Bedrock",
        **attributes,
    }
    return {
        "product": {"productFamily": "Amazon Bedrock", "sku": sku, "attributes": about},
        "serviceCode": attributes.get("servicecode", "AmazonBedrock"),
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": offer}},
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
    }


def own(
    name: str,
    metered: str,
    amounts: tuple[str, str],
    *,
    ending: str = "",
    feature: str = "On-demand Inference",
    **more: str,
) -> Iterator[dict[str, Any]]:
    """Input and output of a model that AWS sells itself."""
    for direction, amount in zip(("input", "output"), amounts, strict=True):
        yield product(
            f"USE1-{metered}-{direction}-tokens{ending}",
            amount,
            model=name,
            feature=feature,
            inferenceType=f"{direction.title()} tokens",
            **more,
        )


def marketplace(
    name: str,
    amounts: Mapping[str, str],
    *,
    unit: str = "1M tokens",
    words: str = "Million {} Tokens Regional CRIS",
) -> Iterator[dict[str, Any]]:
    """What is sold through the Marketplace: meter → amount."""
    for meter, amount in amounts.items():
        yield product(
            f"USE1-MP:USE1_{meter}-Units",
            amount,
            unit=unit,
            description=f"AWS Marketplace software usage|us-east-1|{words.format('Input')}",
            servicecode="AmazonBedrockFoundationModels",
            servicename=f"{name} (Amazon Bedrock Edition)",
        )


def _of_amazon() -> Iterator[dict[str, Any]]:
    yield from own("Nova Micro", "NovaMicro", ("0.0000350000", "0.0001400000"))
    yield from own(
        "Nova Micro",
        "NovaMicro-Model-Customization",
        ("0.001", "0.001"),
        feature="Model Customization",
    )
    for kind in ("read", "write"):
        yield product(
            f"USE1-NovaMicro-cache-{kind}-input-token-count",
            "0.0000087500",
            model="Nova Micro",
            feature="On-demand Inference",
            inferenceType="Input tokens",
        )
    yield from own("Nova Lite", "NovaLite", ("0.0000600000", "0.0002400000"))
    yield from own("Nova Lite", "NovaLite", ("0.00003", "0.00012"), ending="-batch")
    yield from own("Nova Lite", "NovaLite", ("0.00003", "0.00012"), ending="-flex")
    yield from own("Nova Pro", "NovaPro", ("0.0008000000", "0.0032000000"))
    yield from own("Nova Pro", "NovaPro-latency-optimized", ("0.0010000000", "0.0040000000"))
    yield from own("Nova 2.0 Lite", "Nova2.0Lite", ("0.0003300000", "0.0027500000"))
    yield from own(
        "Nova 2.0 Lite",
        "Nova2.0Lite",
        ("0.0003000000", "0.0025000000"),
        ending="-cross-region-global",
    )
    yield product(
        "USE1-TitanEmbeddingV2-Text-input-tokens",
        "0.0000200000",
        titanModel="TitanEmbeddingsV2-Text-input",
        feature="On-demand Inference",
        inferenceType="Input tokens",
    )


def _of_others() -> Iterator[dict[str, Any]]:
    yield from own("Llama 3.3 70B", "Llama3-3-70B", ("0.0007200000", "0.0007200000"))
    yield from own("Llama 3.2 1B", "Llama3-2-1B", ("0.0001000000", "0.0001000000"))
    yield from own("Mistral Large 3", "Mistral-Large-3-675b-Instruct", ("0.0005", "0.0015"))
    yield from own(
        "Mistral Large 3",
        "Mistral-Large-3-675b-Instruct",
        ("0.00088", "0.00263"),
        ending="-priority",
    )
    yield from own("Mistral Small", "MistralSmall", ("0.0010000000", "0.0030000000"))
    yield from own(
        "DeepSeek V3.2", "deepseek.v3.2", ("0.00062", "0.00185"), service_tier="standard"
    )
    yield from own("gpt-oss-20b", "gpt-oss-20b", ("0.0000700000", "0.0003000000"))
    yield from own("Kimi K3", "moonshotai.kimi-k3-mantle", ("0.0006", "0.0025"), ending="-standard")
    yield product(  # old models have no price of their output in the list
        "USE1-Claude2.1-input-tokens",
        "0.0080000000",
        model="Claude 2.1",
        provider="Anthropic",
        feature="On-demand Inference",
        inferenceType="Input tokens",
    )
    yield product(
        "USE1-Claude3Haiku-input-tokens",
        "0.0002500000",
        model="Claude 3 Haiku",
        provider="Anthropic",
        feature="On-demand Inference",
        inferenceType="Input tokens",
    )
    for direction in ("input", "output"):  # a newer form: an id, prices for a million
        for tier, amount in (("", "2.0"), ("-flex", "1.0"), ("-priority", "3.5")):
            yield product(
                f"USE1-xai.grok-4.6-{direction}-tokens{tier}",
                amount if direction == "input" else f"{float(amount) * 5}",
                unit="1M tokens",
                model="xai.grok-4.6",
                service_tier=tier.strip("-") or "standard",
            )


def bedrock() -> list[dict[str, Any]]:
    """What `AmazonBedrock` lists."""
    return [*_of_amazon(), *_of_others()]


def bedrock_service() -> list[dict[str, Any]]:
    """What `AmazonBedrockService` lists."""
    about = {"servicecode": "AmazonBedrockService"}
    return [
        *own("Claude Sonnet 4", "Claude4Sonnet", ("0.003", "0.015"), feature="", **about),
        *own(
            "Claude Sonnet 4",
            "Claude4Sonnet",
            ("0.003", "0.015"),
            ending="-cross-region-global",
            feature="",
            **about,
        ),
        *own(
            "Claude Sonnet 4",
            "Claude4Sonnet",
            ("0.006", "0.0225"),
            ending="-long-context-cross-region-global",
            feature="",
            **about,
        ),
    ]


def foundation_models() -> list[dict[str, Any]]:
    """What `AmazonBedrockFoundationModels` lists."""
    return [
        *marketplace(
            "Claude Sonnet 4.6",
            {
                "InputTokenCount": "3.3000000000",
                "OutputTokenCount": "16.5000000000",
                "InputTokenCount_Batch": "1.6500000000",
                "OutputTokenCount_Batch": "8.2500000000",
                "InputTokenCount_Global": "3.0000000000",
                "OutputTokenCount_Global": "15.0000000000",
                "CacheReadInputTokenCount": "0.3300000000",
                "CacheWrite1hInputTokenCount_Global": "6.0000000000",
                "Reserved_1Month_InputTPM_Geo": "0.1980000000",
            },
        ),
        *marketplace(
            "Claude Opus 4.7",
            {
                "input_tokens_standard": "5.5000000000",
                "output_tokens_standard": "27.5000000000",
                "input_tokens_global_standard": "5.0000000000",
                "output_tokens_global_standard": "25.0000000000",
                "input_tokens_long_ctx_standard": "11.0000000000",
                "cache_read_tokens_standard": "0.5500000000",
            },
            words="{} Tokens - Standard",
        ),
        *marketplace(
            "Claude Haiku 4.5",
            {"InputTokenCount": "1.1000000000", "OutputTokenCount": "5.5000000000"},
            unit="Units",
        ),
        *marketplace(
            "Claude 3 Haiku",
            {"InputTokenCount": "0.2500000000", "OutputTokenCount": "1.2500000000"},
            words="Million {} Tokens",
        ),
        *marketplace("Claude 3.5 Sonnet", {"InputTokenCount": "3.0", "OutputTokenCount": "15.0"}),
        *marketplace(
            "Claude 3.5 Sonnet v2", {"InputTokenCount": "3.0", "OutputTokenCount": "15.0"}
        ),
        *marketplace(  # nothing says that these are for a million
            "Command R+",
            {"InputTokenCount": "0.0030000000", "OutputTokenCount": "0.0150000000"},
            unit="Units",
            words="{} Tokens",
        ),
        *marketplace(  # two products that contradict each other
            "Jamba 1.5 Mini",
            {"InputTokenCount": "0.2000000000", "OutputTokenCount": "0.4000000000"},
        ),
        *marketplace("Jamba 1.5 Mini", {"InputTokenCount": "0.2500000000"}),
    ]


def answers() -> dict[str, list[str]]:
    """Service code → the items of PriceList."""
    return {
        code: [json.dumps(each) for each in products]
        for code, products in (
            ("AmazonBedrock", bedrock()),
            ("AmazonBedrockService", bedrock_service()),
            ("AmazonBedrockFoundationModels", foundation_models()),
        )
    }
