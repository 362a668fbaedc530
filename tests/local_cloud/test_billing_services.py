"""The Price List and Cost Explorer of a local cloud, without the server."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import botocore.session
import pytest

from ratchet.costs import bundled_prices
from ratchet.local_cloud.billing import catalogue
from ratchet.local_cloud.billing.cost_explorer import CostExplorer
from ratchet.local_cloud.billing.price_list import PriceList
from ratchet.local_cloud.billing.service import Service
from ratchet.local_cloud.sagemaker.errors import ApiError
from tests.local_cloud.sagemaker_calls import SCOPE

TABLE = {
    "date": "2026-11-01",
    "hourly": {
        "us-east-1": {
            "ml.m5.large": {"Training": "0.115", "Processing": "0.116", "Transform": "0.117"},
            "ml.m5.xlarge": {"Training": "0.23", "Hosting": "0.24"},
        },
        "eu-west-1": {"ml.m5.large": {"Training": "0.128"}},
    },
    "storage": {"us-east-1": "0.023", "eu-west-1": "0.024"},
}


@pytest.fixture
def pricing() -> Service:
    prices = PriceList(catalogue.parsed(TABLE))
    return Service(
        name="pricing",
        model=botocore.session.get_session().get_service_model("pricing"),
        operations={
            "GetProducts": prices.get_products,
            "ListPriceLists": prices.list_price_lists,
        },
        reset=prices.reset,
        check_answers=True,
    )


@pytest.fixture
def explorer() -> Service:
    explorer = CostExplorer(now=lambda: 1_790_000_000.0)
    return Service(
        name="ce",
        model=botocore.session.get_session().get_service_model("ce"),
        operations={
            "GetCostAndUsage": explorer.get_cost_and_usage,
            "ListCostAllocationTags": explorer.list_cost_allocation_tags,
            "UpdateCostAllocationTagsStatus": explorer.update_cost_allocation_tags_status,
        },
        reset=explorer.reset,
        check_answers=True,
    )


def found(
    pricing: Service, *filters: tuple[str, str, str], service: str = "AmazonSageMaker"
) -> list[str]:
    """The usage types of the products that fit."""
    wanted = [{"Type": kind, "Field": name, "Value": value} for kind, name, value in filters]
    answer = pricing.call(SCOPE, "GetProducts", {"ServiceCode": service, "Filters": wanted})
    assert pricing.unfit == []
    texts = answer["PriceList"]
    return [json.loads(text)["product"]["attributes"]["usagetype"] for text in texts]


def test_a_product_has_the_form_of_awss(pricing: Service) -> None:
    request = {
        "ServiceCode": "AmazonSageMaker",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": "usagetype", "Value": "USE1-Processing:ml.m5.large"}
        ],
    }
    (text,) = pricing.call(SCOPE, "GetProducts", request)["PriceList"]
    item = json.loads(text)
    sku = item["product"]["sku"]
    assert item["product"]["productFamily"] == "ML Instance"
    assert item["product"]["attributes"]["instanceType"] == "ml.m5.large-Processing"
    assert item["product"]["attributes"]["component"] == "Processing"
    (offer,) = item["terms"]["OnDemand"].values()
    assert (offer["sku"], offer["effectiveDate"]) == (sku, "2026-11-01T00:00:00Z")
    (rate,) = offer["priceDimensions"].values()
    assert (rate["unit"], rate["pricePerUnit"]) == ("Hrs", {"USD": "0.1160000000"})


def test_filters_are_all_honoured(pricing: Service) -> None:
    large = ("TERM_MATCH", "instanceName", "ml.m5.large")
    assert found(pricing, large, ("TERM_MATCH", "regionCode", "eu-west-1")) == [
        "EU-Train:ml.m5.large"
    ]
    assert found(pricing, ("CONTAINS", "usagetype", "Tsform:")) == ["USE1-Tsform:ml.m5.large"]
    assert found(pricing, ("EQUALS", "platoinstancetype", "Hosting")) == ["USE1-Host:ml.m5.xlarge"]
    assert found(
        pricing,
        ("ANY_OF", "regionCode", "us-east-1,eu-west-1"),
        ("NONE_OF", "platoinstancetype", "Training,Processing,Hosting"),
    ) == ["USE1-Tsform:ml.m5.large"]
    assert found(pricing, ("TERM_MATCH", "instanceName", "ml.m5")) == []


def test_storage_is_s3s(pricing: Service) -> None:
    standard = ("TERM_MATCH", "volumeType", "Standard")
    assert found(pricing, standard, service="AmazonS3") == [
        "EU-TimedStorage-ByteHrs",
        "TimedStorage-ByteHrs",
    ]


def test_pages_hold_every_product_once(pricing: Service) -> None:
    texts: list[str] = []
    request: dict[str, Any] = {"ServiceCode": "AmazonSageMaker", "MaxResults": 2}
    pages = 0
    while True:
        answer = pricing.call(SCOPE, "GetProducts", request)
        texts += answer["PriceList"]
        pages += 1
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert (pages, len(texts), len(set(texts))) == (3, 6, 6)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ServiceCode": "AmazonEC2"}, "NotFoundException"),
        ({"ServiceCode": "AmazonSageMaker", "FormatVersion": "v2"}, "InvalidParameterException"),
        ({"ServiceCode": "AmazonSageMaker", "NextToken": "x"}, "InvalidNextTokenException"),
        ({"ServiceCode": "AmazonSageMaker", "NextToken": "bm8="}, "InvalidNextTokenException"),
        ({"ServiceCode": "AmazonSageMaker", "MaxResults": 101}, "ValidationException"),
        ({}, "ValidationException"),
    ],
    ids=str,
)
def test_what_cannot_be_answered_is_refused(
    pricing: Service, request_: dict[str, Any], code: str
) -> None:
    with pytest.raises(ApiError) as caught:
        pricing.call(SCOPE, "GetProducts", request_)
    assert caught.value.code == code


def test_an_operation_that_is_not_there_is_named(pricing: Service) -> None:
    with pytest.raises(ApiError, match="pricing:DescribeServices, only GetProducts"):
        pricing.call(SCOPE, "DescribeServices", {})


def test_an_answer_that_is_not_in_the_model_is_noted(pricing: Service) -> None:
    odd = Service(
        name="pricing",
        model=pricing.model,
        operations={"GetProducts": lambda scope, request: {"PriceList": [1]}},
        reset=lambda: None,
        check_answers=True,
    )
    odd.call(SCOPE, "GetProducts", {"ServiceCode": "AmazonSageMaker"})
    (told,) = odd.unfit
    assert told.startswith("pricing:GetProducts answers what is not in its model: NUMBER_VALUE")


def test_without_a_table_the_prices_are_the_packages() -> None:
    prices = catalogue.bundled()
    assert prices.date == bundled_prices.DATE
    assert prices.hourly["us-east-1"]["ml.m5.large"]["Training"] == Decimal("0.115")
    assert prices.storage["us-east-1"] == Decimal("0.023")
    assert catalogue.parsed(prices.to_json()) == prices


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], r"\[\]: expected an object of date, hourly, storage"),
        ({"prices": {}}, "expected an object of date, hourly, storage"),
        ({"date": "today"}, "date = 'today': expected a day such as"),
        ({"hourly": {"us-east-1": 1}}, "hourly.us-east-1 = 1: expected an object"),
        ({"hourly": {"r": {"m5.large": {}}}}, "'m5.large' among hourly prices"),
        ({"hourly": {"r": {"ml.a.b": {"Notebook": "1"}}}}, "expected one of Training, Proc"),
        ({"hourly": {"r": {"ml.a.b": {"Training": "0"}}}}, r'"0": expected US dollars'),
        ({"hourly": {"r": {"ml.a.b": {"Training": True}}}}, "true: expected US dollars"),
        ({"storage": {"r": "NaN"}}, 'storage.r = "NaN": expected US dollars'),
    ],
    ids=str,
)
def test_a_table_that_is_wrong_is_refused_with_what_is_wrong(content: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        catalogue.parsed(content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Any) -> None:
    with pytest.raises(ValueError, match=r"the prices of .*none\.json cannot be read"):
        catalogue.read_file(tmp_path / "none.json")


def test_a_tag_can_be_activated_for_the_bill(explorer: Service) -> None:
    def status() -> list[tuple[str, str]]:
        request = {"TagKeys": ["project", "owner"]}
        tags = explorer.call(SCOPE, "ListCostAllocationTags", request)["CostAllocationTags"]
        return [(tag["TagKey"], tag["Status"]) for tag in tags]

    assert status() == [("project", "Inactive"), ("owner", "Inactive")]
    change = {"CostAllocationTagsStatus": [{"TagKey": "project", "Status": "Active"}]}
    assert explorer.call(SCOPE, "UpdateCostAllocationTagsStatus", change) == {"Errors": []}
    assert status() == [("project", "Active"), ("owner", "Inactive")]
    active = explorer.call(SCOPE, "ListCostAllocationTags", {"Status": "Active"})
    assert [tag["LastUpdatedDate"] for tag in active["CostAllocationTags"]] == [
        "2026-09-21T14:13:20Z"
    ]
    explorer.reset()
    assert status() == [("project", "Inactive"), ("owner", "Inactive")]
    assert explorer.unfit == []


def test_there_is_no_bill_and_who_asks_for_it_is_told(explorer: Service) -> None:
    request = {
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-26"},
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
    }
    with pytest.raises(ApiError, match="The local cloud has no bill") as caught:
        explorer.call(SCOPE, "GetCostAndUsage", request)
    assert caught.value.code == "DataUnavailableException"


MODEL_CODES = ("AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels")


def model_products(pricing: Service, code: str, **fields: str) -> list[dict[str, Any]]:
    """The products of a code, as their parsed texts, by equal fields."""
    filters = [
        {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()
    ]
    answer = pricing.call(SCOPE, "GetProducts", {"ServiceCode": code, "Filters": filters})
    return [json.loads(text) for text in answer["PriceList"]]


def rates_of(product: dict[str, Any]) -> list[tuple[str, Decimal]]:
    """Unit and amount of each price of a product."""
    return [
        (rate["unit"], Decimal(rate["pricePerUnit"]["USD"]))
        for term in product["terms"]["OnDemand"].values()
        for rate in term["priceDimensions"].values()
    ]


@pytest.mark.parametrize(
    ("code", "usage", "rate"),
    [
        ("AmazonBedrock", "USE1-NovaMicro-input-tokens", ("1K tokens", "0.000035")),
        ("AmazonBedrock", "USE1-NovaMicro-output-tokens-batch", ("1K tokens", "0.00007")),
        ("AmazonBedrock", "USE1-TitanEmbeddingV2-Text-input-tokens", ("1K tokens", "0.00002")),
        ("AmazonBedrockService", "USE1-Claude4.5Sonnet-input-tokens", ("1K tokens", "0.0033")),
        ("AmazonBedrockFoundationModels", "USE1-MP:USE1_InputTokenCount-Units", ("Units", "1.1")),
        (
            "AmazonBedrockFoundationModels",
            "USE1-MP:USE1_OutputTokenCount_Global-Units",
            ("Units", "5"),
        ),
    ],
)
def test_a_models_tokens_have_a_price_under_one_of_three_codes(
    pricing: Service, code: str, usage: str, rate: tuple[str, str]
) -> None:
    product = model_products(pricing, code, usagetype=usage, regionCode="us-east-1")[0]
    assert rates_of(product) == [(rate[0], Decimal(rate[1]))]
    others = [other for other in MODEL_CODES if other != code]
    assert [model_products(pricing, other, usagetype=usage) for other in others] == [[], []]


def test_no_product_of_a_model_has_its_id_as_a_name(pricing: Service) -> None:
    products = [product for code in MODEL_CODES for product in model_products(pricing, code)]
    names = {
        product["product"]["attributes"].get(name)
        for product in products
        for name in ("model", "titanModel", "servicename")
    }
    assert {"Nova Micro", "Claude Haiku 4.5 (Amazon Bedrock Edition)"} <= names
    assert not [name for name in names if name and ":" in name]
    assert len({product["product"]["sku"] for product in products}) == len(products)


def test_a_model_that_is_not_listed_has_no_price(pricing: Service) -> None:
    assert model_products(pricing, "AmazonBedrock", model="Mistral Large") == []
    assert model_products(pricing, "AmazonBedrock", regionCode="eu-west-1") == []


def test_price_lists_name_the_regions_with_prices(pricing: Service) -> None:
    request = {"EffectiveDate": "2026-11-20T00:00:00Z", "CurrencyCode": "USD"}

    def regions(**more: str) -> list[str]:
        answer = pricing.call(SCOPE, "ListPriceLists", {**request, **more})
        return [item["RegionCode"] for item in answer["PriceLists"]]

    assert regions(ServiceCode="AmazonSageMaker") == ["eu-west-1", "us-east-1"]
    assert regions(ServiceCode="AmazonBedrockFoundationModels") == ["us-east-1"]
    assert regions(ServiceCode="AmazonSageMaker", RegionCode="eu-west-1") == ["eu-west-1"]
    assert regions(ServiceCode="AmazonSageMaker", CurrencyCode="CNY") == []
    assert regions(ServiceCode="AmazonSageMaker", EffectiveDate="2026-01-01T00:00:00Z") == []
    with pytest.raises(ApiError, match="lists no prices of 'AmazonEC2'"):
        regions(ServiceCode="AmazonEC2")
    assert not pricing.unfit
