"""Labels and answers that are not understood are refused with counts; those that are alike are one
class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ratchet.judging.answers import (
    RefusedError,
    TrueLabels,
    most_labels,
    read_labels,
    read_weights,
)
from ratchet.judging.responses import Reading, read_response
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


@pytest.mark.parametrize("wrong", [0, 1])
def test_a_share_of_labels_may_be_left_out_and_no_more(wrong: int) -> None:
    texts = ["1"] * (100 - wrong) + ["n/a"] * wrong
    labels, understood, refused = most_labels("regression", texts, most=0.01)
    assert (labels.rows, int(understood.sum()), refused.count) == (*[100 - wrong] * 2, wrong)
    with pytest.raises(RefusedError, match="2 of 100 labels are not understood"):
        most_labels("regression", ["1"] * 98 + ["n/a"] * 2, most=0.01)


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


# -- where prediction and probability stand ------------------------------------------------------

WORDS = read_labels("binary", ["no", "yes", "no"], positive="yes")
ABC = read_labels("multiclass", ["a", "b", "c"], classes=["a", "b", "c"])


@pytest.mark.parametrize(
    ("response", "places", "values", "positions"),
    [
        ("x,0.2\nx,0.9\nx,0.5\n", {"probability": 1}, [0.2, 0.9, 0.5], [0, 1, 1]),
        ("no\nyes\nyes\n", {"prediction": 0}, [0, 1, 1], [0, 1, 1]),
        ("0.7,no\n0.9,yes\n0,yes\n", {"prediction": 1, "probability": 0}, [0.7, 0.9, 0], [0, 1, 1]),
        ("id, p\n7,0.2\n8,0.9\n9,0.4\n", {"probability": "p"}, [0.2, 0.9, 0.4], [0, 1, 0]),
        (
            "p,y\n0.2,no\n0,yes\n1,no\n",
            {"prediction": "y", "probability": 0},
            [0.2, 0, 1],
            [0, 1, 0],
        ),
    ],
)
def test_the_settings_say_where_a_binary_answer_stands(
    response: str, places: dict[str, Any], values: list[float], positions: list[int]
) -> None:
    answers = read_response(response, WORDS, Reading(**places))
    assert answers.values.tolist() == values
    assert answers.positions.tolist() == positions


def test_a_binary_model_that_answers_a_class_alone_has_no_probabilities() -> None:
    answers = read_response("no\nyes\nno\n", WORDS, Reading(prediction=0))
    assert answers.no_probabilities == "the model answers a class alone"
    assert not read_response("0\n1\n0\n", WORDS).no_probabilities


@pytest.mark.parametrize("place", [1, "price"])
def test_the_settings_say_where_a_number_stands(place: int | str) -> None:
    labels = read_labels("regression", ["1", "2"])
    header = "id,price\n" if place == "price" else ""
    answers = read_response(
        header + "7,1.5\n8,2.5\n", labels, Reading(prediction=place, quantile=0.9)
    )
    assert answers.values.tolist() == [1.5, 2.5]
    assert answers.quantile == 0.9


@pytest.mark.parametrize(
    ("response", "places", "classes"),
    [
        ("0.8,0.1,0.1\n0.1,0.8,0.1\n0.1,0.1,0.8\n", {"probability": 0}, "abc"),
        ("0.8,0.1,0.1,a\n0,1,0,b\n0,0.1,0.9,c\n", {"probability": 0, "prediction": 3}, "abc"),
        ("1,b,0.4,0.6,0\n2,b,0,1,0\n3,c,0,0.1,0.9\n", {"probability": 2, "prediction": 1}, "bbc"),
        (
            "c,pa,pb,pc\na,1,0,0\nb,0,1,0\nc,0,0,1\n",
            {"probability": "pa", "prediction": "c"},
            "abc",
        ),
    ],
)
def test_the_settings_say_where_class_and_probabilities_stand(
    response: str, places: dict[str, Any], classes: str
) -> None:
    answers = read_response(response, ABC, Reading(**places))
    assert "".join(answers.classes[place] for place in answers.positions) == classes
    assert answers.probabilities is not None
    assert answers.probabilities.shape == (3, 3)


def test_a_class_that_stands_somewhere_without_probabilities_has_none() -> None:
    answers = read_response("1,a,0.2\n2,b,0.9\n3,c,0.1\n", ABC, Reading(prediction=1))
    assert answers.positions.tolist() == [0, 1, 2]
    assert answers.probabilities is None


@pytest.mark.parametrize(
    ("labels", "response", "places", "message"),
    [
        (
            WORDS,
            "0.1\n0.2,1\n0.3\n",
            {"probability": 1},
            "2 of 3 answers have no column 1, the probability of [model], counted from 0; such as "
            "'0.1'",
        ),
        (
            WORDS,
            "probability,id\n0.1,1\n0.2,2\n0.3,3\n",
            {"probability": "probabilty"},
            "no column 'probabilty', the probability of [model]; did you mean 'probability'? Their "
            "first line is 'probability,id'",
        ),
        (
            WORDS,
            "no\nmaybe\nyes\n",
            {"prediction": 0},
            "1 of 3 answers are not understood: 'maybe'",
        ),
        (WORDS, "p\n0.1\n0.2\n", {"probability": "p"}, "2 answers for 3 rows"),
        (WORDS, "", {"probability": "p"}, "0 answers for 3 rows"),
        (
            ABC,
            "0.5,0.5\n1,0\n0,1\n",
            {"probability": 0},
            "answers have 2 probabilities for 3 classes",
        ),
        (ABC, "a\nb\nc\n", {"probability": 4}, "3 of 3 answers have no column 4, the probability"),
        (ABC, "a\nb\nc\n", {"prediction": 2}, "3 of 3 answers have no column 2, the prediction"),
    ],
)
def test_an_answer_without_the_column_is_refused_with_the_count(
    labels: TrueLabels, response: str, places: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=re.escape(message)):
        read_response(response, labels, Reading(**places))


# -- weights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["1", "-1", "nan", "inf", "", "2"],
            "4 of 6 weights are not understood: '-1' (1), 'nan' (1)",
        ),
        (["0", "0.0"], "all 2 weights are 0; expected one above 0 at least"),
        (["heavy"], "expected finite numbers of 0 or more"),
    ],
)
def test_weights_that_say_nothing_are_refused_with_counts(texts: list[str], message: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(message)):
        read_weights(texts)


def test_weights_are_numbers_of_0_or_more() -> None:
    assert read_weights(["0", " 2.5", "1e3"]).tolist() == [0, 2.5, 1000]
