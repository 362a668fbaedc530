"""A product of the Price List is the price of a token, or it is left out: nothing is guessed."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from ratchet.costs import price_list, token_book, token_rates
from ratchet.costs.token_book import ListedRates, TokenBook
from ratchet.costs.token_rates import TokenRate
from tests.unit.costs.token_products import REGION, answers, product

TODAY = dt.date(2026, 11, 28)


@pytest.fixture
def stubbed() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "pricing",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    with Stubber(client) as stubber:
        yield client, stubber


def answer_all(stubber: Stubber) -> None:
    for service, items in answers().items():
        filters = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": REGION}]
        asked = {"ServiceCode": service, "Filters": filters, "FormatVersion": "aws_v1"}
        stubber.add_response("get_products", {"PriceList": items}, asked)


def one(*arguments: str, **more: Any) -> TokenRate | None:
    """The rate of one product."""
    rates = list(token_rates.read(product(*arguments, **more)))
    assert len(rates) < 2
    return rates[0] if rates else None


def test_all_three_services_are_asked_and_read(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    answer_all(stubber)
    rates = token_rates.listed(client, region=REGION)
    stubber.assert_no_pending_responses()
    assert {(rate.name, rate.direction, str(rate.per_million)) for rate in rates} >= {
        ("Nova Micro", "input", "0.035"),
        ("Claude Sonnet 4", "output", "15"),
        ("Claude Opus 4.7", "input", "5.5"),
    }


@pytest.mark.parametrize(
    ("usage_type", "kind"),
    [
        ("USE1-NovaLite-input-tokens", ("input", "regional", False)),
        ("USE1-NovaLite-output-tokens", ("output", "regional", False)),
        ("USE1-Nova2.0Pro-text-input-tokens", ("input", "regional", False)),
        ("USE1-NovaLite-input-tokens-batch", ("input", "regional", True)),
        ("APN1-zai.glm5-output-tokens-standard", ("output", "regional", False)),
        ("USE1-Nova2.0Lite-input-tokens-cross-region-global", ("input", "global", False)),
        ("USE1-Nova2.0Lite-input-tokens-cross-region-global-batch", ("input", "global", True)),
        ("USE1-Claude4Sonnet-input-tokens-cross-region-geo", ("input", "geographic", False)),
        ("USE1-MP:USE1_InputTokenCount-Units", ("input", "regional", False)),
        ("EUC1-MP:EUC1_OutputTokenCount_Global-Units", ("output", "global", False)),
        ("USE1-MP:USE1_InputTokenCount_Global_Batch-Units", ("input", "global", True)),
        ("USE1-MP:USE1_OutputTokenCount_Batch-Units", ("output", "regional", True)),
        ("USE1-MP:USE1_input_tokens_standard-Units", ("input", "regional", False)),
        ("USE1-MP:USE1_output_tokens_global_standard-Units", ("output", "global", False)),
    ],
)
def test_the_usage_type_says_what_is_counted_and_on_which_way(
    usage_type: str, kind: tuple[str, str, bool]
) -> None:
    rate = one(usage_type, "0.001", model="Some Model")
    assert rate is not None
    assert (rate.direction, rate.route, rate.batch) == kind


@pytest.mark.parametrize(
    "usage_type",
    [
        "USE1-NovaLite-input-tokens-flex",
        "USE1-NovaLite-input-tokens-priority",
        "USE1-NovaLite-input-tokens-some-new-tier",
        "USE1-Nova2.0Pro-text-input-tokens-priority-cross-region-global",
        "USE1-NovaMicro-cache-read-input-token-count",
        "USE1-NovaMicro-cache-read-input-tokens",
        "USE1-NovaMicro-Model-Customization-input-tokens",
        "USE1-NovaMicro-custom-model-input-tokens",
        "USE1-NovaPro-latency-optimized-input-tokens",
        "USE1-Claude4Sonnet-input-tokens-long-context-cross-region-global",
        "USE1-moonshotai.kimi-k3-mantle-input-tokens-standard",
        "USE1-NovaSonic-speech-input-tokens",
        "USE1-NovaOmni-input-video-token-count",
        "USE1-Guardrail-AutomatedReasoningPolicyUnitsConsumed",
        "USE1-cohere.rerank-english-v3-search-units",
        "USE1-MP:USE1_CacheReadInputTokenCount-Units",
        "USE1-MP:USE1_input_tokens_long_ctx_standard-Units",
        "USE1-MP:USE1_InputTokenCount_LCtx-Units",
        "USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units",
        "USE1-MP:USE1_some_new_meter-Units",
        "",
    ],
)
def test_what_is_no_plain_token_of_a_request_or_a_batch_is_left_out(usage_type: str) -> None:
    assert one(usage_type, "0.001", model="Some Model") is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"feature": "Model Customization"},
        {"feature": "Provisioned Throughput"},
        {"feature": "Batch Inference"},
        {"service_tier": "priority"},
        {"service_tier": "some-new-tier"},
        {"inferenceType": "Output tokens"},
        {"inferenceType": "Input tokens batch"},
        {"inferenceType": "Cross-region global input tokens"},
        {"inferenceType": "Prompt cache read input tokens"},
        {"locationType": "AWS Local Zone"},
    ],
)
def test_attributes_that_do_not_agree_with_the_usage_type_leave_it_out(
    attributes: dict[str, str],
) -> None:
    assert one("USE1-NovaLite-input-tokens", "0.001", model="Nova Lite") is not None
    assert one("USE1-NovaLite-input-tokens", "0.001", model="Nova Lite", **attributes) is None


@pytest.mark.parametrize(
    ("unit", "description", "per_million"),
    [
        ("1K tokens", "$0.003 per 1K tokens", "3"),
        ("1K tokens", "", "3"),
        ("1M tokens", "AWS Marketplace software usage|us-east-1|Million Input Tokens", "0.003"),
        ("1M tokens", "Input Tokens - Standard, Global", "0.003"),
        ("Units", "AWS Marketplace software usage|us-east-1|Million Input Tokens", "0.003"),
        ("Units", "Price per 1 million input tokens", "0.003"),
        ("Units", "Input Tokens", None),
        ("Units", "thousand Input Tokens", None),
        ("1M tokens", "thousand Cache Read Input Tokens", None),
        ("1K tokens", "Million Input Tokens", None),
        ("Tokens", "per token", None),
        ("seconds", "per second", None),
    ],
)
def test_prices_are_brought_to_a_million_tokens_where_the_unit_is_certain(
    unit: str, description: str, per_million: str | None
) -> None:
    about = description or "words without an amount"
    rate = one("USE1-M-input-tokens", "0.0030000000", unit=unit, description=about, model="M")
    assert (str(rate.per_million) if rate else None) == per_million


def test_a_price_of_zero_is_no_price() -> None:
    assert one("USE1-M-input-tokens", "0.0000000000", model="M") is None


def test_two_amounts_of_one_product_are_no_price() -> None:
    tiered = product("USE1-M-input-tokens", "0.003", model="M")
    (offer,) = tiered["terms"]["OnDemand"].values()
    (rate,) = offer["priceDimensions"].values()
    offer["priceDimensions"]["second"] = {
        **rate,
        "beginRange": "1000",
        "pricePerUnit": {"USD": "0.002"},
    }
    assert not list(token_rates.read(tiered))


def test_a_name_is_a_display_name_or_an_id() -> None:
    marketplace = one(
        "USE1-MP:USE1_InputTokenCount-Units",
        "3",
        unit="1M tokens",
        servicename="Claude Sonnet 4.6 (Amazon Bedrock Edition)",
    )
    titan = one("USE1-TitanEmbeddingV2-Text-input-tokens", "0.00002", titanModel="Titan V2")
    by_id = one("USE1-xai.grok-4.6-input-tokens", "2", model="xai.grok-4.6")
    metered = one("USE1-deepseek.v3.2-input-tokens", "0.0006", model="DeepSeek V3.2")
    names = [(rate.name, rate.model_id) for rate in (marketplace, titan, by_id, metered) if rate]
    assert names == [
        ("Claude Sonnet 4.6", ""),
        ("Titan V2", ""),
        ("", "xai.grok-4.6"),
        ("DeepSeek V3.2", "deepseek.v3.2"),
    ]
    assert one("USE1-NovaLite-input-tokens", "0.001") is None  # only the service has a name


# -- the book --------------------------------------------------------------------------------------


class Bucket:
    """One object, or none, with botocore's answers."""

    def __init__(self, body: bytes | None = None, *, refuses: bool = False) -> None:
        self.body, self.refuses = body, refuses

    def get_object(self, **asked: str) -> dict[str, Any]:
        assert asked["Key"] == "costs/prices/us-east-1-tokens.json"
        if self.refuses or self.body is None:
            code = "AccessDenied" if self.refuses else "NoSuchKey"
            raise ClientError({"Error": {"Code": code}}, "GetObject")
        return {"Body": io.BytesIO(self.body)}

    def put_object(self, *, Body: bytes, **asked: str) -> None:  # noqa: N803
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")
        self.body = Body


def book(client: Any, bucket: Any, *, today: dt.date = TODAY, name: str = "artifacts") -> TokenBook:
    return TokenBook(s3=bucket, pricing=client, bucket=name, region=REGION, today=today)


def test_the_list_is_asked_once_a_week(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    answer_all(stubber)
    bucket = Bucket()
    first = book(client, bucket).listed
    again = book(client, bucket, today=TODAY + dt.timedelta(days=6)).listed
    assert again == first
    assert again.date == "2026-11-28"
    assert again.rates[0].per_million == Decimal("0.035")
    answer_all(stubber)
    later = book(client, bucket, today=TODAY + dt.timedelta(days=7)).listed
    stubber.assert_no_pending_responses()
    assert later.date == "2026-12-05"


def test_without_an_answer_of_the_list_its_last_one_counts(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error("get_products", "AccessDeniedException", "no")
    old = ListedRates(date="2026-01-01", rates=(rate("M", "3"),))
    reader = book(client, Bucket(old.to_json()))
    assert reader.listed == old
    assert "pricing:GetProducts is not allowed" in reader.complaints[0]


def test_without_any_answer_there_are_no_prices_and_the_reason_is_known(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    stubber.add_client_error("get_products", "ThrottlingException", "slow down")
    reader = book(client, Bucket(b"{}"))
    assert reader.listed == ListedRates()
    assert "still throttling" in reader.complaints[0]


def test_a_bucket_that_refuses_or_is_not_there_only_costs_time(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    for bucket, name in ((Bucket(refuses=True), "artifacts"), (Bucket(refuses=True), "")):
        answer_all(stubber)
        assert book(client, bucket, name=name).listed.rates
    stubber.assert_no_pending_responses()


def test_rates_come_back_as_they_were() -> None:
    rates = ListedRates(date="2026-11-28", rates=(rate("M", "0.000035"),))
    assert token_book.read(rates.to_json()) == rates
    with pytest.raises(ValueError, match="not a table of rates"):
        token_book.read(b'{"date": "2026-11-28", "rates": [{"name": "M"}]}')


def rate(name: str, amount: str) -> TokenRate:
    return TokenRate(
        name=name,
        model_id="",
        direction="input",
        route="regional",
        batch=False,
        per_million=Decimal(amount),
        usage_type="USE1-M-input-tokens",
    )


def test_an_item_that_is_no_product_is_an_error(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response("get_products", {"PriceList": [json.dumps({"no": "product"})]})
    with pytest.raises(price_list.PriceListError, match="what is no product"):
        token_rates.listed(client, region=REGION)
