"""The Price List and Cost Explorer as two more services of MiniStack's gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core import responses

from ratchet.local_cloud.billing.catalogue import read_file
from ratchet.local_cloud.billing.cost_explorer import CostExplorer
from ratchet.local_cloud.billing.price_list import PriceList
from ratchet.local_cloud.billing.service import Service
from ratchet.local_cloud.emulator import gateway
from ratchet.local_cloud.emulator.gateway import Response
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.switches import Switches


class BillingGateway(gateway.ServiceModule):
    """One of the two services."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def _answer(
        self, scope: AccountScope, path: str, headers: dict[str, str], body: bytes
    ) -> Response:
        del path
        return gateway.answered(headers, body, lambda *call: self._service.call(scope, *call))

    def reset(self) -> None:
        self._service.reset()


def price_list(environment: Mapping[str, str]) -> PriceList:
    """With the prices of the file RATCHET_PRICES, or the package's. Raises ValueError."""
    file = environment.get("RATCHET_PRICES")
    return PriceList(read_file(Path(file)) if file else None)


def install(api: Api, prices: PriceList, switches: Switches) -> None:
    """Route the requests of both services."""
    explorer = CostExplorer(api.now)
    shared: dict[str, Any] = {"check_answers": switches.check_answers, "unfit": api.unfit}
    _route(
        Service(
            name="pricing",
            model=responses._service_model("pricing"),
            operations={
                "GetProducts": prices.get_products,
                "ListPriceLists": prices.list_price_lists,
            },
            reset=prices.reset,
            **shared,
        )
    )
    _route(
        Service(
            name="ce",
            model=responses._service_model("ce"),
            operations={
                "GetCostAndUsage": explorer.get_cost_and_usage,
                "ListCostAllocationTags": explorer.list_cost_allocation_tags,
                "UpdateCostAllocationTagsStatus": explorer.update_cost_allocation_tags_status,
            },
            reset=explorer.reset,
            **shared,
        )
    )


def _route(service: Service) -> None:
    host = service.model.endpoint_prefix
    gateway.route(
        service.name,
        BillingGateway(service),
        target=f"{service.model.metadata['targetPrefix']}.",
        host=rf"^{re.escape(host)}\.",
    )
