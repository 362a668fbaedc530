"""Steps that the training and the evaluation pipeline share: both judge models, on rows made alike.

One function makes each step, so script, bundle and contract are the same in both.
"""

from __future__ import annotations

from ratchet.authoring import Operand, Pipeline, manifest
from ratchet.authoring.handles import InvokeStep, ProcessingStep


def champion(p: Pipeline) -> InvokeStep:
    """The model that serves now."""
    return p.invoke(
        "champion",
        p.ctx.functions.resolve_champion,
        returns=["model_uri", "package_arn", "version"],
    )


def prepare(p: Pipeline, data: Operand, *, judge_all: bool = False) -> ProcessingStep:
    """Turns landed files into rows. With `judge_all`, all of them are eval rows: no train output.

    Only then does the step get the argument --judge.
    """
    return p.processing(
        "prepare",
        f"{p.ctx.steps}/prepare.py",
        inputs={"raw": manifest(data)},
        outputs=["eval"] if judge_all else ["train", "eval"],
        arguments=["--judge", "all"] if judge_all else [],
    )


def evaluate(
    p: Pipeline, *, champion: Operand, rows: Operand, candidate: Operand | None = None
) -> ProcessingStep:
    """Evaluates a candidate beside the champion, or the champion alone."""
    candidates = {} if candidate is None else {"candidate": candidate}
    return p.processing(
        "evaluate",
        f"{p.ctx.steps}/evaluate.py",
        inputs={**candidates, "champion": champion, "eval": rows},
        outputs=["report", "predictions"],
        reports={"evaluation": "report/evaluation.json"},
    )
