"""A name that the parts of the loop share is typed once: in ratchet/loop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from ratchet.loop import facts, folders, names, packages
from ratchet.monitoring import cloudwatch, findings

ROOT = Path(__file__).parents[2]
SOURCES = ("app.py", "constructs", "demo", "lambdas", "pipeline_defs", "ratchet", "stacks")
"""Steps and the analyzer run in containers that have nothing of ours: see the last tests."""
WITHOUT = ("ratchet/loop/", "ratchet/monitoring/")

WORDS = {
    "APPROVED",
    "CHAMPION_FACT",
    "COMPLETED",
    "DRIFT",
    "EVALUATION",
    "BETTER_KEY",
    "MANIFEST_KEY",
    "METRIC_KEY",
    "MONITORING",
    "NEW_MODEL",
    "PENDING",
    "PIPELINE",
    "PIPELINE_DIMENSION",
    "REASON",
    "REGISTERED",
    "REGRESSION_KEY",
    "REJECTED",
    "REPORT_OUTPUT",
    "THE_CHAMPION",
    "THRESHOLD_KEY",
    "TRAINING",
}
"""They mean other things too, or are words of SageMaker's API: their text says nothing."""

OTHER_MEANINGS: Mapping[tuple[str, str], str] = {
    ("lambdas/reconcile_champion/plan.py", "none"): "a word in a message",
    ("lambdas/resolve_champion/handler.py", "none"): "a decision in the log",
    ("ratchet/authoring/search.py", "auto"): "a scaling type of tuning",
    ("ratchet/permissions/steps.py", "Ratchet"): "the project's name in a message",
    ("ratchet/permissions/steps.py", "Experiment"): "a resource of SageMaker",
    ("ratchet/costs/rows.py", "none"): "a step that nothing is billed for",
    ("ratchet/deployment/target/acting.py", "none"): "an algorithm of JSON Web Tokens",
    ("ratchet/local_cloud/emulator/guard.py", "none"): "a value of Sec-Fetch-Site",
    ("ratchet/local_cloud/databases.py", "Ratchet"): "the project's name in a message",
    ("ratchet/local_cloud/sagemaker/monitors/runs.py", "WindowEnd"): "a key of its own records",
    ("ratchet/notebooks/git.py", "none"): "no protocol that git may use",
    ("ratchet/runner/parameters.py", "none"): "a word in a message",
    (
        "constructs/ratchet_cdk/capabilities/operations.py",
        "NoticesWaiting",
    ): "a construct's id, which stays as it is",
    ("ratchet/cli/acting_project.py", "Ratchet"): "the project's name in a message",
    ("ratchet/template/projects.py", "Ratchet"): "the project's name in a message",
}


@cache
def shared() -> dict[str, str]:
    """Text → the names of it."""
    texts: dict[str, list[str]] = {}
    for module in (names, folders, facts, packages):
        room = module.__name__.rpartition(".")[2]
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str) and name not in WORDS:
                texts.setdefault(value, []).append(f"{room}.{name}")
    return {text: " or ".join(called) for text, called in texts.items()}


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts of a module, parts of f-strings too, without docstrings and without "none" at the end
    of a list in words: `", ".join(…) or "none"`."""
    left_out = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            before, last = node.values[-2:]
            if isinstance(before, ast.Call) and ast.unparse(before.func).endswith(".join"):
                left_out.add(id(last))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in left_out
        ):
            yield node.lineno, node.value


def is_typed_in(text: str, literal: str) -> bool:
    """Whether a literal is this text, or has it as a word of its own where it is no plain word; a
    folder at the beginning of a path in it."""
    if text not in literal:  # nearly always, and quick to see
        return False
    if text.isalpha() and text.islower():
        return text == literal
    if text.endswith("/"):
        return re.search(rf"(?<![\w/.-]){re.escape(text)}", literal) is not None
    return re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", literal) is not None


def repetitions(path: str, source: str) -> Iterator[str]:
    for line, literal in literals(ast.parse(source)):
        for text, called in shared().items():
            if is_typed_in(text, literal) and (path, text) not in OTHER_MEANINGS:
                yield f"{path}:{line}: {literal!r} repeats {called}"


@cache
def sources() -> Mapping[str, str]:
    return {
        file.relative_to(ROOT).as_posix(): file.read_text("utf-8")
        for top in SOURCES
        for file in (sorted((ROOT / top).rglob("*.py")) or [ROOT / top])
        if not file.relative_to(ROOT).as_posix().startswith(WITHOUT)
    }


def test_no_name_of_the_loop_is_typed_again() -> None:
    assert [line for path, text in sources().items() for line in repetitions(path, text)] == []


def test_what_means_something_else_is_still_there() -> None:
    """So that the list of exceptions does not outlive them."""
    for path, text in OTHER_MEANINGS:
        assert any(
            is_typed_in(text, literal) for _, literal in literals(ast.parse(sources()[path]))
        ), path


@pytest.mark.parametrize(
    "source",
    [
        'put(Namespace="Ratchet")',
        'key = f"manifests/{digest}/x.json"',
        'uri = f"s3://{bucket}/{folder}/statistics.json"',
        'champion = parameters.get("ChampionModelPackageArn", "none")',
        'if champion != "none": pass',
        'names = ("capture/", "x")',
        'metadata["evaluation-score"]',
    ],
)
def test_a_name_that_is_typed_again_is_found(source: str) -> None:
    assert list(repetitions("lambdas/x.py", source))


@pytest.mark.parametrize(
    "source",
    [
        '"""Writes manifests/<digest>/manifest.json."""',
        'text = ", ".join(found) or "none"',
        'sid = "PutNoticesWaiting"',
        'name = "model-monitoring-job"',
    ],
)
def test_words_that_only_look_alike_are_not(source: str) -> None:
    assert list(repetitions("lambdas/x.py", source)) == []


# -- what runs in containers, without the names ----------------------------------------------------


def test_the_analyzer_uses_the_same_namespaces_and_outcomes() -> None:
    assert cloudwatch.DATA_NAMESPACE == names.DATA_NAMESPACE
    assert cloudwatch.MODEL_NAMESPACE == names.MODEL_NAMESPACE
    assert findings.COMPLETED == names.COMPLETED
    assert findings.COMPLETED_WITH_VIOLATIONS == names.COMPLETED_WITH_VIOLATIONS
    assert findings.TOO_FEW_ROWS == names.TOO_FEW_ROWS


def texts_of(path: str) -> set[str]:
    return {text for _, text in literals(ast.parse((ROOT / path).read_text("utf-8")))}


def test_the_analyzer_writes_the_files_that_others_read() -> None:
    files = {
        folders.ANALYSIS,
        folders.CONSTRAINTS,
        folders.CONSTRAINT_VIOLATIONS,
        folders.METRIC_LINES,
        folders.STATISTICS,
    }
    assert files <= texts_of("ratchet/monitoring/outputs.py")
