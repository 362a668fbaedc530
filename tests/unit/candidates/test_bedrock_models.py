"""The models of Bedrock, and the ways to them that the settings allow."""

from __future__ import annotations

import pytest

from ratchet.candidates import access, bedrock_models, catalogue
from ratchet.candidates.access import ModelAccess
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.environment import Target
from tests.unit.candidates.conftest import Aws, availability
from tests.unit.candidates.listed_models import models
from tests.unit.candidates.shaped_clients import denied

MODELS = {model.id: model for model in models()}
REGION = "us-east-1"


def allowed(*regions: str) -> frozenset[str]:
    return frozenset(regions or (REGION,))


def test_models_that_answer_with_pictures_or_need_provisioned_throughput_are_left_out() -> None:
    assert "amazon.nova-canvas-v1:0" not in MODELS
    assert "amazon.nova-lite-v1:0:24k" not in MODELS
    assert MODELS["amazon.titan-embed-text-v2:0"].kind == "embedding"
    assert MODELS["anthropic.claude-3-haiku-20240307-v1:0"].legacy


def test_a_models_own_id_comes_before_a_profile() -> None:
    lite = MODELS["amazon.nova-lite-v1:0"]
    assert [way.model_id for way in bedrock_models.routes(lite, region=REGION)] == [
        "amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1:0",
    ]
    way = bedrock_models.route(lite, region=REGION, allowed=allowed())
    assert (way.model_id, way.regions, way.profile) == ("amazon.nova-lite-v1:0", (REGION,), None)


def test_a_profile_is_refused_unless_all_its_regions_are_allowed() -> None:
    haiku = MODELS["anthropic.claude-haiku-4-5-20251001-v1:0"]
    for regions in ((), ("us-east-1", "us-east-2"), ("us-east-2", "us-west-2")):
        with pytest.raises(DeploymentError) as refused:
            bedrock_models.route(haiku, region=REGION, allowed=allowed(*regions))
        assert '[candidates] regions = ["us-east-1", "us-east-2", "us-west-2"]' in str(
            refused.value
        )
    way = bedrock_models.route(
        haiku, region=REGION, allowed=allowed("us-east-1", "us-east-2", "us-west-2", "eu-west-1")
    )
    assert way.model_id == "us.anthropic.claude-haiku-4-5-20251001-v1:0"


def test_a_global_profile_needs_the_word_global() -> None:
    opus = bedrock_models.BedrockModel(
        **{
            **MODELS["anthropic.claude-opus-4-7"].__dict__,
            "profiles": MODELS["anthropic.claude-opus-4-7"].profiles[1:],
        }
    )
    with pytest.raises(DeploymentError, match=r"rows to any region.*regions = \[\"global\"\]"):
        bedrock_models.route(opus, region=REGION, allowed=allowed("us-east-1", "us-west-2"))
    way = bedrock_models.route(opus, region=REGION, allowed=allowed("global"))
    assert way.model_id == "global.anthropic.claude-opus-4-7"


def test_a_global_profile_is_one_by_its_name_whatever_regions_it_lists() -> None:
    sonnet = MODELS["anthropic.claude-sonnet-4-6"]
    profile = next(each for each in sonnet.profiles if each.id.startswith("global."))
    assert profile.worldwide
    with pytest.raises(DeploymentError):
        bedrock_models.route(sonnet, region=REGION, allowed=allowed("us-east-1"))


def test_a_region_that_is_not_the_environments_own_is_no_way_of_a_model_by_its_id() -> None:
    micro = MODELS["amazon.nova-pro-v1:0"]
    with pytest.raises(DeploymentError, match="through its own id, which may send rows to us-east"):
        bedrock_models.route(micro, region=REGION, allowed=allowed("eu-west-1"))


def test_a_profile_with_cost_tags_of_ones_own_is_called_by_its_arn() -> None:
    haiku = MODELS["anthropic.claude-3-haiku-20240307-v1:0"]
    own = bedrock_models.routes(haiku, region=REGION)[-1]
    assert own.model_id.endswith(":application-inference-profile/team-haiku")


@pytest.mark.parametrize(
    "name",
    [
        "amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
    ],
)
def test_a_model_is_named_by_its_id_or_by_a_profile(name: str) -> None:
    model = catalogue.find_bedrock(MODELS.values(), name)
    assert model is not None
    assert model.id == "amazon.nova-lite-v1:0"


def test_an_unknown_model_is_named_with_the_nearest() -> None:
    assert catalogue.find_bedrock(MODELS.values(), "amazon.nova-light-v1:0") is None
    problem = catalogue.no_such_model("amazon.nova-light-v1:0", MODELS.values())
    assert "did you mean amazon.nova-lite-v1:0" in str(problem)


# -- access ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ({}, access.YES),
        ({"agreement": "NOT_AVAILABLE"}, access.NO_AGREEMENT),
        ({"agreement": "NOT_AVAILABLE", "entitlement": "NOT_AVAILABLE"}, access.NO_AGREEMENT),
        ({"agreement": "PENDING"}, access.PENDING),
        ({"agreement": "ERROR"}, access.FAILED),
        ({"entitlement": "NOT_AVAILABLE"}, access.NOT_ENTITLED),
        ({"authorization": "NOT_AUTHORIZED"}, access.NOT_AUTHORIZED),
        ({"region": "NOT_AVAILABLE", "agreement": "NOT_AVAILABLE"}, access.NOT_IN_REGION),
    ],
)
def test_access_says_what_has_to_be_done_first(states: dict[str, str], state: str) -> None:
    assert access.read(availability("a.b", **states)).state == state


def test_every_state_but_yes_has_a_next_step() -> None:
    states = {
        value
        for name, value in vars(access).items()
        if name.isupper() and isinstance(value, str) and name not in ("YES", "UNKNOWN")
    }
    assert states == set(access.NEXT_STEPS)


def test_access_is_asked_for_each_model_once(target: Target, aws: Aws) -> None:
    ids = [*MODELS, *MODELS]
    answers = access.of_models(target.client("bedrock"), ids)
    assert set(answers) == set(MODELS)
    asked = [request["modelId"] for request in aws.asked("GetFoundationModelAvailability")]
    assert sorted(asked) == sorted(MODELS)


def test_a_refusal_makes_access_unknown_and_is_said_once_with_the_statement(
    target: Target, aws: Aws
) -> None:
    action = "bedrock:GetFoundationModelAvailability"

    def refuse(**asked: str) -> None:
        raise denied("GetFoundationModelAvailability", action)

    aws.bedrock["GetFoundationModelAvailability"] = refuse
    answers = access.of_models(target.client("bedrock"), MODELS)
    assert {each.state for each in answers.values()} == {access.UNKNOWN}
    reason = access.refusal(answers)
    assert f'"Action": "{action}"' in reason
    assert "The role analyst lacks" in reason
    assert access.refusal({"a.b": ModelAccess(access.YES)}) == ""
