"""Prices of foundation models as the Price List has them (pure): a fixture under three codes.

Products have display names and no model ids; a million tokens of one model is under another code,
and in another unit, than of the next. Amounts are those that public repositories quote from AWS's
price files for us-east-1 in 2026; other models and regions have none here, as AWS lists none for
some. Token prices in `AmazonBedrock` and `AmazonBedrockService` are for 1K tokens, those of the
Marketplace for 1M, of which the unit says only "Units".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

OWN, SERVICE, MARKETPLACE = "AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels"
CODES = (OWN, SERVICE, MARKETPLACE)
REGION = "us-east-1"
_PREFIX = "USE1"


@dataclass(frozen=True, kw_only=True)
class TokenProduct:
    """``amount``: US dollars for a ``unit`` of tokens."""

    service: str
    attributes: Mapping[str, str]
    unit: str
    amount: Decimal
    what: str


def token_products() -> Iterator[TokenProduct]:
    """The fixture, in a fixed order."""
    yield from _own(OWN, "Nova Micro", "Amazon", "NovaMicro", "0.000035", "0.00014")
    yield from _own(OWN, "Nova Lite", "Amazon", "NovaLite", "0.00006", "0.00024")
    yield from _own(OWN, "Claude 3 Haiku", "Anthropic", "Claude3Haiku", "0.00025", "0.00125")
    yield from _own(OWN, "Llama 3.3 70B", "Meta", "Llama3-3-70B", "0.00072", "0.00072")
    yield from _own(OWN, "Qwen3 32B", "Qwen", "qwen.qwen3-32b", "0.00015", "0.0006")
    yield from _own(
        SERVICE, "Claude Sonnet 4.5", "Anthropic", "Claude4.5Sonnet", "0.0033", "0.0165"
    )
    yield _titan()
    yield from _marketplace("Claude Haiku 4.5 (Amazon Bedrock Edition)", "1.1", "5.5")
    yield from _marketplace("Cohere Embed Model 3 - English (Amazon Bedrock Edition)", "0.1", None)


def _own(
    service: str, model: str, provider: str, meter: str, sent: str, received: str
) -> Iterator[TokenProduct]:
    """Of requests, of batches (half of it), and of a faster tier that costs more."""
    for direction, amount in (("Input", sent), ("Output", received)):
        usual = Decimal(amount)
        for ending, feature, factor in (
            ("", "On-demand Inference", Decimal(1)),
            ("-batch", "Batch Inference", Decimal("0.5")),
            ("-priority", "On-demand Inference", Decimal("1.75")),
        ):
            tier = " priority" if ending == "-priority" else ""
            yield TokenProduct(
                service=service,
                attributes={
                    "servicecode": service,
                    "servicename": "Amazon Bedrock",
                    "regionCode": REGION,
                    "location": "US East (N. Virginia)",
                    "locationType": "AWS Region",
                    "provider": provider,
                    "model": model,
                    "feature": feature,
                    "inferenceType": f"{direction} tokens{tier}",
                    "usagetype": f"{_PREFIX}-{meter}-{direction.lower()}-tokens{ending}",
                    "operation": "",
                },
                unit="1K tokens",
                amount=usual * factor,
                what=f"{direction.lower()} tokens for {model} in US East (N. Virginia)",
            )


def _titan() -> TokenProduct:
    """Titan's products have no ``model``."""
    return TokenProduct(
        service=OWN,
        attributes={
            "servicecode": OWN,
            "servicename": "Amazon Bedrock",
            "regionCode": REGION,
            "location": "US East (N. Virginia)",
            "locationType": "AWS Region",
            "provider": "Amazon",
            "titanModel": "TitanEmbeddingsV2-Text-input",
            "feature": "On-demand Inference",
            "inferenceType": "Input tokens",
            "usagetype": f"{_PREFIX}-TitanEmbeddingV2-Text-input-tokens",
            "operation": "",
        },
        unit="1K tokens",
        amount=Decimal("0.00002"),
        what="input tokens for Titan Text Embeddings V2 in US East (N. Virginia)",
    )


def _marketplace(name: str, sent: str, received: str | None) -> Iterator[TokenProduct]:
    """Of profiles of the geography, of worldwide ones, which cost a tenth less, and of batches."""
    kinds = {"": Decimal(1), "_Global": Decimal(10) / Decimal(11), "_Batch": Decimal("0.5")}
    for direction, amount in (("Input", sent), ("Output", received)):
        for ending, factor in kinds.items():
            if amount is None:
                continue
            yield TokenProduct(
                service=MARKETPLACE,
                attributes={
                    "servicecode": MARKETPLACE,
                    "servicename": name,
                    "regionCode": REGION,
                    "location": "US East (N. Virginia)",
                    "locationType": "AWS Region",
                    "usagetype": (f"{_PREFIX}-MP:{_PREFIX}_{direction}TokenCount{ending}-Units"),
                    "operation": "Usage",
                },
                unit="Units",
                amount=(Decimal(amount) * factor).quantize(Decimal("0.0001")),
                what=f"AWS Marketplace software usage, Million {direction} Tokens",
            )
