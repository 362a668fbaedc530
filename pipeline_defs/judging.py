"""Steps that the training and the evaluation pipeline share: both judge models, on rows made alike.

One function makes each step, so script, bundle and contract are the same in both.
"""

from __future__ import annotations

from pipeline_defs.authoring import Operand, Pipeline, manifest
from pipeline_defs.authoring.handles import InvokeStep, ProcessingStep


def champion(p: Pipeline) -> InvokeStep:
    """The model that serves now."""
    return p.invoke(
        "champion",
        p.ctx.functions.resolve_champion,
        returns=["model_uri", "package_arn", "version"],
    )


def prepare(p: Pipeline, data: Operand, *, judge_all: bool = False) -> ProcessingStep:
    """Landed files to rows. `judge_all`: none is left to train on, and there is no output for it.

    It is said by an argument that is only there when it is needed.
    """
    return p.processing(
        "prepare",
        "steps/prepare.py",
        inputs={"raw": manifest(data)},
        outputs=["eval"] if judge_all else ["train", "eval"],
        arguments=["--judge", "all"] if judge_all else [],
    )


def evaluate(
    p: Pipeline, *, champion: Operand, rows: Operand, candidate: Operand | None = None
) -> ProcessingStep:
    """Judges a candidate beside the champion, or without one the champion alone."""
    challenger = {} if candidate is None else {"candidate": candidate}
    return p.processing(
        "evaluate",
        "steps/evaluate.py",
        inputs={**challenger, "champion": champion, "eval": rows},
        outputs=["report", "predictions"],
        reports={"evaluation": "report/evaluation.json"},
    )
