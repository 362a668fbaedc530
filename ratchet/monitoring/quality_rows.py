"""Labelled answers as the model's problem understands them, and what is refused of them.

What a label is, ratchet/judging/answers.py says, for evaluations and for labels that arrive later.
A class that only later labels have is a class: the model was wrong there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ratchet.judging.answers import (
    Answers,
    LabelRule,
    RefusedValues,
    TrueLabels,
    class_rule,
    label_rule,
    plain,
    word_rule,
)
from ratchet.loop.problems import BINARY, MULTICLASS, REGRESSION, THRESHOLD, Kind
from ratchet.monitoring.ground_truth import LabelledAnswers
from ratchet.monitoring.job import InvalidSettingError

Array = np.ndarray[Any, Any]

PLACES = {
    BINARY: "--probability-attribute, or --inference-attribute for a model that answers a class",
    MULTICLASS: "--inference-attribute, or --probability-attribute for the first of a column for "
    "each class",
    REGRESSION: "--inference-attribute",
}
"""What says where a problem's answers are."""


@dataclass(frozen=True, kw_only=True)
class ProblemFacts:
    """What is known of a model's labels before any arrive: from settings, then from the baseline
    that they made."""

    problem: Kind
    positive: str = ""
    stated: tuple[str, ...] = ()
    """Multiclass: all classes, as the settings name them; none: those that occur."""
    seen: tuple[str, ...] = ()
    """The classes of the baseline. Binary: the negative one, then the positive one."""
    threshold: float = THRESHOLD

    def rule(self, texts: Sequence[str]) -> LabelRule:
        """For these labels.

        Raises:
            RefusedError: of a baseline: no label is the positive class.
        """
        if self.problem == BINARY and self.seen:
            return word_rule(*self.seen)
        if self.problem == MULTICLASS and self.seen and not self.stated:
            new = sorted({text for text in texts if text} - set(self.seen))
            return class_rule((*self.seen, *new))
        return label_rule(self.problem, texts, positive=self.positive, classes=self.stated)


@dataclass(frozen=True, kw_only=True)
class LabelCoverage:
    """What became of the labels and answers that came in."""

    rows: int = 0
    """Compared: label and answer are understood."""
    unlabelled: int = 0
    unmatched: int = 0
    unreadable: int = 0
    refused_labels: RefusedValues = field(default_factory=RefusedValues)
    refused_answers: RefusedValues = field(default_factory=RefusedValues)

    @property
    def total(self) -> int:
        """Answers with a label, whether understood or not."""
        return self.rows + self.refused

    @property
    def refused(self) -> int:
        return self.refused_labels.count + self.refused_answers.count

    @property
    def refusals(self) -> dict[str, RefusedValues]:
        """Of each kind, if there are any."""
        kinds = {"labels": self.refused_labels, "answers": self.refused_answers}
        return {what: refused for what, refused in kinds.items() if refused.count}

    def message(self) -> str:
        """What was refused, in words."""
        refusals = self.refusals.items()
        return "; ".join(refused.message(what, self.total) for what, refused in refusals)

    def document(self) -> dict[str, Any]:
        return {
            "labelled": self.total,
            "compared": self.rows,
            "unlabelled": self.unlabelled,
            "unmatched": self.unmatched,
            "unreadable": self.unreadable,
            **{
                f"refused_{what}": {"count": refused.count, "examples": refused.examples}
                for what, refused in (
                    ("labels", self.refused_labels),
                    ("answers", self.refused_answers),
                )
            },
        }


@dataclass(frozen=True)
class QualityRows:
    labels: TrueLabels
    answers: Answers
    coverage: LabelCoverage


def understood(labelled: LabelledAnswers, facts: ProblemFacts) -> QualityRows:
    """The rows of which label and answer are understood; the others are counted.

    Raises:
        InvalidSettingError: nothing says where the problem's answers are.
        RefusedError: of a baseline: no label is the positive class.
    """
    texts = [plain(text) for text in labelled.labels]
    rule = facts.rule(texts)
    values, no_label = rule.values(texts)
    answers, answered, no_answer, expected = _answers(labelled, facts, rule)
    refused_labels = _refused(texts, no_label, rule.expected, labelled.refused_labels)
    refused_answers = _refused(answered, no_answer & ~no_label, expected, labelled.refused_answers)
    keep = ~(no_label | no_answer)
    return QualityRows(
        TrueLabels(facts.problem, values[keep], rule.classes),
        answers.of(keep),
        LabelCoverage(
            rows=int(keep.sum()),
            unlabelled=labelled.unlabelled,
            unmatched=labelled.unmatched,
            unreadable=labelled.unreadable,
            refused_labels=refused_labels,
            refused_answers=refused_answers,
        ),
    )


def _answers(
    labelled: LabelledAnswers, facts: ProblemFacts, rule: LabelRule
) -> tuple[Answers, Sequence[str], Array, str]:
    """The answers, their texts, which of them are none, and what was expected."""
    predictions, scores = labelled.predictions, labelled.probabilities
    if not labelled.labels:  # there need be no columns either
        kind = int if facts.problem == MULTICLASS else float
        classes = rule.classes if facts.problem == MULTICLASS else ()
        return Answers(np.empty(0, kind), classes), [], np.zeros(0, dtype=bool), ""
    if facts.problem == REGRESSION and predictions is not None:
        texts = [plain(text) for text in predictions]
        values, wrong = rule.values(texts)
        return Answers(values), texts, wrong, "finite numbers"
    if facts.problem == MULTICLASS and predictions is not None:
        texts = [plain(text) for text in predictions]
        classes = (*rule.classes, *sorted({text for text in texts if text} - set(rule.classes)))
        values, wrong = class_rule(classes).values(texts)
        return Answers(values, classes), texts, wrong, "the name of a class"
    if facts.problem == MULTICLASS and labelled.of_classes is not None:
        width = len(facts.stated or facts.seen or rule.classes)
        return _likeliest(labelled.of_classes, rule, width)
    if facts.problem == BINARY and (predictions is not None or scores is not None):
        return _binary(predictions, scores, facts, rule)
    raise InvalidSettingError(
        f"nothing says where the answers of a {facts.problem} problem are; "
        f"give {PLACES[facts.problem]}: a name, or a position from 0"
    )


def _binary(
    predictions: Sequence[str] | None,
    scores: Sequence[str] | None,
    facts: ProblemFacts,
    rule: LabelRule,
) -> tuple[Answers, Sequence[str], Array, str]:
    named, texts = None, list(scores or ())
    wrong = np.zeros(len(scores if scores is not None else predictions or ()), dtype=bool)
    expected = []
    if predictions is not None:
        texts = [plain(text) for text in predictions]
        named, wrong = rule.values(texts)
        expected.append(rule.expected)
    if scores is None:
        assert named is not None
        reason = "the model answers a class, and no probability"
        return Answers(named, named=named, no_probabilities=reason), texts, wrong, rule.expected
    values, _ = LabelRule(REGRESSION, "").values([plain(text) for text in scores])
    no_score = ~((values >= 0) & (values <= 1))
    texts = [
        score if bad else text for score, bad, text in zip(scores, no_score, texts, strict=True)
    ]
    expected.append("probabilities between 0 and 1")
    return (
        Answers(values, threshold=facts.threshold, named=named),
        texts,
        wrong | no_score,
        " and ".join(expected),
    )


def _likeliest(
    columns: Sequence[Sequence[str]], rule: LabelRule, width: int
) -> tuple[Answers, Sequence[str], Array, str]:
    """The answer is the class of the highest probability, in the order of the classes. `width`: how
    many of them the model knows."""
    shares = np.column_stack([LabelRule(REGRESSION, "").values(column)[0] for column in columns])
    expected = f"{width} probabilities, one for each class"
    wrong = ~np.asarray(((shares >= 0) & (shares <= 1)).all(axis=1))
    wrong |= len(columns) != width
    texts = [",".join(cells)[:60] for cells in zip(*columns, strict=True)]
    answers = Answers(np.where(wrong, 0, np.nan_to_num(shares).argmax(axis=1)), rule.classes)
    return answers, texts, wrong, expected


def _refused(
    texts: Sequence[str], wrong: Array, expected: str, before: Mapping[str, int]
) -> RefusedValues:
    """Those of the rows beside those of records, which are known by then."""
    rows = RefusedValues.of(texts, wrong, expected=expected)
    return RefusedValues(dict((Counter(rows.texts) + Counter(before)).most_common()), expected)
