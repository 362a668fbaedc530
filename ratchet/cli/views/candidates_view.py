"""Draws the list of `ratchet candidates list`, and one model for `show`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.candidates import access, results
from ratchet.candidates.bedrock_models import BedrockModel, Route
from ratchet.candidates.catalogue import BedrockEntry, ListedModels
from ratchet.candidates.jumpstart_models import JumpStartModel
from ratchet.candidates.prices import TokenPrice
from ratchet.cli.views.wording import count

_WIDE = 110
"""From this width on there is a table; below it, two lines for each model."""
_BETWEEN = " · "
_STYLES = {access.YES: "green", access.UNKNOWN: "dim"}
_NOT_ALLOWED = "✗"


def document(listed: ListedModels, *, width: int) -> Iterator[RenderableType]:
    """The models, one kind after the other, and what the marks in them mean."""
    for kind in (results.TEXT, results.EMBEDDING):
        entries = [each for each in listed.bedrock if each.model.kind == kind]
        if entries:
            yield Text(f"Bedrock, {kind}: {count(len(entries), 'model')}", style="bold")
            yield from _bedrock(entries, width)
    if listed.jumpstart:
        yield Text(f"JumpStart: {_number(listed)}", style="bold")
        yield from _jumpstart(listed.jumpstart, width)
    if listed.bedrock:
        yield explained(_legend(listed.bedrock))


def _number(listed: ListedModels) -> str:
    amount = len(listed.jumpstart)
    return f"the first {amount:,} of more" if listed.more else count(amount, "model")


# -- Bedrock ---------------------------------------------------------------------------------------


def _bedrock(entries: Sequence[BedrockEntry], width: int) -> Iterator[RenderableType]:
    if width < _WIDE:
        for each in entries:
            yield Text(each.model.id)
            yield from _joined(_facts(each), width)
        yield Text()
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("id", overflow="fold", min_width=42)
    drawn.add_column("provider", overflow="fold")
    drawn.add_column("lifecycle", overflow="fold", max_width=12)
    drawn.add_column("access", overflow="fold", max_width=12)
    drawn.add_column("called", no_wrap=True)
    drawn.add_column("price", justify="right", no_wrap=True)
    for each in entries:
        drawn.add_row(
            each.model.id,
            escape(each.model.provider),
            lifecycle(each.model) or "active",
            _access(each),
            _called(each),
            price_text(each.price, each.model.kind),
        )
    yield drawn


def _facts(entry: BedrockEntry) -> Iterator[str]:
    """What a line says of a model, in markup."""
    yield escape(entry.model.provider)
    yield f"access {_access(entry)}"
    yield _called(entry)
    yield price_text(entry.price, entry.model.kind)
    if words := lifecycle(entry.model):
        yield words


def _joined(parts: Iterable[str], width: int) -> Iterator[Text]:
    """The parts in lines of at most `width` columns, indented, that break between two of them."""
    line: Text | None = None
    for part in map(Text.from_markup, parts):
        if line is not None and cell_len(line.plain + _BETWEEN + part.plain) <= width:
            line = line + _BETWEEN + part
            continue
        if line is not None:
            yield line
        line = Text("  ") + part
    if line is not None:
        yield line


def _access(entry: BedrockEntry) -> str:
    state = entry.access.state
    return f"[{_STYLES.get(state, 'yellow')}]{state}[/]" if state else ""


def lifecycle(model: BedrockModel) -> str:
    """`legacy until 1 Mar 2027`; empty while it is active."""
    if not model.legacy:
        return ""
    until = f" until {day(model.end_of_life)}" if model.end_of_life else ""
    return f"[yellow]legacy{until}[/]"


def day(time: datetime) -> str:
    return f"{time.day} {time:%b %Y}"


def _called(entry: BedrockEntry) -> str:
    return _label(entry.route) + ("" if entry.allowed else f" [yellow]{_NOT_ALLOWED}[/]")


def _label(route: Route) -> str:
    """`on demand`; `us ×3` for a profile of three regions, which the legend names."""
    if route.profile is None:
        return "on demand"
    if route.profile.worldwide:
        return "global"
    name = "own profile" if route.profile.own else route.profile.id.partition(".")[0]
    return f"{name} ×{len(route.regions)}"


def _legend(entries: Sequence[BedrockEntry]) -> Iterator[tuple[str, str]]:
    """Mark → what it means."""
    ways = {_label(each.route): set[str]() for each in entries if each.route.profile}
    for each in entries:
        if each.route.profile:
            ways[_label(each.route)].add(", ".join(each.route.regions))
    for label, regions in sorted(ways.items()):
        text = "any region that AWS chooses" if label == "global" else " or ".join(sorted(regions))
        yield label, f"a profile: rows may go to {text}"
    if any(not each.allowed for each in entries):
        yield (
            f"[yellow]{_NOT_ALLOWED}[/]",
            "the settings do not allow all of these regions: \\[candidates] regions",
        )
    if any(each.price.input is not None or each.price.output is not None for each in entries):
        yield (
            "prices",
            "US dollars for a million tokens, input / output; AWS Price List, looked up "
            f"{entries[0].price.date}",
        )
    if any(not each.price.complete for each in entries):
        yield "unknown", "the Price List has no price that is certainly the model's"


def explained(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and what stands for them, in markup; a long text goes on below itself."""
    drawn = Table.grid(padding=(0, 2), pad_edge=False)
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, text in rows:
        drawn.add_row(name, text)
    return drawn


# -- prices ----------------------------------------------------------------------------------------


def price_text(price: TokenPrice, kind: str) -> str:
    """`$0.035 / $0.14`, of an embedding model `$0.02`; `unknown`."""
    if price.input is None and price.output is None:
        return "[dim]unknown[/]"
    if kind == results.EMBEDDING:
        return dollars(price.input)
    return f"{dollars(price.input)} / {dollars(price.output)}"


def dollars(amount: Decimal | None) -> str:
    """With the digits that the list has, at least two behind the point: `$3.00`, `$0.035`."""
    if amount is None:
        return "unknown"
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"${int(whole):,}.{fraction.rstrip('0').ljust(2, '0')}"


# -- JumpStart -------------------------------------------------------------------------------------


def _jumpstart(models: Sequence[JumpStartModel], width: int) -> Iterator[RenderableType]:
    if width < _WIDE:
        for each in models:
            yield Text(each.id)
            yield from _joined(filter(None, map(escape, _about(each))), width)
        yield Text()
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("id", "task", "title"):
        drawn.add_column(name, overflow="fold")
    for each in models:
        title, task, *more = _about(each)
        drawn.add_row(each.id, escape(task), escape(" ".join(filter(None, [title, *more]))))
    yield drawn


def _about(model: JumpStartModel) -> tuple[str, str, str]:
    return model.title, model.task, "(deprecated)" if model.deprecated else ""


# -- JSON ------------------------------------------------------------------------------------------


def as_data(listed: ListedModels) -> dict[str, Any]:
    """For `--json`: amounts as text, in US dollars for a million tokens; null is unknown."""
    return {
        "models": [
            *map(bedrock_data, listed.bedrock),
            *map(jumpstart_data, listed.jumpstart),
        ],
        "more": listed.more,
        "complaints": list(listed.complaints),
    }


def bedrock_data(entry: BedrockEntry) -> dict[str, Any]:
    model, price = entry.model, entry.price
    return {
        "id": model.id,
        "name": model.name,
        "provider": model.provider,
        "kind": model.kind,
        "lifecycle": "LEGACY" if model.legacy else "ACTIVE",
        "end_of_life": model.end_of_life.isoformat() if model.end_of_life else None,
        "access": entry.access.state or None,
        "access_detail": entry.access.detail or None,
        "called_as": entry.route.model_id,
        "regions": list(entry.route.regions),
        "allowed": entry.allowed,
        "profiles": [
            {"id": each.caller_id, "regions": sorted(each.regions)} for each in model.profiles
        ],
        "price": price_data(price),
    }


def price_data(price: TokenPrice) -> Mapping[str, str | None]:
    return {
        "input_per_million": _amount(price.input),
        "output_per_million": _amount(price.output),
        "currency": "USD",
        "date": price.date or None,
    }


def jumpstart_data(model: JumpStartModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.title,
        "provider": model.provider,
        "kind": results.JUMPSTART,
        "version": model.version,
        "task": model.task or None,
        "keywords": list(model.keywords),
        "lifecycle": "DEPRECATED" if model.deprecated else "ACTIVE",
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
