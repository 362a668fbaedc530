"""What is decided before a row is sent: which model, which rows, and how they are asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.candidates import eval_rows, prompts, sampling
from ratchet.candidates.budget import Rates
from ratchet.candidates.eval_rows import EvalRows
from ratchet.candidates.prompts import RowQuestion, Template
from ratchet.candidates.results import TrialPrice
from ratchet.deployment.target.environment import Target
from ratchet.judging.comparison import Judging
from ratchet.loop.problems import MULTICLASS

_TOKENS_OF_AN_ANSWER, _TOKENS_OF_A_CLASS = 100, 25


@dataclass(frozen=True, kw_only=True)
class TriedModel:
    """A foundation model, and how it is called."""

    id: str
    """As it was typed."""
    kind: str
    """One of results.KINDS."""
    called_as: str
    """The model's id, or that of the profile that it is called through."""
    counted_as: str
    """The model's own id."""
    regions: tuple[str, ...]
    """Where rows go."""
    price: TrialPrice

    @property
    def rates(self) -> Rates | None:
        """None: nobody knows."""
        price = self.price
        if price.input_per_million is None:
            return None
        return Rates(
            input_per_million=price.input_per_million,
            output_per_million=price.output_per_million or Decimal(0),
        )


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """What all models of a command are asked, and by what they are judged."""

    run: str
    """The run whose eval slice it is."""
    train_uri: str
    rows: EvalRows
    """The sample, in the order in which they are asked."""
    of: int
    """Rows of the whole slice."""
    columns: tuple[str, ...]
    question: RowQuestion
    template: Template
    judging: Judging

    @property
    def prompts(self) -> list[str]:
        return [
            prompts.fill(self.template, row, columns=self.columns, question=self.question)
            for row in self.rows.records()
        ]

    @property
    def max_tokens(self) -> int:
        """That an answer needs at most, of a model that does not think aloud."""
        classes = len(self.question.classes) if self.question.problem == MULTICLASS else 0
        return _TOKENS_OF_AN_ANSWER + _TOKENS_OF_A_CLASS * classes


def plan(
    target: Target,
    pipeline: str,
    *,
    columns: Sequence[str],
    template: Callable[[RowQuestion], Template],
    size: int,
) -> TrialPlan:
    """Decides which rows are asked about, and how.

    Args:
        pipeline: the full name of the training pipeline.
        columns: those that may leave.
        template: the text of the prompts; what it is for a project without one depends on the
            question.
        size: how many rows.

    Raises:
        DeploymentError: there are no rows, or a column or a placeholder is not what it should be.
    """
    model = target.settings.model
    location = eval_rows.newest_slice(target, pipeline)
    cells = eval_rows.read_slice(target, location)
    eval_rows.check_columns(columns, cells, model)
    rows = eval_rows.labelled(cells, model)
    question = eval_rows.question_of(model, rows.labels)
    text = template(question)
    others = [name for name in cells.columns if name not in columns]
    prompts.check_template(text, columns=columns, others=others, question=question)
    return TrialPlan(
        run=location.run,
        train_uri=location.train_uri,
        rows=sampling.sample(rows, size),
        of=rows.labels.rows,
        columns=tuple(columns),
        question=question,
        template=text,
        judging=eval_rows.judging_of(target),
    )


def sent_characters(prompt: str, question: RowQuestion) -> int:
    """Of a prompt with the words that go with it."""
    return len(prompt) + len(prompts.instruction(question))


def prompt_digest(plan: TrialPlan) -> str:
    """SHA-256 (hex) of the template with what is sent beside it."""
    beside = [prompts.instruction(plan.question), repr(prompts.answer_schema(plan.question))]
    text = "\n".join([plan.template.text, *beside])
    return Template(text=text, source="").digest
