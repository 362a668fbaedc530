"""Vectors of embedding models, and the small head that answers by them."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.stub import Stubber
from sklearn.metrics import roc_auc_score

from ratchet.candidates.budget import Usage
from ratchet.candidates.embeddings import Embedder, body_of
from ratchet.candidates.failures import Failures
from ratchet.candidates.heads import HeadError, answers_by_head
from ratchet.candidates.replies import RefusedTrialError, UnansweredRowError
from ratchet.judging.answers import TrueLabels

TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"


def asked(model_id: str, answer: Any, headers: dict[str, str] | None = None) -> Any:
    """The reply to one text, with botocore's own checks of the request and a stubbed answer."""
    runtime = boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(runtime) as stub:
        content = json.dumps(answer).encode()
        stub.add_response(
            "invoke_model",
            {
                "body": io.BytesIO(content),
                "contentType": "application/json",
                "ResponseMetadata": {"HTTPHeaders": headers or {}},
            },
        )
        embedder = Embedder(
            runtime=runtime,
            model_id=model_id,
            body=body_of(model_id),
            failures=Failures(seconds=60, hint=""),
        )
        return embedder.ask('{"hour": 17}')


def test_titan_counts_tokens_in_its_answer_and_cohere_in_a_header() -> None:
    titan = asked(TITAN, {"embedding": [0.5, -1], "inputTextTokenCount": 7})
    assert (titan.content, titan.usage) == ((0.5, -1.0), Usage(input_tokens=7))
    header = {"x-amzn-bedrock-input-token-count": "9"}
    for embeddings in ([[0.5, 1]], {"float": [[0.5, 1]]}):
        cohere = asked(COHERE, {"embeddings": embeddings}, header)
        assert (cohere.content, cohere.usage) == ((0.5, 1.0), Usage(input_tokens=9))


def test_each_family_has_its_own_body() -> None:
    assert body_of(TITAN).request("x") == {"inputText": "x"}
    assert body_of(COHERE).request("x") == {"texts": ["x"], "input_type": "classification"}
    with pytest.raises(RefusedTrialError, match=r"begin with amazon\.titan-embed or cohere\.embed"):
        body_of("marengo.embed-1")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"embedding": None},
        {"embedding": []},
        {"embedding": ["a"]},
        {"embedding": [float("nan")]},
        [1],
    ],
)
def test_an_answer_without_a_vector_is_no_answer(answer: Any) -> None:
    with pytest.raises(UnansweredRowError) as raised:
        asked(TITAN, answer)
    assert raised.value.billed


RNG = np.random.default_rng(3)


def vectors(columns: Any) -> list[tuple[float, ...]]:
    return [tuple(map(float, row)) for row in columns]


def test_a_head_finds_what_the_vectors_know_and_the_same_rows_give_the_same_answers() -> None:
    columns = RNG.normal(size=(600, 20))
    late = (columns[:, 3] + RNG.normal(size=600) > 0).astype(int)
    labels = TrueLabels("binary", late[:400], ("0", "1"))
    answers = answers_by_head(vectors(columns[:400]), labels, vectors(columns[400:]))
    shares = np.array([answer.value for answer in answers], dtype=float)
    assert 0 <= shares.min() <= shares.max() <= 1
    best = roc_auc_score(late[400:], columns[400:, 3])
    assert roc_auc_score(late[400:], shares) > best - 0.05
    assert answers == answers_by_head(vectors(columns[:400]), labels, vectors(columns[400:]))


def test_vectors_that_know_nothing_are_not_better_than_chance() -> None:
    columns, late = RNG.normal(size=(900, 40)), RNG.integers(0, 2, 900)
    labels = TrueLabels("binary", late[:600], ("0", "1"))
    answers = answers_by_head(vectors(columns[:600]), labels, vectors(columns[600:]))
    assert abs(roc_auc_score(late[600:], [float(a.value) for a in answers]) - 0.5) < 0.1


def test_a_class_that_no_training_row_has_is_given_no_chance() -> None:
    names = ("cat", "dog", "owl")
    truth = np.tile([0, 2], 50)
    columns = np.eye(3)[truth] + RNG.normal(scale=0.1, size=(100, 3))
    labels = TrueLabels("multiclass", truth, names)
    answers = answers_by_head(vectors(columns), labels, vectors(columns[:4]))
    assert [answer.value for answer in answers] == ["cat", "owl", "cat", "owl"]
    assert set(answers[0].probabilities) == set(names)
    assert answers[0].probabilities["dog"] == 0
    assert sum(answers[0].probabilities.values()) == pytest.approx(1)


def test_a_number_is_answered_by_a_ridge() -> None:
    columns = RNG.normal(size=(300, 5))
    price = 3 * columns[:, 0] + 100
    labels = TrueLabels("regression", price[:200])
    answers = answers_by_head(vectors(columns[:200]), labels, vectors(columns[200:]))
    assert np.array([a.value for a in answers], dtype=float) == pytest.approx(price[200:], abs=0.1)


@pytest.mark.parametrize(
    ("late", "message"),
    [([0] * 50, "expected two classes"), ([0] * 48 + [1, 1], "2 of 50 training rows are '1'")],
)
def test_too_few_rows_of_a_class_are_no_head(late: list[int], message: str) -> None:
    labels = TrueLabels("binary", np.array(late), ("0", "1"))
    columns = vectors(RNG.normal(size=(50, 3)))
    with pytest.raises(HeadError, match=message):
        answers_by_head(columns, labels, columns)


def test_vectors_of_several_lengths_are_no_head() -> None:
    labels = TrueLabels("binary", np.array([0, 1] * 5), ("0", "1"))
    with pytest.raises(HeadError, match="vectors of 2 to 3 numbers"):
        answers_by_head([(0.0, 1.0)] * 10, labels, [(0.0, 1.0, 2.0)])
