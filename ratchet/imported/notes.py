"""What is written down while a definition is carried over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.authoring.errors import Problem
from ratchet.imported.changes import ArgumentChange, Remark


@dataclass(frozen=True, kw_only=True)
class Maps:
    """What the user says that things are here: the longest URI that fits wins."""

    buckets: Mapping[str, str] = field(default_factory=dict)
    """`s3://bucket[/folder]` → the same, or `data` or `artifacts`, this deployment's buckets,
    with or without a folder: `data/raw`."""
    arns: Mapping[str, str] = field(default_factory=dict)
    """ARN → ARN, which may hold `${ratchet:account}` and `${ratchet:region}`."""
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Notes:
    changes: list[ArgumentChange] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Keys of the maps that were for something."""

    def change(self, step: str, argument: str, before: Any, after: Any, why: str) -> None:
        change = ArgumentChange(step=step, argument=argument, before=before, after=after, why=why)
        if before != after and change not in self.changes:
            self.changes.append(change)

    def remark(self, step: str, argument: str, value: Any, what: str) -> None:
        remark = Remark(step=step, argument=argument, value=value, what=what)
        if remark not in self.remarks:
            self.remarks.append(remark)

    def problem(self, step: str, argument: str, value: Any, expected: str, fix: str) -> None:
        self.problems.append(
            Problem(step=step or None, argument=argument, value=value, expected=expected, fix=fix)
        )
