"""Every condition key of the deployed policies has a value in the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ratchet.local_cloud.emulator import http_needs
from ratchet.local_cloud.sagemaker import authorisation
from tests.infra.assembly import Assembly

BOOTSTRAP = (
    Path(__file__).parents[2] / "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml"
)

OF_THE_EMULATOR = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:tagkeys",
    "s3:prefix",
    "s3:resourceaccount",
}
"""Supplied by MiniStack itself, with what the local cloud tells it of a request."""

OF_SERVICES = {"aws:sourceaccount", "aws:sourcearn", "iam:passedtoservice", "kms:viaservice"}
"""Supplied where a service acts: `authority`, `deliveries`, `http_needs`."""


class Template(yaml.SafeLoader):  # type: ignore[misc]  # the stubs do not know its base
    """A template of CloudFormation; what its functions answer does not matter here."""


Template.add_multi_constructor("!", lambda loader, suffix, node: str(node.value))


def condition_keys(value: Any) -> Iterator[str]:
    """The keys of all statements in a template, in lower case."""
    if isinstance(value, dict):
        if "Effect" in value:
            conditions = value.get("Condition")
            for operator in conditions.values() if isinstance(conditions, dict) else ():
                if isinstance(operator, dict):
                    yield from (key.lower() for key in operator if ":" in key)
        for item in value.values():
            yield from condition_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from condition_keys(item)


def supplied(key: str) -> bool:
    members = {
        name.lower() for names in http_needs.CONDITION_MEMBERS.values() for name in names
    } | {name.lower() for name in authorisation.KEYS}
    starts = (*http_needs.resource_keys(lambda scope, arn: ()), "aws:requesttag/")
    return key in OF_THE_EMULATOR | OF_SERVICES | members or key.startswith(tuple(starts))


def test_no_deployed_policy_asks_for_a_key_that_nothing_supplies(assembly: Assembly) -> None:
    keys = {key for template in assembly.templates.values() for key in condition_keys(template)}
    assert {"s3:prefix", "cloudwatch:namespace", "iam:passedtoservice"} <= keys
    assert {key for key in keys if not supplied(key)} == set()


def test_nor_does_the_bootstrap_template() -> None:
    keys = set(condition_keys(yaml.load(BOOTSTRAP.read_text(), Template)))
    assert {"aws:resourceaccount", "kms:viaservice"} <= keys
    assert {key for key in keys if not supplied(key)} == set()
