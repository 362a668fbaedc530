"""Labels and answers that are not understood are refused with counts; those that are alike are one
class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ratchet.judging.answers import RefusedError, TrueLabels, read_labels
from ratchet.judging.responses import read_response
from ratchet.loop.problems import Kind


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["0", "1", "1"], [0, 1, 1]),
        (["0.0", "1.0", " 1 "], [0, 1, 1]),
        (["True", "false", "TRUE"], [1, 0, 1]),
    ],
)
def test_binary_labels_are_numbers_or_truth(texts: list[str], expected: list[int]) -> None:
    assert read_labels("binary", texts).values.tolist() == expected


@pytest.mark.parametrize("positive", ["1", " 1.0", "true"])
def test_of_numbers_and_truth_the_positive_class_may_be_said(positive: str) -> None:
    labels = read_labels("binary", ["0", "1", "true"], positive=positive)
    assert (labels.values.tolist(), labels.classes) == ([0, 1, 1], ("0", "1"))


@pytest.mark.parametrize("negative", ["-1", "2", "none"])
def test_beside_another_word_1_is_a_word_itself(negative: str) -> None:
    labels = read_labels("binary", ["1", negative, negative], positive="1")
    assert (labels.values.tolist(), labels.classes) == ([1, 0, 0], (negative, "1"))


def test_the_other_value_of_two_words_is_the_negative_class() -> None:
    labels = read_labels("binary", ["good", "bad", "good"], positive="bad")
    assert labels.values.tolist() == [0, 1, 0]
    assert labels.classes == ("good", "bad")


@pytest.mark.parametrize(
    ("problem", "texts", "options", "message"),
    [
        ("binary", ["yes", "no", "1"], {}, "2 of 3 labels are not understood: 'yes' (1), 'no' (1)"),
        ("binary", ["yes", "no"], {}, 'which: [model] positive = "…"'),
        ("binary", ["0", "", "1"], {}, "1 of 3 labels are not understood: '' (1)"),
        (
            "binary",
            ["a", "b", "b", "c", "a"],
            {"positive": "a"},
            "1 of 5 labels are not understood: 'c' (1); expected 'a' and one other value, 'b'",
        ),
        (
            "binary",
            ["yes", "no"],
            {"positive": "Yes"},
            "no label is 'Yes', the positive class; did you mean 'yes'?",
        ),
        ("regression", ["1", "x", "nan", "inf"], {}, "3 of 4 labels are not understood"),
        ("regression", ["1", ""], {}, "expected finite numbers"),
        ("multiclass", ["a", "", "b"], {}, "1 of 3 labels are not understood: '' (1)"),
        ("multiclass", ["a", "z"], {"classes": ["a", "b"]}, "expected one of a, b"),
        ("regression", [], {}, "there are no rows"),
        ("regression", list("abcdefg"), {}, "'c' (1) and 4 more"),
    ],
)
def test_labels_that_are_not_understood_are_refused_with_counts(
    problem: Kind, texts: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=re.escape(message)):
        read_labels(problem, texts, **options)


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (["10", "2", "1"], ("1", "2", "10")),
        (["b", "a", "10", "2"], ("10", "2", "a", "b")),
        (["3.0", "3", "-1.0"], ("-1", "3")),
    ],
)
def test_classes_are_sorted_as_scikit_learn_sorts_them(
    texts: list[str], classes: tuple[str, ...]
) -> None:
    assert read_labels("multiclass", texts).classes == classes


def test_classes_that_are_named_keep_their_order() -> None:
    labels = read_labels("multiclass", ["low", "high"], classes=["low", "middle", "high"])
    assert labels.classes == ("low", "middle", "high")
    assert labels.values.tolist() == [0, 2]
    assert labels.counts == {"low": 1, "middle": 0, "high": 1}


# -- what models answer --------------------------------------------------------------------------


def binary(rows: int) -> TrueLabels:
    return TrueLabels("binary", np.arange(rows) % 2, ("0", "1"))


def classes(names: Sequence[str]) -> TrueLabels:
    return read_labels("multiclass", names)


@pytest.mark.parametrize("response", ["0.1\n0.9\n", "0.1,0.9", "0.1\n\n0.9", '"0.1"\n"0.9"\r\n'])
def test_an_answer_a_row_may_come_in_lines_or_in_one(response: str) -> None:
    assert read_response(response, binary(2)).values.tolist() == [0.1, 0.9]


@pytest.mark.parametrize(
    ("labels", "response", "message"),
    [
        (binary(3), "0.1\n0.9\n", "2 answers for 3 rows"),
        (binary(2), "", "0 answers for 2 rows"),
        (binary(2), "0.1\n1.2\n", "1 of 2 answers are not understood: '1.2' (1); expected probab"),
        (binary(2), "nan\ninf\n", "2 of 2 answers are not understood: 'nan' (1), 'inf' (1)"),
        (binary(2), "0.9,0.1\n0.2,0.8\n", "2 of 2 answers have several values, such as '0.9,0.1'"),
        (classes(["a", "b"]), "a,0.5,0.5\nb\n", "answers have 0 to 2 probabilities"),
        (classes(["a", "b"]), "a,0.5,0.5\nb,x,0.5\n", "1 of 4 probabilities are not understood"),
        (classes(["a", "b"]), "a,0.9,0.9\nb,0,1\n", "1 of 2 rows of probabilities"),
        (classes(["a", "b"]), "a,1.5,-0.5\nb,0,1\n", "2 of 4 probabilities are not understood"),
    ],
)
def test_answers_that_are_not_understood_are_refused_with_counts(
    labels: TrueLabels, response: str, message: str
) -> None:
    with pytest.raises(RefusedError, match=re.escape(message)):
        read_response(response, labels)


def test_a_class_is_answered_by_its_name_however_it_is_written() -> None:
    answers = read_response('"3.0"\n 1\n7\n', classes(["3", "1", "1"]))
    assert [answers.classes[place] for place in answers.values] == ["3", "1", "7"]


def test_a_name_with_a_comma_is_one_cell() -> None:
    labels = classes(["a, b", "c"])
    answers = read_response('"a, b",0.9,0.1\nc,0.2,0.8\n', labels)
    assert answers.values.tolist() == labels.values.tolist()
    assert answers.probabilities is not None


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ("a\nb\n", "the model answers none"),
        ("a,0.8,0.1,0.1\nb,0.1,0.8,0.1\n", "the model answers 3 probabilities"),
        ("a,0.8,0.2\nz,0.1,0.9\n", "1 classes that no label has"),
        ("a,0.2,0.8\nb,0.9,0.1\n", "in another order than the classes"),
    ],
)
def test_probabilities_whose_classes_are_not_certain_are_not_used(response: str, why: str) -> None:
    answers = read_response(response, classes(["a", "b"]))
    assert answers.probabilities is None
    assert why in answers.no_probabilities
