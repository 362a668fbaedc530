"""Functions of a step whose surroundings the notebook changes later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ratchet.notebooks.refusals import Refusal, refusal
from ratchet.notebooks.statements import CodeStatement

if TYPE_CHECKING:
    from ratchet.notebooks.plan import PromotionPlan

_IMPORTS = (ast.Import, ast.ImportFrom)


def changed_for(plan: PromotionPlan, name: str, definition: CodeStatement) -> Iterator[Refusal]:
    """What a function of the step reads of the notebook, and a later cell changes: the function of
    the script does not see that."""
    definitions = (*plan.lifted, *plan.carried)
    names: set[str] = set()
    waiting = [definition]
    while waiting:
        statement = waiting.pop()
        read = {*statement.flow.reads, *statement.flow.later} - names
        names |= read
        waiting += [other for other in definitions if read & set(other.flow.writes)]
    imported = {n for s in plan.every if isinstance(s.node, _IMPORTS) for n in s.flow.writes}
    mine = {statement.order for statement in plan.marked}
    for statement in plan.every:
        if statement.order < definition.order or statement.order in mine:
            continue
        changed = set(statement.flow.changes) - imported  # `re.compile(…)` does not change `re`
        set_later = {*statement.flow.writes, *changed} & names
        if set_later and not isinstance(statement.node, _IMPORTS):
            text = f"`{name}` reads `{min(set_later)}`, which {statement.where} sets or changes"
            edit = "give it that as an argument, or define it in a cell above the step"
            yield refusal(definition.cell, definition.node.lineno, text, edit)
            return
