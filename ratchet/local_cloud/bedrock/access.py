"""Which models an account may use: agreements, which are accepted once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ratchet.local_cloud.bedrock.errors import access_denied, invalid, not_found
from ratchet.local_cloud.bedrock.models import FoundationModel, model_of
from ratchet.local_cloud.sagemaker.store import AccountScope, Store

_AGREEMENT = "BedrockAgreement"


class Agreements:
    """The agreements of each account and region."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_accepted(self, scope: AccountScope, model: FoundationModel) -> bool:
        return model.subscribed or self._store.get(scope, _AGREEMENT, model.id) is not None

    def check(self, scope: AccountScope, model: FoundationModel) -> None:
        """Raises ApiError (AccessDeniedException) for a model without an agreement."""
        if not self.is_accepted(scope, model):
            raise access_denied("You don't have access to the model with the specified model ID.")

    def get_availability(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """GetFoundationModelAvailability."""
        model = _listed(request["modelId"])
        accepted = self.is_accepted(scope, model)
        return {
            "modelId": model.id,
            "agreementAvailability": {"status": "AVAILABLE" if accepted else "NOT_AVAILABLE"},
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE" if accepted else "NOT_AVAILABLE",
            "regionAvailability": "AVAILABLE",
        }

    def list_offers(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """ListFoundationModelAgreementOffers: one offer, of a model that needs an agreement."""
        model = _listed(request["modelId"])
        if model.subscribed:
            return {"modelId": model.id, "offers": []}
        return {"modelId": model.id, "offers": [_offer(scope, model)]}

    def create_agreement(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """CreateFoundationModelAgreement: from now on the model may be used."""
        model = _listed(request["modelId"])
        if request["offerToken"] != _token(scope, model):
            raise invalid(
                "The offerToken is not valid for this model. Use one that "
                "ListFoundationModelAgreementOffers lists."
            )
        self._store.put(scope, _AGREEMENT, model.id, {"modelId": model.id})
        return {"modelId": model.id}

    def delete_agreement(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteFoundationModelAgreement."""
        model = _listed(request["modelId"])
        if not self._store.delete(scope, _AGREEMENT, model.id):
            raise not_found(f"There is no agreement for the model {model.id}.")
        return {}


def _listed(model_id: str) -> FoundationModel:
    model = model_of(model_id)
    if model is None:
        raise not_found(f"The model {model_id} is not found.")
    return model


def _offer(scope: AccountScope, model: FoundationModel) -> dict[str, Any]:
    return {
        "offerId": f"offer-{_token(scope, model)[:13]}",
        "offerToken": _token(scope, model),
        "termDetails": {
            "usageBasedPricingTerm": {"rateCard": []},
            "legalTerm": {"url": "https://aws.amazon.com/legal/bedrock/third-party-models/"},
            "supportTerm": {"refundPolicyDescription": "No refunds."},
        },
    }


def _token(scope: AccountScope, model: FoundationModel) -> str:
    return hashlib.sha256(f"{scope.account} {model.id}".encode()).hexdigest()
