"""Whether the account may use a foundation model.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetFoundationModelAvailability.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.deployment.errors import denied, explain

if TYPE_CHECKING:
    from mypy_boto3_bedrock.client import BedrockClient

YES, UNKNOWN = "yes", "unknown"
NO_AGREEMENT = "needs agreement"
PENDING = "agreement pending"
FAILED = "agreement failed"
NOT_AUTHORIZED = "not authorized"
NOT_ENTITLED = "not entitled"
NOT_IN_REGION = "not in this region"

NEXT_STEPS = {
    NO_AGREEMENT: "somebody has to accept the provider's terms once for the account: aws bedrock "
    "list-foundation-model-agreement-offers --model-id {id} shows them, and aws bedrock "
    "create-foundation-model-agreement accepts them. Some providers also ask what it is for, in "
    "the console of Bedrock. After that it may take 15 minutes",
    PENDING: "the agreement takes effect within some 15 minutes",
    FAILED: "the agreement could not be made; the console of Bedrock says more",
    NOT_AUTHORIZED: "a policy of yours or of your organization does not allow the model",
    NOT_ENTITLED: "the account has no right to the model; AWS Support says why",
    NOT_IN_REGION: "choose another model, or an environment in a region that has this one",
}
"""State → what to do about it; {id} is the model's."""

_AGREEMENTS = {"NOT_AVAILABLE": NO_AGREEMENT, "PENDING": PENDING, "ERROR": FAILED}
_AT_ONCE = 8
"""Bedrock's control plane takes few calls a second; botocore waits where it asks for fewer."""


@dataclass(frozen=True)
class ModelAccess:
    """One model, for this account in this region."""

    state: str
    """One of the words above."""
    detail: str = ""
    """What AWS says about it, where it says something."""

    @property
    def allowed(self) -> bool:
        return self.state == YES


def read(answer: Mapping[str, Any]) -> ModelAccess:
    """An answer of GetFoundationModelAvailability. What stands first is what has to be done first:
    there is no agreement to make in a region without the model, and the entitlement follows it."""
    agreement = answer["agreementAvailability"]
    if answer["regionAvailability"] != "AVAILABLE":
        return ModelAccess(NOT_IN_REGION)
    if answer["authorizationStatus"] != "AUTHORIZED":
        return ModelAccess(NOT_AUTHORIZED)
    if agreement["status"] in _AGREEMENTS:
        return ModelAccess(_AGREEMENTS[agreement["status"]], agreement.get("errorMessage", ""))
    if answer["entitlementAvailability"] != "AVAILABLE":
        return ModelAccess(NOT_ENTITLED)
    return ModelAccess(YES)


def of_models(bedrock: BedrockClient, model_ids: Iterable[str]) -> dict[str, ModelAccess]:
    """Id → access, for several models at once. A model that cannot be asked about is UNKNOWN, with
    the reason."""
    ids = list(dict.fromkeys(model_ids))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip(ids, pool.map(lambda model_id: _ask(bedrock, model_id), ids), strict=True))


def refusal(answers: Mapping[str, ModelAccess]) -> str:
    """Why access is unknown, once for all models; empty where it is known."""
    reasons = [each.detail for each in answers.values() if each.state == UNKNOWN]
    return reasons[0] if reasons else ""


def _ask(bedrock: BedrockClient, model_id: str) -> ModelAccess:
    try:
        return read(bedrock.get_foundation_model_availability(modelId=model_id))
    except ClientError as error:
        reason = explain(error) or str(error)
        return ModelAccess(UNKNOWN, reason if denied(error) else f"{model_id}: {reason}")
