"""A step as the rows of permissions see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.arns import Arns
from pipeline_defs.permissions.arguments import Argument
from pipeline_defs.permissions.permission import Missing, Permission
from pipeline_defs.permissions.values import Values


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step, and the definition that it stands in."""

    step: Mapping[str, Any]
    values: Values
    arns: Arns

    @property
    def arguments(self) -> Mapping[str, Any]:
        arguments: Mapping[str, Any] = self.step.get("Arguments") or {}
        return arguments

    def patterns(self, value: Any) -> list[str]:
        return self.values.patterns(value)

    def missing(self, argument: str, value: Any, why: str, permission: Permission) -> Missing:
        of = Argument(
            step=self.step, path=argument, value=value, values=self.values, arns=self.arns
        )
        return of.missing(why, permission)
