"""What the demo is made of: acts that are played one after the other, and what they share.

An act does its part, says what it shows, and claims what must hold. The demo has succeeded only
when every claim of every act held in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.monitoring.analyses import Analysis
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.standing import Alarm
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import ServingFacts, TrainingFacts
from ratchet.project import Project
from ratchet.settings.schema import Settings

_Answer = TypeVar("_Answer")


class DemoFailedError(DeploymentError):
    """Something that the demo claims did not hold."""


class Stage(Protocol):
    """Where the demo is seen. Texts are Rich markup."""

    def chapter(self, title: str) -> AbstractContextManager[None]:
        """Around an act: its title, and at its end how long it took."""

    def say(self, text: str) -> None:
        """A line."""

    def waiting(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Around a wait; the function changes what is said of it."""

    def follow(self, target: Target, run: Run) -> RunState:
        """Shows a run until its end, and what it found."""

    def analysis(self, analysis: Analysis, drift: Alarm | None) -> None:
        """Shows an analysis."""


@dataclass(kw_only=True)
class Play:
    """What the acts hand on to each other."""

    stage: Stage
    project: Project
    settings: Settings
    cloud: Path
    """The folder of the demo's own local cloud."""
    data: Path
    """The folder that the drops of flights are written to."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    drops: list[Path] = field(default_factory=list)
    """Landed so far."""
    runs: list[RunState] = field(default_factory=list)
    """Of the training pipeline, ended, oldest first."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What must be put back at the end, however it comes."""
    deadline: float = float("inf")
    _target: Target | None = None
    _deployed: TrainingFacts | None = None
    serving: ServingFacts | None = None
    """None: the Serving stack is not deployed."""

    @property
    def target(self) -> Target:
        assert self._target is not None, "the first act makes it"
        return self._target

    @target.setter
    def target(self, target: Target) -> None:
        self._target = target

    @property
    def deployed(self) -> TrainingFacts:
        assert self._deployed is not None, "the act that deploys reads it"
        return self._deployed

    @deployed.setter
    def deployed(self, deployed: TrainingFacts) -> None:
        self._deployed = deployed

    @property
    def served(self) -> ServingFacts:
        assert self.serving is not None, "acts of the second half are played where it is deployed"
        return self.serving

    def until(
        self, question: Callable[[], _Answer | None], what: str, *, interval: float = 0.5
    ) -> _Answer:
        """The first true answer, within the act's time.

        Raises:
            DemoFailedError: there was none; `what` says what was waited for.
        """
        started = self.clock()
        while not (answer := question()):
            if self.clock() > self.deadline:
                waited = self.clock() - started
                raise DemoFailedError(f"waited {waited:.0f} s in vain: {what}")
            self.sleep(interval)
        return answer


@dataclass(frozen=True, kw_only=True)
class Act:
    """One part of the demo."""

    title: str
    seconds: float
    """It must be over by then."""
    play: Callable[[Play], None]


def perform(acts: Iterable[Act], play: Play) -> None:
    """Plays the acts.

    Raises:
        DemoFailedError: a claim did not hold, or an act took too long.
    """
    for act in acts:
        started = play.clock()
        play.deadline = started + act.seconds
        with play.stage.chapter(act.title):
            act.play(play)
        took = play.clock() - started
        if took > act.seconds:
            raise DemoFailedError(
                f"{act.title!r} took {took:.0f} s; it is to be over within {act.seconds:.0f} s"
            )


def claim(claims: dict[str, bool]) -> None:
    """Holds claims against what was seen.

    Args:
        claims: what is claimed → whether it held.

    Raises:
        DemoFailedError: some did not hold; it names all of them.
    """
    broken = [text for text, held in claims.items() if not held]
    if broken:
        raise DemoFailedError("the demo claims what did not hold: " + "; ".join(broken))
