"""Policies with one piece taken out, and whether the requests of a run notice.

A run records every question that policies were asked. A piece is *noticed* if a question that the
deployed policies answer with yes is answered with no without it, in a sentence that names the
action, the resource and who asked. That is a proof as far as the cloud asks before it acts, which
test_demo.py shows by samples that are really run.

Of a statement that denies, the question is made up: what it guards against is done by nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalResult

from ratchet.local_cloud.emulator import evaluator
from ratchet.local_cloud.emulator.request_log import Question
from tests.loop.deployed_policies import Kind, Policies, Policy, Statement


class Piece(StrEnum):
    """What is taken out."""

    STATEMENT = "statement"
    ACTION = "action"
    RESOURCE = "resource"


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One policy without one piece."""

    piece: Piece
    key: str
    """The statement's key; for an action or resource, with it at the end."""
    before: Policy
    after: Policy
    statement: Statement

    @property
    def denies(self) -> bool:
        """Whether the piece is of a statement that denies."""
        return bool(self.statement["Effect"] == "Deny")


@dataclass
class Survey:
    """What the requests of a cloud notice."""

    noticed: dict[str, str] = field(default_factory=dict)
    """Key of a mutation → the sentence of a request that is denied without the piece."""
    unnoticed: dict[str, Mutation] = field(default_factory=dict)
    pieces: dict[str, Piece] = field(default_factory=dict)

    def count(self, piece: Piece, *, owner: str = "") -> tuple[int, int]:
        """How many are noticed, of how many, of one owner or of all."""
        keys = [
            key
            for key, its in self.pieces.items()
            if its is piece and (not owner or key.startswith(f"{owner} "))
        ]
        return sum(key in self.noticed for key in keys), len(keys)

    def compared(
        self, piece: Piece, listed: Iterable[str], *, statements: Iterable[str] = ()
    ) -> tuple[list[str], list[str]]:
        """Pieces that are neither noticed nor listed, and those that are both.

        Args:
            listed: patterns of the keys of pieces that nothing is to notice.
            statements: patterns of statements of which no piece need be noticed.
        """
        neither, both = [], []
        for key in sorted(key for key, its in self.pieces.items() if its is piece):
            is_listed = any(fnmatchcase(key, pattern) for pattern in listed)
            is_inside = any(fnmatchcase(key, f"{pattern} *") for pattern in statements)
            if key in self.noticed and is_listed:
                both.append(key)
            if key in self.unnoticed and not is_listed and not is_inside:
                neither.append(key)
        return neither, both

    def table(self) -> str:
        """Noticed pieces of all, by role or resource."""
        lines = [
            "  ".join(
                [
                    f"{owner or 'all':<64}",
                    *("{:>3} of {:>3}".format(*self.count(piece, owner=owner)) for piece in Piece),
                ]
            )
            for owner in [*self.owners(), ""]
        ]
        return "\n".join([f"{'':<64}  statements  actions     resources", *lines])

    def owners(self) -> list[str]:
        """Every role and resource that has a policy."""
        return sorted({key.partition(" ")[0] for key in self.pieces})


def mutations(policies: Policies) -> Iterator[Mutation]:
    """Every policy without each of its statements, and without each action and resource of it."""
    for policy in policies.policies:
        for position, statement in enumerate(policy.statements):
            key = policy.key(position)
            yield _mutation(Piece.STATEMENT, key, policy, position, None)
            for piece, member in ((Piece.ACTION, "Action"), (Piece.RESOURCE, "Resource")):
                if piece is Piece.RESOURCE and policy.kind is Kind.TRUST:
                    continue  # it has none
                values = _listed(statement.get(member))
                for place, value in enumerate(values):
                    others = [*values[:place], *values[place + 1 :]]
                    changed = {**statement, member: others} if others else None
                    name = value if piece is Piece.ACTION else f"Resource[{place}]"
                    yield _mutation(piece, f"{key} {name}", policy, position, changed)


def survey(policies: Policies, questions: Iterable[Question]) -> Survey:
    """Which pieces the questions of a run notice."""
    by_policy: Mapping[int, list[Question]] = _by_policy(policies, questions)
    result = Survey()
    for mutation in mutations(policies):
        assert mutation.key not in result.pieces, f"two pieces are called {mutation.key}"
        result.pieces[mutation.key] = mutation.piece
        candidates = by_policy.get(id(mutation.before), [])
        sentence = _first_denial(policies, mutation, candidates)
        if sentence:
            result.noticed[mutation.key] = sentence
        else:
            result.unnoticed[mutation.key] = mutation
    return result


def _by_policy(policies: Policies, questions: Iterable[Question]) -> dict[int, list[Question]]:
    """The questions that are allowed by the policies as they are, by each that has a say."""
    grouped: dict[int, list[Question]] = defaultdict(list)
    for question in questions:
        if policies.decide(question).decision == "Allow":
            for policy in policies.concerning(question):
                grouped[id(policy)].append(question)
    return grouped


def _first_denial(
    policies: Policies, mutation: Mutation, questions: Iterable[Question]
) -> str | None:
    if mutation.denies:
        return _guarded(mutation)
    changed = policies.replaced(mutation.before, mutation.after)
    for question in questions:
        if _acts(question, mutation.statement):
            verdict = changed.decide(question)
            if verdict.decision != "Allow":
                return denial(question, verdict)
    return None


def _guarded(mutation: Mutation) -> str | None:
    """The sentence of a rule that no loop breaks, for a request over plain HTTP; None unless the
    rule alone denies it."""
    resource = _listed(mutation.statement["Resource"])[0].replace("*", "x")
    action = _listed(mutation.statement["Action"])[0].replace("*", "Anything")
    plain = Question(
        principal="arn:aws:iam::000000000000:user/administrator",
        principal_type="User",
        account="000000000000",
        action=action,
        resource=resource,
        region="us-east-1",
        service=resource.split(":")[2],
        keys={"aws:securetransport": "false"},
        allowed=False,
    )
    before, after = (Policies((policy,)) for policy in (mutation.before, mutation.after))
    verdict = before.decide(plain)
    if verdict.decision != "Deny" or after.decide(plain).decision == "Deny":
        return None
    return denial(plain, verdict)


def denial(question: Question, verdict: EvalResult) -> str:
    """The sentence that whoever asked is told."""
    if not isinstance(verdict, evaluator.Verdict):  # MiniStack's, of a resource's policy
        verdict = evaluator.Verdict(verdict.decision, kind="resource-based policy")
    return evaluator.sentence(question.principal, question.action, question.resource, verdict)


def _acts(question: Question, statement: Statement) -> bool:
    """Whether a statement is about a question's action."""
    actions = _listed(statement.get("Action"))
    return any(iam_evaluator.fnmatch_iam(question.action, action) for action in actions)


def _mutation(
    piece: Piece, key: str, policy: Policy, position: int, changed: Statement | None
) -> Mutation:
    return Mutation(
        piece=piece,
        key=key,
        before=policy,
        after=policy.with_statement(position, changed),
        statement=policy.statements[position],
    )


def _listed(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or ()]  # type: ignore[attr-defined]
