"""A trial of a text model of Amazon Bedrock, row by row through Converse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ratchet.candidates import estimate, row_trials, trials
from ratchet.candidates.asking import AskingProgress
from ratchet.candidates.budget import TrialBudget
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.converse import Conversation
from ratchet.candidates.estimate import TokenEstimate
from ratchet.candidates.plans import sent_characters
from ratchet.candidates.results import CandidateTrial
from ratchet.candidates.row_trials import Limits, RowTrial


@dataclass(frozen=True, kw_only=True)
class TextTrial(RowTrial):
    """One text model, ready to be asked."""

    @cached_property
    def prompts(self) -> list[str]:
        return self.plan.prompts

    @cached_property
    def conversation(self) -> Conversation:
        return Conversation(
            runtime=self.runtime,
            model_id=self.model.called_as,
            counted_as=self.model.counted_as,
            question=self.plan.question,
            max_tokens=self.sending.max_tokens,
            tags=self.tags,
            failures=self.failures,
        )

    @cached_property
    def tokens(self) -> TokenEstimate:
        """Asks CountTokens, which costs nothing."""
        return estimate.estimate(
            self.prompts,
            size=self._characters,
            count=self.conversation.count,
            max_tokens=self.sending.max_tokens,
        )

    def run(
        self,
        champion: Champion,
        *,
        limits: Limits,
        budget: TrialBudget,
        progress: Callable[[AskingProgress], None],
    ) -> CandidateTrial:
        """As RowTrial has it."""
        before = budget.used
        asking = row_trials.ask_all(
            self,
            self.prompts,
            self.conversation.ask,
            characters=self._characters,
            limits=limits,
            budget=budget,
            progress=progress,
        )
        return trials.trial_of(
            self.target,
            self.plan,
            self.model,
            read=trials.read_answers(
                asking, self.plan.question, max_tokens=self.sending.max_tokens
            ),
            champion=champion,
            spent=row_trials.spent(self, asking.usage, limits=limits, budget=budget, before=before),
            stopped=asking.stopped,
        )

    def _characters(self, prompt: str) -> int:
        return sent_characters(prompt, self.plan.question)
