"""Reading the Price List: answers in its own form, held against botocore's model by the stubber."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.config import Config
from botocore.stub import Stubber

from ratchet.costs import price_list
from ratchet.costs.price_list import PriceListError

REGION, INSTANCE = "eu-west-1", "ml.m5.large"


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


def product(
    usage: str,
    price: str,
    *,
    unit: str = "Hrs",
    ranges: tuple[str, str] = ("0", "Inf"),
    **more: Any,
) -> str:
    """An item of PriceList, with the attributes and terms that AWS gives an ML instance."""
    sku = "JMCWJEAPVJNFJ5P4"
    rate = {
        "unit": unit,
        "beginRange": ranges[0],
        "endRange": ranges[1],
        "description": f"${price} per {unit}",
        "rateCode": f"{sku}.JRTCKXETXF.6YS6EN2CT7",
        "appliesTo": [],
        "pricePerUnit": {"USD": price},
    }
    offer = {
        "sku": sku,
        "offerTermCode": "JRTCKXETXF",
        "effectiveDate": "2026-11-01T00:00:00Z",
        "termAttributes": {},
        "priceDimensions": {rate["rateCode"]: {**rate, **more.pop("rate", {})}},
    }
    attributes = {
        "servicecode": "AmazonSageMaker",
        "locationType": "AWS Region",
        "regionCode": REGION,
        "instanceName": INSTANCE,
        "usagetype": usage,
        "operation": "RunInstance",
        **more,
    }
    return json.dumps(
        {
            "product": {"productFamily": "ML Instance", "attributes": attributes, "sku": sku},
            "serviceCode": "AmazonSageMaker",
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": offer}},
            "version": "20261101000000",
            "publicationDate": "2026-11-01T00:00:00Z",
        }
    )


def asked(service: str = "AmazonSageMaker", **filters: str) -> dict[str, Any]:
    wanted = filters or {"regionCode": REGION, "instanceName": INSTANCE}
    return {
        "ServiceCode": service,
        "FormatVersion": "aws_v1",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()
        ],
    }


def answer(*items: str, **more: str) -> dict[str, Any]:
    return {"FormatVersion": "aws_v1", "PriceList": list(items), **more}


def hourly(stubbed: tuple[Any, Stubber], *items: str) -> dict[str, Decimal]:
    client, stubber = stubbed
    stubber.add_response("get_products", answer(*items), asked())
    return price_list.hourly(client, region=REGION, instance_type=INSTANCE)


def test_each_component_has_the_price_of_its_usage_type(stubbed: tuple[Any, Stubber]) -> None:
    assert hourly(
        stubbed,
        product("EU-Train:ml.m5.large", "0.1280000000", platoinstancetype="Training"),
        product("EU-Processing:ml.m5.large", "0.1290000000", component="Processing"),
        product("EU-Host:ml.m5.large", "0.1300000000", platoinstancetype="Hosting"),
        product("EU-Tsform:ml.m5.large", "10.0000000000", platoinstancetype="BatchTransform"),
    ) == {
        "Training": Decimal("0.128"),
        "Processing": Decimal("0.129"),
        "Hosting": Decimal("0.130"),
        "Transform": Decimal(10),
    }


def test_a_price_is_kept_as_people_write_it(stubbed: tuple[Any, Stubber]) -> None:
    found = hourly(stubbed, product("EU-Train:ml.m5.large", "10.0000000000"))
    assert str(found["Training"]) == "10"


def test_a_usage_type_without_a_region_is_read_too(stubbed: tuple[Any, Stubber]) -> None:
    found = hourly(stubbed, product("Train:ml.m5.large", "0.115"))
    assert found == {"Training": Decimal("0.115")}


@pytest.mark.parametrize(
    "odd",
    [
        {"usage": "EU-AsyncInf:ml.m5.large"},
        {"usage": "EU-Notebk:ml.m5.large"},
        {"usage": "EU-Studio:JupyterLab-ml.m5.large"},
        {"usage": "EU-Processing_DW:ml.m5.large"},
        {"usage": "EU-SpotTrain:ml.m5.large"},
        {"usage": "EU-Train:ml.m5.large-Reserved"},
        {"usage": "EU-Train:ml.m5.xlarge"},
        {"usage": "EU-Host:VolumeUsage.gp2"},
        {"usage": ""},
        {"usage": "EU-Train:ml.m5.large", "platoinstancetype": "SpotTraining"},
        {"usage": "EU-Train:ml.m5.large", "platoinstancetype": "Training-Free"},
        {"usage": "EU-Processing:ml.m5.large", "platoinstancetype": "Processing_Geo"},
        {"usage": "EU-Train:ml.m5.large", "locationType": "AWS Outposts"},
        {"usage": "EU-Train:ml.m5.large", "rate": {"unit": "Quantity"}},
        {"usage": "EU-Train:ml.m5.large", "rate": {"beginRange": "250"}},
        {"usage": "EU-Train:ml.m5.large", "rate": {"pricePerUnit": {"USD": "0.0000000000"}}},
    ],
    ids=json.dumps,
)
def test_what_is_no_job_of_a_pipeline_has_no_say(
    stubbed: tuple[Any, Stubber], odd: dict[str, Any]
) -> None:
    more = dict(odd)
    found = hourly(
        stubbed,
        product(more.pop("usage"), "7.77", **more),
        product("EU-Processing:ml.m5.large", "0.128"),
    )
    assert found == {"Processing": Decimal("0.128")}


def test_reserved_terms_are_no_price_on_demand(stubbed: tuple[Any, Stubber]) -> None:
    reserved = json.loads(product("EU-Train:ml.m5.large", "0.07"))
    reserved["terms"] = {"Reserved": reserved["terms"]["OnDemand"]}
    assert hourly(stubbed, json.dumps(reserved)) == {}


def test_an_instance_that_the_region_does_not_have_has_no_prices(
    stubbed: tuple[Any, Stubber],
) -> None:
    assert hourly(stubbed) == {}


def test_the_same_price_twice_is_one_price(stubbed: tuple[Any, Stubber]) -> None:
    twice = [product("EU-Train:ml.m5.large", text) for text in ("0.115", "0.1150000000")]
    assert hourly(stubbed, *twice) == {"Training": Decimal("0.115")}


def test_two_prices_for_one_component_are_said_and_none_is_taken(
    stubbed: tuple[Any, Stubber],
) -> None:
    with pytest.raises(
        PriceListError,
        match=r"more than one price for an hour of ml\.m5\.large for Training in eu-west-1: "
        r"0\.115 and 0\.128 dollars",
    ):
        hourly(
            stubbed,
            product("EU-Train:ml.m5.large", "0.128"),
            product("EU-Train:ml.m5.large", "0.115"),
        )


def test_all_pages_are_read(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    pages = [
        (product("EU-Train:ml.m5.large", "0.128"), "second"),
        (product("EU-Notebk:ml.m5.large", "0.131"), "third"),
        (product("EU-Host:ml.m5.large", "0.132"), None),
    ]
    token: dict[str, str] = {}
    for item, following in pages:
        more = {"NextToken": following} if following else {}
        stubber.add_response("get_products", answer(item, **more), {**asked(), **token})
        token = more
    found = price_list.hourly(client, region=REGION, instance_type=INSTANCE)
    assert found == {"Training": Decimal("0.128"), "Hosting": Decimal("0.132")}
    stubber.assert_no_pending_responses()


def test_a_list_that_turns_in_a_circle_is_an_error(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    same = answer(product("EU-Train:ml.m5.large", "0.128"), NextToken="again")
    stubber.add_response("get_products", same, asked())
    stubber.add_response("get_products", same, {**asked(), "NextToken": "again"})
    with pytest.raises(PriceListError, match=r"gave no answer: .*The same next token"):
        price_list.hourly(client, region=REGION, instance_type=INSTANCE)


def test_a_missing_permission_is_named(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error(
        "get_products",
        "AccessDeniedException",
        "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: pricing:GetProducts",
        http_status_code=400,
    )
    with pytest.raises(PriceListError, match=r"Allow pricing:GetProducts on \*") as caught:
        price_list.hourly(client, region=REGION, instance_type=INSTANCE)
    assert caught.value.permission == "pricing:GetProducts"


def test_throttling_that_lasts_is_said_with_the_retries_that_were_made(
    stubbed: tuple[Any, Stubber],
) -> None:
    client, stubber = stubbed
    stubber.add_client_error(
        "get_products",
        "ThrottlingException",
        "Rate exceeded",
        http_status_code=400,
        response_meta={"RetryAttempts": 5},
    )
    with pytest.raises(PriceListError, match=r"still throttling after 5 retries") as caught:
        price_list.hourly(client, region=REGION, instance_type=INSTANCE)
    assert caught.value.permission is None


def test_throttling_that_passes_is_repeated_by_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client(
        "pricing",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    throttled = {"__type": "ThrottlingException", "message": "Rate exceeded"}
    priced = answer(product("EU-Train:ml.m5.large", "0.128"))
    answers = iter([(400, throttled), (400, throttled), (200, priced)])

    def sent(request: Any, **_: object) -> Any:
        status, content = next(answers)
        response: Any = AWSResponse(request.url, status, HTTPHeaders(), None)
        response._content = json.dumps(content).encode()  # as if it had been read
        return response

    client.meta.events.register("before-send", sent)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    found = price_list.hourly(client, region=REGION, instance_type=INSTANCE)
    assert found == {"Training": Decimal("0.128")}
    assert next(answers, None) is None


def test_any_other_refusal_is_a_sentence(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_client_error("get_products", "ExpiredNextTokenException", "expired")
    with pytest.raises(PriceListError, match=r"refused the request \(ExpiredNextTokenExc"):
        price_list.hourly(client, region=REGION, instance_type=INSTANCE)


def test_no_connection_is_a_sentence() -> None:
    client = boto3.client(
        "pricing",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    with pytest.raises(PriceListError, match="gave no answer: Could not connect"):
        price_list.hourly(client, region=REGION, instance_type=INSTANCE)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"product": 1}'])
def test_what_is_no_product_is_shown(stubbed: tuple[Any, Stubber], text: str) -> None:
    with pytest.raises(PriceListError, match="what is no product"):
        hourly(stubbed, text)


def test_a_price_in_another_currency_is_an_error(stubbed: tuple[Any, Stubber]) -> None:
    with pytest.raises(PriceListError, match=r'no price in US dollars .*\{"CNY": "0\.8"\}'):
        hourly(
            stubbed,
            product("CNN1-Train:ml.m5.large", "1", rate={"pricePerUnit": {"CNY": "0.8"}}),
        )


def test_storage_is_the_first_tier_of_s3_standard(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    tiers = json.loads(
        product("EU-TimedStorage-ByteHrs", "0.023", unit="GB-Mo", ranges=("0", "51200"))
    )
    later = json.loads(
        product("EU-TimedStorage-ByteHrs", "0.022", unit="GB-Mo", ranges=("51200", "512000"))
    )
    offer = next(iter(tiers["terms"]["OnDemand"].values()))
    following = next(iter(later["terms"]["OnDemand"].values()))
    offer["priceDimensions"]["next"] = next(iter(following["priceDimensions"].values()))
    stubber.add_response(
        "get_products",
        answer(
            json.dumps(tiers),
            product("EU-TimedStorage-SIA-ByteHrs", "0.0125", unit="GB-Mo"),
            product("EU-TimedStorage-ByteHrs-Tables", "0.0265", unit="GB-Mo"),
        ),
        asked("AmazonS3", regionCode=REGION, volumeType="Standard"),
    )
    assert price_list.storage(client, region=REGION) == Decimal("0.023")


def test_storage_that_is_not_listed_has_no_price(stubbed: tuple[Any, Stubber]) -> None:
    client, stubber = stubbed
    stubber.add_response(
        "get_products", answer(), asked("AmazonS3", regionCode=REGION, volumeType="Standard")
    )
    assert price_list.storage(client, region=REGION) is None
