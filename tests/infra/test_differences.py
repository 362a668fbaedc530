from __future__ import annotations

from typing import Any

import pytest

from tests.infra.differences import differences


@pytest.mark.parametrize(
    ("prod", "dev", "lines"),
    [
        ({"a": {"b": 365}}, {"a": {"b": 14}}, ["~ a.b: 365 → 14"]),
        ({"a": 1}, {"a": True}, ["~ a: 1 → true"]),
        ({"a": {"b": 1, "c": [1, 2]}}, {"a": {"b": 1}}, ["- a.c"]),
        ({}, {"a": {"b": [1]}}, ['+ a: {"b": [1]}']),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, ["- a[1]"]),
        ({"a": [1, 3]}, {"a": [1, 2, 3]}, ["+ a[1]: 2"]),
        ({"a": [1, {"b": 2}, 3]}, {"a": [1, {"b": 4}, 3]}, ["~ a[1].b: 2 → 4"]),
        (
            {"a": [{"Id": "x", "days": 9}, {"Id": "z", "days": 9}]},
            {"a": [{"Id": "x", "days": 9}, {"Id": "y"}, {"Id": "z", "days": 1}]},
            ['+ a[1]: {"Id": "y"}', "~ a[1].days: 9 → 1"],
        ),
        ({"a": ["x", "y"]}, {"a": "x"}, ['~ a: ["x", "y"] → "x"']),
    ],
)
def test_a_line_says_where_and_what(prod: Any, dev: Any, lines: list[str]) -> None:
    assert differences("dev", dev, prod).splitlines() == lines


def test_the_name_of_the_environment_is_no_difference() -> None:
    prod = {"Name": "flights-prod-data", "flights_prod": "production", "Exportflightsprodkey": 1}
    dev = {"Name": "flights-dev-data", "flights_dev": "production", "Exportflightsdevkey": 1}
    assert differences("dev", dev, prod) == ""


def test_a_template_that_names_prod_by_mistake_is_refused() -> None:
    with pytest.raises(ValueError, match="a template of dev names prod"):
        differences("dev", {"Bucket": "flights-prod-data"}, {"Bucket": "flights-prod-data"})
