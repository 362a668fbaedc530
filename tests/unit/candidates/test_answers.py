"""An answer is read strictly, or it is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.candidates.answers import (
    MockAnswerError,
    RowAnswer,
    UnparsableError,
    read_answer,
)
from ratchet.candidates.prompts import RowQuestion

BINARY = RowQuestion(problem="binary", label="late", classes=("0", "1"))
WORDS = RowQuestion(problem="binary", label="outcome", classes=("paid", "default"))
SEVERAL = RowQuestion(problem="multiclass", label="kind", classes=("cat", "dog", "3"))
NUMBER = RowQuestion(problem="regression", label="price")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"probability": 0.25}', 0.25),
        ('  {"probability": 1}\n', 1.0),
        ('```json\n{"probability": 0.25}\n```', 0.25),
        ('```\n{"probability": 0.25}```', 0.25),
        ("0.25", 0.25),
        ("1e-3", 0.001),
        ('{"probability": 0.25, "why": "rush hour"}', 0.25),
    ],
)
def test_a_probability_is_read(text: str, value: float) -> None:
    assert read_answer(text, BINARY) == RowAnswer(value=value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("default", 1.0), ("paid", 0.0), ('"default"', 1.0), ("```\npaid\n```", 0.0)],
)
def test_a_bare_class_of_two_is_certain(text: str, value: float) -> None:
    assert read_answer(text, WORDS) == RowAnswer(value=value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "I think the flight will be late.",
        "Probability: 0.7",
        "70%",
        "0,7",
        "1.01",
        "-0.1",
        "NaN",
        "Infinity",
        '{"probability": NaN}',
        '{"probability": 1e999}',
        '{"probability": "0.7"}',
        '{"probability": true}',
        '{"probability": null}',
        '{"probability": [0.7]}',
        '{"probability": 1.5}',
        '{"probability": 0.2, "probability": 0.9}',
        '{"p": 0.7}',
        '{"probability": 0.7',
        '{"probability": 0.7} or so',
        'Sure! ```json\n{"probability": 0.7}\n```',
        '```json\n{"probability": 0.7}\n``` but ```json\n{"probability": 0.1}\n```',
        "[0.7]",
        "true",
        "null",
        "late",
        "1" + "0" * 400,
        "1" * 5000,
        "[" * 100_000,
    ],
)
def test_anything_else_is_no_probability(text: str) -> None:
    with pytest.raises(UnparsableError) as refused:
        read_answer(text, BINARY)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"class": "cat"}', RowAnswer(value="cat")),
        ("dog", RowAnswer(value="dog")),
        ("3", RowAnswer(value="3")),
        ('{"class": 3.0}', RowAnswer(value="3")),
        (
            '{"class": "cat", "probabilities": {"cat": 0.5, "dog": 0.25, "3": 0.25}}',
            RowAnswer(value="cat", probabilities={"cat": 0.5, "dog": 0.25, "3": 0.25}),
        ),
    ],
)
def test_a_class_is_read(text: str, answer: RowAnswer) -> None:
    assert read_answer(text, SEVERAL) == answer


@pytest.mark.parametrize(
    "text",
    [
        "Cat",
        "a cat",
        "cat, dog",
        '{"class": "cow"}',
        '{"class": true}',
        '{"class": ["cat"]}',
        '{"kind": "cat"}',
        '{"class": "cat", "probabilities": {"cat": 1.0}}',
        '{"class": "cat", "probabilities": {"cat": 0.9, "dog": 0.9, "3": 0.9}}',
        '{"class": "cat", "probabilities": {"cat": 1.2, "dog": -0.2, "3": 0}}',
        '{"class": "cat", "probabilities": {"cat": 1, "dog": 0, "3": 0, "3.0": 0}}',
        '{"class": "cat", "probabilities": [0.5, 0.25, 0.25]}',
    ],
)
def test_anything_else_is_no_class(text: str) -> None:
    with pytest.raises(UnparsableError):
        read_answer(text, SEVERAL)


@pytest.mark.parametrize(
    ("text", "value"), [('{"value": -12.5}', -12.5), ("1000", 1000.0), ("```\n3\n```", 3.0)]
)
def test_a_number_is_read(text: str, value: float) -> None:
    assert read_answer(text, NUMBER) == RowAnswer(value=value)


@pytest.mark.parametrize("text", ["1,000", "$12", "12 dollars", '{"price": 3}', "about 3"])
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(UnparsableError):
        read_answer(text, NUMBER)


@pytest.mark.parametrize("question", [BINARY, WORDS, SEVERAL, NUMBER])
def test_the_text_of_an_emulator_is_never_an_answer(question: RowQuestion) -> None:
    with pytest.raises(MockAnswerError):
        read_answer(" [MiniStack mock response] 0.5", question)


@given(st.text(alphabet='0123456789.eE+-{}[]":,`jsonprobailtyclv \n', max_size=40))
def test_no_text_is_an_error_of_ours(text: str) -> None:
    for question in (BINARY, SEVERAL, NUMBER):
        try:
            answer = read_answer(text, question)
        except UnparsableError:
            continue
        if question is BINARY:
            assert isinstance(answer.value, float)
            assert 0 <= answer.value <= 1
        if question is SEVERAL:
            assert answer.value in SEVERAL.classes
