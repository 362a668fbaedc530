"""Prices, tags for the bill, budgets and tables, as boto3 and CloudFormation see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ratchet.costs import price_list
from ratchet.local_cloud.admin_client import AdminError
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud, until
from tests.local_cloud.small_stacks import ACCOUNT, create, stack_status, unique

pytestmark = pytest.mark.cloud

COMPONENTS = ("Training", "Processing", "Transform", "Hosting")


@pytest.fixture
def prices(cloud: RunningCloud) -> Iterator[None]:
    before = cloud.admin("GET", "prices")
    table = {f"ml.m5.{n}xlarge": dict.fromkeys(COMPONENTS, f"{n}.5") for n in range(2, 62)}
    odd = {"ml.m5.large": {"Training": "0.1", "Processing": 0.2, "Transform": "0.3"}}
    given = {REGION: {**table, **odd}, "eu-west-1": {"ml.m5.large": {"Training": "0.9"}}}
    cloud.admin("POST", "prices", {"hourly": given, "storage": {REGION: "0.025"}})
    yield
    cloud.admin("POST", "prices", before)


@pytest.mark.usefixtures("prices")
def test_the_prices_that_were_given_are_read_as_awss_are(cloud: RunningCloud) -> None:
    pricing = cloud.client("pricing")
    assert price_list.hourly(pricing, region=REGION, instance_type="ml.m5.large") == {
        "Training": Decimal("0.1"),
        "Processing": Decimal("0.2"),
        "Transform": Decimal("0.3"),
    }
    assert price_list.hourly(pricing, region="eu-west-1", instance_type="ml.m5.large") == {
        "Training": Decimal("0.9")
    }
    assert price_list.hourly(pricing, region=REGION, instance_type="ml.m9.large") == {}
    assert price_list.storage(pricing, region=REGION) == Decimal("0.025")


@pytest.mark.usefixtures("prices")
def test_a_long_list_comes_in_pages(cloud: RunningCloud) -> None:
    paginator = cloud.client("pricing").get_paginator("get_products")
    pages = list(paginator.paginate(ServiceCode="AmazonSageMaker"))
    assert [len(page["PriceList"]) for page in pages] == [100, 100, 44]


def test_at_first_the_prices_are_the_packages(cloud: RunningCloud) -> None:
    found = price_list.hourly(
        cloud.client("pricing"), region="us-east-1", instance_type="ml.m5.large"
    )
    assert found["Training"] == Decimal("0.115")


def test_a_wrong_table_changes_nothing_and_says_why(cloud: RunningCloud) -> None:
    before = cloud.admin("GET", "prices")
    wrong = {"hourly": {REGION: {"ml.m5.large": {"Training": "cheap"}}}}
    with pytest.raises(AdminError, match="expected US dollars") as caught:
        cloud.admin("POST", "prices", wrong)
    assert caught.value.status == 400
    assert cloud.admin("GET", "prices") == before


def test_cost_explorer_says_that_there_is_no_bill(cloud: RunningCloud) -> None:
    with pytest.raises(ClientError, match="The local cloud has no bill"):
        cloud.client("ce").get_cost_and_usage(
            TimePeriod={"Start": "2026-11-01", "End": "2026-11-26"},
            Granularity="MONTHLY",
            Metrics=["UnblendedCost"],
        )


def test_a_tag_for_the_bill_is_activated(cloud: RunningCloud) -> None:
    explorer, key = cloud.client("ce"), unique("tag")
    change = [{"TagKey": key, "Status": "Active"}]
    assert (
        explorer.update_cost_allocation_tags_status(CostAllocationTagsStatus=change)["Errors"] == []
    )
    (tag,) = explorer.list_cost_allocation_tags(TagKeys=[key])["CostAllocationTags"]
    assert (tag["Status"], tag["Type"]) == ("Active", "UserDefined")


def template(limit: float, threshold: float, *, name: str, tag: str) -> dict[str, Any]:
    return {
        "Resources": {
            "Budget": {
                "Type": "AWS::Budgets::Budget",
                "Properties": {
                    "Budget": {
                        "BudgetType": "COST",
                        "TimeUnit": "MONTHLY",
                        "BudgetLimit": {"Amount": limit, "Unit": "USD"},
                        "CostFilters": {"TagKeyValue": ["user:project$flights"]},
                    },
                    "NotificationsWithSubscribers": [
                        {
                            "Notification": {
                                "NotificationType": "ACTUAL",
                                "ComparisonOperator": "GREATER_THAN",
                                "Threshold": threshold,
                            },
                            "Subscribers": [
                                {
                                    "SubscriptionType": "SNS",
                                    "Address": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic",
                                }
                            ],
                        }
                    ],
                    "ResourceTags": [{"Key": "project", "Value": tag}],
                },
            },
            "Database": {
                "Type": "AWS::Glue::Database",
                "Properties": {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": name}},
            },
            "Table": {
                "Type": "AWS::Glue::Table",
                "Properties": {
                    "CatalogId": ACCOUNT,
                    "DatabaseName": {"Ref": "Database"},
                    "TableInput": {
                        "Name": "run_costs",
                        "TableType": "EXTERNAL_TABLE",
                        "Parameters": {"projection.enabled": "true"},
                        "PartitionKeys": [{"Name": "pipeline", "Type": "string"}],
                        "StorageDescriptor": {
                            "Location": "s3://bucket/costs/rows/",
                            "Columns": [{"Name": "cost", "Type": "decimal(18,9)"}],
                        },
                    },
                },
            },
        },
        "Outputs": {"Budget": {"Value": {"Ref": "Budget"}}},
    }


def test_a_stack_has_a_budget_and_a_table_of_costs(cloud: RunningCloud) -> None:
    stack, database = unique("costs"), unique("costs").replace("-", "_")
    cloudformation, budgets = cloud.client("cloudformation"), cloud.client("budgets")

    def budget() -> str:
        outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        return str(outputs[0]["OutputValue"])

    def update(**values: Any) -> None:
        body = json.dumps(template(**values, name=database))
        cloudformation.update_stack(StackName=stack, TemplateBody=body)
        assert until(lambda: stack_status(cloud, stack)) == "UPDATE_COMPLETE"

    assert create(cloud, stack, template(50, 80, name=database, tag="a")) == "CREATE_COMPLETE"
    name = budget()
    described = budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
    assert described["BudgetLimit"] == {"Amount": "50", "Unit": "USD"}
    assert described["CostFilters"] == {"TagKeyValue": ["user:project$flights"]}
    (column,) = cloud.client("glue").get_table(DatabaseName=database, Name="run_costs")["Table"][
        "StorageDescriptor"
    ]["Columns"]
    assert (column["Name"], column["Type"]) == ("cost", "decimal(18,9)")

    update(limit=75.5, threshold=80, tag="b")
    assert budget() == name, "another limit leaves the budget where it is"
    described = budgets.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
    assert described["BudgetLimit"]["Amount"] == "75.5"
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/{name}"
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [
        {"Key": "project", "Value": "b"}
    ]

    update(limit=75.5, threshold=90, tag="b")
    assert budget() != name, "other notifications replace it"
    names = [one["BudgetName"] for one in budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"]]
    assert budget() in names
    assert name not in names

    cloudformation.delete_stack(StackName=stack)
    until(lambda: not budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"])
