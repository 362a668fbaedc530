"""In which order names are read, written and changed: the account that the walk of `flow` fills."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field

from ratchet.notebooks.bodies import DeferredNames

# Names that every notebook has: Python's, and those that IPython adds.
ALWAYS_THERE = frozenset(dir(builtins)) | {
    *("__file__", "__name__", "__doc__", "get_ipython", "display", "In", "Out", "_", "__", "___")
}


@dataclass(frozen=True)
class Occurrence:
    """Where a name occurs: the place of the statement among those that were asked about, from 0,
    and the line in its cell, from 1."""

    statement: int
    line: int


@dataclass
class NameOrder:
    """What has happened to names so far.

    Attributes:
        statement: the place of the statement that is being walked, from 0.
        bound: names that are set for certain; `perhaps` are set on some path.
        hidden: names of an inner scope, such as those of a comprehension: not the notebook's.
        deferred: for each function and class, the names that it reads when it is used.
        running: functions whose bodies have run for the name that is being read.
    """

    statement: int = 0
    reads: dict[str, Occurrence] = field(default_factory=dict)
    uncertain: set[str] = field(default_factory=set)
    writes: dict[str, Occurrence] = field(default_factory=dict)
    changes: dict[str, Occurrence] = field(default_factory=dict)
    star_import: Occurrence | None = None
    bound: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)
    hidden: frozenset[str] = frozenset()
    deferred: dict[str, DeferredNames] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    def at(self, line: int) -> Occurrence:
        return Occurrence(self.statement, line)

    def read(self, name: str, line: int) -> None:
        if name in self.hidden:
            return
        if name not in self.bound and name not in ALWAYS_THERE and name not in self.reads:
            self.reads[name] = self.at(line)
            if name in self.perhaps:
                self.uncertain.add(name)
        if name in self.deferred and name not in self.running:
            outermost = not self.running
            self.running.add(name)
            self.run(self.deferred[name], line)
            if outermost:
                self.running.clear()

    def run(self, deferred: DeferredNames, line: int) -> None:
        """The body of a function runs, now that somebody uses the function."""
        for name in sorted(deferred.reads):
            self.read(name, line)
        for name in sorted(deferred.writes):
            self.write(name, line)
        for name in sorted(deferred.changes):
            self.change(name, line)

    def write(self, name: str, line: int) -> None:
        if name in self.hidden:
            return
        self.bound.add(name)
        self.perhaps.add(name)
        self.writes[name] = self.at(line)
        self.deferred.pop(name, None)

    def define(self, name: str, line: int, names: DeferredNames) -> None:
        """A function or class gets its name; it reads `names` when it is used."""
        self.write(name, line)
        if name not in self.hidden:
            self.deferred[name] = names.without(name)

    def delete(self, name: str) -> None:
        self.bound.discard(name)
        self.perhaps.discard(name)
        self.writes.pop(name, None)

    def change(self, name: str, line: int) -> None:
        if name not in self.hidden:
            self.changes.setdefault(name, self.at(line))
