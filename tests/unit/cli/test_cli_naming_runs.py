from datetime import UTC, datetime

import pytest

from ratchet.deployment.errors import UnknownNameError
from ratchet.deployment.runs.executions import Run, resolve


def run(execution_id: str, name: str) -> Run:
    return Run(
        arn=f"arn:aws:sagemaker:us-east-1:1:pipeline/p/execution/{execution_id}",
        pipeline="p",
        name=name,
        status="Succeeded",
        started=datetime(2013, 1, 1, tzinfo=UTC),
    )


NEWEST = run("abc111111111", "2013-02-aaa")
MIDDLE = run("abd222222222", "2013-01-bbb")
OLDEST = run("xyz333333333", "2013-01-ccc")
RUNS = [NEWEST, MIDDLE, OLDEST]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("latest", NEWEST),
        ("abd222222222", MIDDLE),
        ("abd", MIDDLE),
        ("x", OLDEST),
        ("2013-01-ccc", OLDEST),
        ("2013-02", NEWEST),
        (MIDDLE.arn, MIDDLE),
    ],
)
def test_a_run_is_named_by_id_prefix_display_name_or_latest(text: str, meant: Run) -> None:
    assert resolve(text, RUNS) is meant


def test_an_exact_name_wins_over_a_longer_one_that_begins_so() -> None:
    longer = run("zzz", "2013-02-aaa-again")
    assert resolve("2013-02-aaa", [longer, NEWEST]) is NEWEST


@pytest.mark.parametrize("text", ["ab", "2013-01"])
def test_an_ambiguous_name_lists_what_it_could_mean(text: str) -> None:
    with pytest.raises(UnknownNameError, match=r"means 2 runs: .*abd222222222 \(2013-01-bbb\)"):
        resolve(text, RUNS)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean latest"):
        resolve("lates", RUNS)
    with pytest.raises(UnknownNameError, match="`ratchet runs` lists them"):
        resolve("qqqqqqqq", RUNS)
    with pytest.raises(UnknownNameError):
        resolve("", RUNS)


def test_without_runs_the_answer_says_how_to_get_one() -> None:
    with pytest.raises(UnknownNameError, match="ratchet run training"):
        resolve("latest", [])
