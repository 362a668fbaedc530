"""Whether the account is prepared for the CDK, as far as whoever deploys may see."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from ratchet.deployment.target import cdk
from ratchet.deployment.target.environment import Target
from ratchet.project import current, load
from ratchet.settings.schema import Settings


class MissingError(ClientError):
    """SSM's ParameterNotFound, as a client has it."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")


class Parameters:
    """SSM with these parameters, or with one error for everybody."""

    exceptions = SimpleNamespace(ParameterNotFound=MissingError)

    def __init__(self, *names: str, code: str = "") -> None:
        self._names, self._code = names, code

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 (SSM's word)
        if self._code:
            raise ClientError({"Error": {"Code": self._code}}, "GetParameter")
        if Name not in self._names:
            raise MissingError
        return {}


def target(settings: Settings, ssm: Parameters) -> Target:
    target = SimpleNamespace(
        root=current().root,
        settings=settings,
        account="111122223333",
        region="us-east-1",
        client=lambda _: ssm,
    )
    return cast("Target", target)


DEFAULT = "/cdk-bootstrap/hnb659fds/version"


def test_an_account_without_the_parameter_is_not_prepared() -> None:
    assert cdk.bootstrapped(target(load("dev"), Parameters(DEFAULT)))
    assert not cdk.bootstrapped(target(load("dev"), Parameters("/other")))


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_who_may_not_look_goes_on(code: str) -> None:
    assert cdk.bootstrapped(target(load("dev"), Parameters(code=code)))


def test_another_error_is_not_passed_over() -> None:
    with pytest.raises(ClientError, match="ExpiredToken"):
        cdk.bootstrapped(target(load("dev"), Parameters(code="ExpiredToken")))


def test_the_settings_qualifier_is_looked_for_and_made() -> None:
    settings = replace(load("dev"), bootstrap_qualifier="team2")
    place = target(settings, Parameters("/cdk-bootstrap/team2/version"))
    assert cdk.bootstrapped(place)
    command = cdk.bootstrap_command(place)
    assert command[-4:] == ["--qualifier", "team2", "--toolkit-stack-name", "CDKToolkit-team2"]
    assert "--qualifier" not in cdk.bootstrap_command(target(load("dev"), Parameters()))


def test_the_context_of_cdk_json_names_the_qualifier_where_the_settings_do_not(
    tmp_path: Path,
) -> None:
    context = {"context": {"@aws-cdk/core:bootstrapQualifier": "shared"}}
    (tmp_path / "cdk.json").write_text(json.dumps(context))
    settings = load("dev")
    assert cdk.qualifier(settings, project=tmp_path) == "shared"
    assert cdk.qualifier(replace(settings, bootstrap_qualifier="own"), project=tmp_path) == "own"
    assert cdk.qualifier(settings, project=current().root) == cdk.DEFAULT_QUALIFIER
