"""Decisions are counted in memory, kept in a file, and tell which statement is missing."""

from __future__ import annotations

from pathlib import Path

from ratchet.local_cloud.decisions import Decision, DecisionLog

BUCKET = "arn:aws:s3:::data"


def test_equal_decisions_are_one_record_with_a_count(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    for _ in range(3):
        log.record(
            "prepare", "s3:GetObject", f"{BUCKET}/a", allowed=True, policy="p", statement="0"
        )
    log.flush()
    log.record("prepare", "s3:GetObject", f"{BUCKET}/a", allowed=True, policy="p", statement="0")
    [decision] = log.decisions()
    assert (decision.count, decision.policy, decision.statement) == (4, "p", "0")


def test_records_outlive_the_process_that_made_them(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    log.record("prepare", "s3:ListBucket", BUCKET, allowed=False, message="no", context={"a": "b"})
    log.close()
    [decision] = DecisionLog(tmp_path).decisions("prepare")
    assert decision.message == "no"
    assert decision.context == {"a": "b"}
    assert DecisionLog(tmp_path).decisions("train") == []


def test_thousands_of_objects_do_not_make_thousands_of_records(tmp_path: Path) -> None:
    log = DecisionLog(tmp_path)
    for number in range(5000):
        log.record("prepare", "s3:GetObject", f"{BUCKET}/raw/{number}", allowed=True)
    decisions = log.decisions()
    assert len(decisions) <= 201
    assert sum(decision.count for decision in decisions) == 5000
    assert f"{BUCKET}/raw/*" in {decision.resource for decision in decisions}


def test_a_denial_gives_the_statement_to_add_with_its_condition() -> None:
    denial = Decision(
        role="prepare",
        action="s3:ListBucket",
        resource=BUCKET,
        allowed=False,
        context={"s3:prefix": "raw/"},
    )
    assert denial.missing_statement() == {
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": BUCKET,
        "Condition": {"StringLike": {"s3:prefix": "raw/"}},
    }


def test_no_statement_helps_against_an_explicit_deny() -> None:
    denial = Decision(
        role="r", action="s3:PutObject", resource=BUCKET, allowed=False, policy="guard"
    )
    assert denial.missing_statement() is None


def test_a_decision_survives_its_way_through_json() -> None:
    decision = Decision(role="r", action="a:B", resource="*", allowed=True, count=2, last=1.5)
    assert Decision.of_json(decision.to_json()) == decision
