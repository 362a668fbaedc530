"""Draws `ratchet permissions`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.model_view import copyable
from ratchet.cli.views.wording import count, moment
from ratchet.deployment.roles.use import ActionUse, RoleRefusal, RoleUse, Statement, StatementUse

NARROW, WIDE = 80, 100
"""Columns of the terminal from which there is room for less, and for more, than the usual."""
_RESOURCES = 6
"""So many resources of a statement are shown; `--json` has all."""
_NOTHING = "[dim]–[/]"
_S3 = re.compile(r"arn:[^:]*:s3:::(?P<path>.+)")
_ARN = re.compile(
    r"arn:[^:]*:(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>[^:]*):(?P<name>.+)", re.DOTALL
)


def overview(
    uses: Sequence[RoleUse], *, now: datetime, width: int, recorded: bool
) -> RenderableType:
    """One line a role. `recorded`: whether what roles did is known."""
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    rows = [_cells(use, now=now, width=width, recorded=recorded) for use in uses]
    for name in rows[0]:
        number = name not in ("role", "stack", "last")
        drawn.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*row.values())
    return drawn


def _cells(use: RoleUse, *, now: datetime, width: int, recorded: bool) -> dict[str, str]:
    """A role's line by the columns for which there is room."""
    wide = width >= WIDE
    columns = {
        "role": (True, escape(use.role.label)),
        "stack": (wide, f"[dim]{escape(use.role.stack)}[/]"),
        "statements": (width >= NARROW, str(len(use.statements))),
        "actions": (width >= NARROW or not recorded, str(use.actions)),
        "used": (recorded, _used(use, of_all=width < NARROW)),
        "requests": (recorded and wide, _number(use.requests)),
        "refused": (recorded, f"[red]{use.refused:,}[/]" if use.refused else _NOTHING),
        "last": (recorded and wide, f"[dim]{_time(use.last, now)}[/]"),
    }
    return {name: text for name, (shown, text) in columns.items() if shown}


def _used(use: RoleUse, *, of_all: bool) -> str:
    if of_all:
        return f"{use.used_actions or '–'}/{use.actions}"
    return _number(use.used_actions)


def _number(amount: int) -> str:
    return f"{amount:,}" if amount else _NOTHING


def detail(
    use: RoleUse, *, now: datetime, width: int, account: str, recorded: bool
) -> list[RenderableType]:
    """A role with its statements and what was refused."""
    parts: list[RenderableType] = [_heading(use, recorded=recorded)]
    parts.append(
        _statements(use.statements, now=now, width=width, account=account, recorded=recorded)
    )
    parts += _elsewhere(use)
    parts += refusals(use, now=now, account=account)
    return parts


def _elsewhere(use: RoleUse) -> Iterator[RenderableType]:
    """How much was allowed by no statement of the role."""
    for reason, by_resource in (
        ("the policy of the resource itself", True),
        ("statements that are gone", False),
    ):
        amount = sum(
            decision.count
            for decision in use.elsewhere
            if decision.policy.startswith("arn:") == by_resource
        )
        if amount:
            yield Text(f"{count(amount, 'request')} more allowed by {reason}\n", style="dim")


def unused(uses: Sequence[RoleUse], *, width: int, account: str) -> list[RenderableType]:
    """The statements and actions that decided nothing, by role."""
    parts: list[RenderableType] = []
    for use in uses:
        idle = [statement for statement in use.statements if statement.unused]
        if not idle:
            continue
        actions = sum(len(statement.unused) for statement in idle)
        parts.append(
            Text.from_markup(
                f"[bold]{escape(use.role.label)}[/]  {actions} of {count(use.actions, 'action')} "
                "never used"
            )
        )
        parts.append(_idle(idle, width=width, account=account))
    return parts


def refusals(use: RoleUse, *, now: datetime, account: str) -> list[RenderableType]:
    """What the role was refused, and what to add to its policies."""
    parts: list[RenderableType] = [Text()] if use.refusals else []
    standing = [refusal for refusal in use.refusals if refusal.standing]
    for refusal in standing:
        decision = refusal.decision
        lines = [
            f"[red]refused[/] {escape(decision.action)} {count(decision.count, 'time')}, last "
            f"{_time(decision.last, now)}",
            f"  [dim]on[/] {escape(readable(decision.resource, account))}",
        ]
        parts.append(copyable(lines))
        if refusal.statement is None:
            parts.append(Text(f"  {decision.message}", style="dim"))
    statements = additions(standing)
    if statements:
        phrase = "this statement" if len(statements) == 1 else "these statements"
        parts.append(Text(f"\nAdd {phrase} to the policies of the role:", style="bold"))
        parts += [
            copyable(escape(json.dumps(statement, indent=2)).split("\n"))
            for statement in statements
        ]
    granted = sum(refusal.decision.count for refusal in use.refusals if not refusal.standing)
    if granted:
        parts.append(Text(f"{count(granted, 'refusal')} before it was granted", style="dim"))
    return parts


def additions(refusals: Sequence[RoleRefusal]) -> list[dict[str, Any]]:
    """The statements to add; one for an action under the same conditions, with all resources."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for refusal in refusals:
        if refusal.statement is None:
            continue
        statement = dict(refusal.statement)
        key = (statement["Action"], json.dumps(statement.get("Condition"), sort_keys=True))
        if key not in merged:
            merged[key] = statement
            continue
        resources = merged[key]["Resource"]
        listed = resources if isinstance(resources, list) else [resources]
        merged[key]["Resource"] = [*listed, statement["Resource"]]
    return list(merged.values())


def _heading(use: RoleUse, *, recorded: bool) -> RenderableType:
    role = use.role
    facts = [count(len(use.statements), "statement"), count(use.actions, "action")]
    if recorded:
        facts += [f"{use.used_actions} used", count(use.requests, "request")]
    lines = [
        f"[bold]{escape(role.label)}[/]  {', '.join(facts)}",
        f"  [dim]role[/]      {escape(role.name)}",
        f"  [dim]resource[/]  {escape(role.logical_id)} [dim]of stack[/] {escape(role.stack)}",
    ]
    if role.boundary:
        lines.append(f"  [dim]boundary[/]  {escape(role.boundary)}")
    return copyable([*lines, ""])


def _statements(
    uses: Sequence[StatementUse], *, now: datetime, width: int, account: str, recorded: bool
) -> RenderableType:
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    drawn.add_column("statement", no_wrap=True, overflow="ellipsis")
    times = recorded and width >= NARROW
    if recorded:
        drawn.add_column("used", justify="right", no_wrap=True)
    if times:
        drawn.add_column("last", no_wrap=True, style="dim")
    room = width - (11 if recorded else 0) - (15 if times else 0)

    def row(text: str, use: StatementUse | ActionUse | None = None) -> None:
        cells = [_times(use), _time(use.last, now)] if use else ["", ""]
        drawn.add_row(text, *cells[: recorded + times])

    for position, use in enumerate(uses):
        if position:
            row("")
        row(f"[bold]{escape(_name(use.statement))}[/]", use)
        if use.statement.but_actions:
            row(f"  [dim]all but[/] {escape(', '.join(use.statement.actions))}")
        else:
            for action in use.actions:
                row(f"  {escape(action.action)}", action if len(use.actions) > 1 else None)
        for line in _scope(use.statement, room=room, account=account):
            row(f"  {line}")
    return drawn


def _times(use: StatementUse | ActionUse) -> str:
    """How often it was used; `AWS only` if the local cloud does not check it."""
    if use.count:
        return f"{use.count:,}"
    if isinstance(use, StatementUse):
        return "[yellow]never[/]" if use.unused else "[dim]AWS only[/]"
    return "[dim]AWS only[/]" if use.aws_only else "[yellow]never[/]"


def _idle(uses: Sequence[StatementUse], *, width: int, account: str) -> RenderableType:
    lines = []
    for use in uses:
        whole = len(use.unused) == len(use.actions)
        lines.append(f"  {escape(_name(use.statement))}{' [yellow]as a whole[/]' if whole else ''}")
        lines += [f"    {escape(action)}" for action in use.unused]
        lines += [f"    {line}" for line in _scope(use.statement, room=width - 2, account=account)]
    return copyable([*lines, ""])


def _name(statement: Statement) -> str:
    """`List`, or `statement 3 of ReadOnlyAccess` without a Sid; a denying one says so."""
    name = statement.name
    if name.isdigit():
        name = f"statement {name} of {statement.policy.rpartition('/')[2]}"
    return name if statement.effect == "Allow" else f"{name} (denies)"


def _scope(statement: Statement, *, room: int, account: str) -> Iterator[str]:
    """`on …` for each resource, `if …` for each condition."""
    resources = [readable(resource, account) for resource in statement.resources]
    if resources != ["*"] or statement.but_resources:
        for resource in resources[:_RESOURCES]:
            prefix = "all but " if statement.but_resources else ""
            yield f"[dim]on[/] {escape(_cut(prefix + resource, room - 5))}"
        if len(resources) > _RESOURCES:
            yield f"[dim]on {len(resources) - _RESOURCES} more: --json shows them[/]"
    for operator, keys in statement.conditions.items():
        for key, values in keys.items():
            first, *others = values or ("",)
            yield f"[dim]if[/] {escape(_cut(f'{key} {_comparison(operator)} {first}', room - 5))}"
            for value in others:
                yield f"[dim]or[/] {escape(_cut(value, room - 5))}"


_COMPARISONS = {
    "StringEquals": "is",
    "StringLike": "is like",
    "StringNotEquals": "is not",
    "StringNotLike": "is not like",
    "ArnEquals": "is",
    "ArnLike": "is like",
    "Bool": "is",
    "Null": "is absent:",
}
_IF_EXISTS = "IfExists"


def _comparison(operator: str) -> str:
    """`is like`; an operator that does not count without its key says so."""
    plain = operator.removesuffix(_IF_EXISTS)
    word = _COMPARISONS.get(plain, plain)
    return word if plain == operator else f"(if given) {word}"


def readable(resource: str, account: str) -> str:
    """A shorter form of an ARN: `s3://bucket/raw/*`, `sagemaker pipeline/shop-dev-training`.

    Another account than the role's own is named.
    """
    if match := _S3.fullmatch(resource):
        return f"s3://{match['path']}"
    match = _ARN.fullmatch(resource)
    if match is None:
        return resource
    foreign = match["account"] not in ("", "*", "aws", account)
    of = f" in {match['account']}" if foreign else ""
    return f"{match['service']} {match['name']}{of}"


def _cut(text: str, room: int) -> str:
    """Shortens a long name to its beginning and end, which distinguish names."""
    if len(text) <= room:
        return text
    tail = max(room // 3, 1)
    return f"{text[: room - tail - 1]}…{text[-tail:]}"


def _time(seconds: float, now: datetime) -> str:
    return moment(datetime.fromtimestamp(seconds, UTC), now) if seconds else ""


def as_data(use: RoleUse, *, recorded: bool) -> dict[str, Any]:
    """A role for `--json`, without its statements. Numbers of uses are null if not recorded."""

    def if_recorded(value: int) -> int | None:
        return value if recorded else None

    role = use.role
    return {
        "role": role.label,
        "stack": role.stack,
        "logical_id": role.logical_id,
        "name": role.name,
        "arn": role.arn,
        "boundary": role.boundary or None,
        "statements": len(use.statements),
        "actions": use.actions,
        "used_actions": if_recorded(use.used_actions),
        "requests": if_recorded(use.requests),
        "refused": if_recorded(use.refused),
        "last": _iso(use.last),
    }


def as_document(use: RoleUse, *, recorded: bool, only_unused: bool = False) -> dict[str, Any]:
    """A role for `--json` with its statements and refusals."""
    statements = [
        _statement(statement, recorded=recorded, only_unused=only_unused)
        for statement in use.statements
        if statement.unused or not only_unused
    ]
    document = {**as_data(use, recorded=recorded), "statements": statements}
    if only_unused:
        return document
    return {
        **document,
        "refusals": [
            {
                "action": refusal.decision.action,
                "resource": refusal.decision.resource,
                "requests": refusal.decision.count,
                "last": _iso(refusal.decision.last),
                "message": refusal.decision.message,
                "standing": refusal.standing,
                "missing_statement": refusal.statement,
            }
            for refusal in use.refusals
        ],
        "allowed_elsewhere": [
            {
                "action": decision.action,
                "resource": decision.resource,
                "requests": decision.count,
                "last": _iso(decision.last),
                "policy": decision.policy,
            }
            for decision in use.elsewhere
        ],
    }


def _statement(use: StatementUse, *, recorded: bool, only_unused: bool) -> dict[str, Any]:
    statement = use.statement
    actions: list[Any] = [
        {
            "action": action.action,
            "requests": action.count if recorded else None,
            "last": _iso(action.last),
            "asked_on_aws_only": action.aws_only if recorded else None,
        }
        for action in use.actions
        if not (only_unused and action.action not in use.unused)
    ]
    conditions: Mapping[str, Any] = {
        operator: {key: list(values) for key, values in keys.items()}
        for operator, keys in statement.conditions.items()
    }
    return {
        "policy": statement.policy,
        "statement": statement.name,
        "effect": statement.effect,
        "not_actions" if statement.but_actions else "actions": actions,
        "not_resources" if statement.but_resources else "resources": list(statement.resources),
        "conditions": conditions,
        "requests": use.count if recorded else None,
        "last": _iso(use.last),
    }


def _iso(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None
