"""Draws one foundation model for `ratchet candidates show`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from ratchet.candidates import access, hourly, results
from ratchet.candidates.bedrock_models import Route
from ratchet.candidates.model_facts import BedrockFacts, JumpStartFacts
from ratchet.candidates.prices import TokenPrice
from ratchet.cli.views.candidates_view import (
    bedrock_data,
    explained,
    lifecycle,
    price_data,
    price_text,
)
from ratchet.cli.views.model_view import copyable
from ratchet.costs.rows import BUNDLED, HOSTING, TRANSFORM

_MILLION = "US dollars for a million tokens, input / output"


def bedrock(facts: BedrockFacts) -> Iterator[RenderableType]:
    model = facts.entry.model
    yield Text(model.id, style="bold")
    yield explained(_bedrock(facts))


def _bedrock(facts: BedrockFacts) -> Iterator[tuple[str, str]]:
    entry, model = facts.entry, facts.entry.model
    yield "name", escape(f"{model.name} of {model.provider}")
    yield "kind", f"{model.kind}, of Bedrock"
    yield "lifecycle", lifecycle(model) or "active"
    state = entry.access.state
    detail = f": {entry.access.detail}" if entry.access.detail else ""
    yield "access", escape(state + detail)
    if state in access.NEXT_STEPS:
        yield "  next", access.NEXT_STEPS[state].format(id=model.id)
    for way, allowed, price in facts.ways:
        yield "called", _way(way, allowed=allowed)
        yield "  price", _price(price, model.kind)
    if facts.batch.complete:
        yield "batch jobs", _price(facts.batch, model.kind)


def _way(way: Route, *, allowed: bool) -> str:
    if way.profile is None:
        text = f"by its id, in {way.regions[0]}"
    else:
        where = "any region" if way.profile.worldwide else ", ".join(way.regions)
        text = f"through {way.model_id}: rows may go to {where}"
    return text if allowed else f"{text} [yellow](the settings do not allow it)[/]"


def _price(price: TokenPrice, kind: str) -> str:
    text = price_text(price, kind)
    if price.input is None and price.output is None:
        return f"{text}: the Price List has none that is certainly the model's"
    what = "US dollars for a million tokens" if kind == results.EMBEDDING else _MILLION
    return f"{text}, {what}; Price List, looked up {price.date}"


def jumpstart(facts: JumpStartFacts) -> Iterator[RenderableType]:
    document = facts.document
    yield Text(document.id, style="bold")
    yield explained(_jumpstart(facts))
    addresses = {
        "terms": document.eula,
        "image": document.image,
        "files": document.artifact_uri,
    }
    lines = [f"[dim]{name}[/]  {escape(text)}" for name, text in addresses.items() if text]
    yield copyable(lines)


def _jumpstart(facts: JumpStartFacts) -> Iterator[tuple[str, str]]:
    document = facts.document
    yield "name", escape(f"{document.title}, version {document.version}")
    yield "kind", "jumpstart: served by SageMaker, in your account"
    if document.task:
        yield "task", escape(document.task)
    yield "licence", escape(document.license or "the hub names none")
    if document.needs_acceptance:
        where = "read its terms, below" if document.eula else "its address is not in the hub"
        gated = "; its files are given out only to whoever accepts it" if document.gated else ""
        yield "  accept", f"with --accept-licence; {where}{gated}"
    if document.model_package:
        yield "sold by", "AWS Marketplace, at a price that is in no price list: it is not tried"
    for each in dict.fromkeys(filter(None, (document.default_instance, *document.instances))):
        default = " (default)" if each == document.default_instance else ""
        yield "runs on", f"{each}{default}: {_hourly(facts, each)}"
    if any(price and price.source == BUNDLED for price in facts.hourly.values()):
        yield "", "prices of the package's own table, since the Price List did not answer"


def _hourly(facts: JumpStartFacts, instance: str) -> str:
    """`batch $0.12 an hour, endpoint $0.12 an hour`."""
    batch, endpoint = (
        hourly.text(facts.hourly.get((component, instance))) for component in (TRANSFORM, HOSTING)
    )
    return f"batch {batch}, endpoint {endpoint}"


# -- JSON ------------------------------------------------------------------------------------------


def bedrock_document(facts: BedrockFacts) -> dict[str, Any]:
    return {
        **bedrock_data(facts.entry),
        "ways": [
            {
                "called_as": way.model_id,
                "regions": list(way.regions),
                "allowed": allowed,
                "price": price_data(price),
            }
            for way, allowed, price in facts.ways
        ],
        "batch_price": price_data(facts.batch),
        "complaints": list(facts.complaints),
    }


def jumpstart_document(facts: JumpStartFacts) -> dict[str, Any]:
    document = facts.document
    return {
        "id": document.id,
        "name": document.title,
        "kind": results.JUMPSTART,
        "version": document.version,
        "arn": document.arn,
        "task": document.task or None,
        "license": document.license or None,
        "eula": document.eula or None,
        "gated": document.gated,
        "needs_acceptance": document.needs_acceptance,
        "image": document.image or None,
        "artifact": document.artifact_uri or None,
        "model_package": document.model_package or None,
        "default_instance": document.default_instance or None,
        "instances": [
            {
                "type": each,
                "hourly": {
                    component: f"{price.amount:f}" if price else None
                    for (component, name), price in facts.hourly.items()
                    if name == each
                },
            }
            for each in document.instances
        ],
    }
