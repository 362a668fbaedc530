"""The models of the public hub: listed page by page, and described one at a time."""

from __future__ import annotations

import pytest

from ratchet.candidates import catalogue, jumpstart_models
from ratchet.deployment.errors import DeploymentError, UnknownNameError
from ratchet.deployment.target.environment import Target
from tests.unit.candidates import hub_contents
from tests.unit.candidates.conftest import Aws


def test_the_hub_is_read_page_by_page_and_only_what_can_be_used(target: Target, aws: Aws) -> None:
    models = list(jumpstart_models.listed(target.client("sagemaker")))
    assert len(models) == len(hub_contents.LISTED) - 1
    assert "xgboost-classification-model" not in {each.id for each in models}
    assert len(aws.asked("ListHubContents")) == 2
    assert not aws.asked("DescribeHubContent")


def test_no_more_pages_are_read_than_are_shown(target: Target, aws: Aws) -> None:
    listed = catalogue.search_jumpstart(target, limit=3)
    assert [each.id for each in listed.jumpstart] == [
        hub_contents.FREE,
        hub_contents.GATED,
        hub_contents.PACKAGE,
    ]
    assert listed.more
    assert len(aws.asked("ListHubContents")) == 1


@pytest.mark.parametrize(
    ("wish", "ids"),
    [
        ({"task": "text generation"}, [hub_contents.GATED, hub_contents.PACKAGE]),
        ({"task": "text-generation"}, [hub_contents.GATED, hub_contents.PACKAGE]),
        ({"provider": "Meta"}, [hub_contents.GATED]),
        ({"word": "LLAMA"}, [hub_contents.GATED]),
        ({"word": "catboost", "task": "classification"}, ["catboost-classification-model"]),
        ({"word": "no such"}, []),
    ],
)
def test_models_are_chosen_by_provider_task_and_word(
    target: Target, wish: dict[str, str], ids: list[str]
) -> None:
    listed = catalogue.search_jumpstart(target, limit=None, **wish)
    assert [each.id for each in listed.jumpstart] == ids
    assert not listed.more


def test_a_document_says_licence_gate_and_instances(target: Target) -> None:
    gated = jumpstart_models.described(target.client("sagemaker"), hub_contents.GATED)
    assert (gated.license, gated.eula, gated.gated) == (
        "Llama 3.2 Community License",
        hub_contents.EULA,
        True,
    )
    assert gated.needs_acceptance
    assert gated.default_instance == "ml.g5.xlarge"
    assert gated.payloads["hello"]["Body"] == {"inputs": "Hello"}
    free = jumpstart_models.described(target.client("sagemaker"), hub_contents.FREE)
    assert not free.needs_acceptance


def test_a_model_that_the_hub_has_not_is_unknown(target: Target) -> None:
    with pytest.raises(UnknownNameError, match="no model 'nobody'"):
        jumpstart_models.described(target.client("sagemaker"), "nobody")


@pytest.mark.parametrize("text", ["not JSON", "[]", '"text"'])
def test_a_document_that_is_no_object_is_an_error_with_the_models_name(text: str) -> None:
    answer = {**hub_contents.described(hub_contents.FREE), "HubContentDocument": text}
    with pytest.raises(DeploymentError, match=f"document of {hub_contents.FREE}"):
        jumpstart_models.read(answer)
