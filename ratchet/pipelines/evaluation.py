"""The evaluation pipeline.

champion ─► deployed ──yes──► prepare ─► evaluate ─► report
                     └──no──► nothing-deployed
"""

from __future__ import annotations

from ratchet.authoring import Context, Operand, Pipeline, execution
from ratchet.loop import names
from ratchet.pipelines import judging


def evaluation(ctx: Context) -> Pipeline:
    """Judges the champion, the model that serves now, on the labelled data that a manifest lists,
    and records how it did. Nothing is trained. While nothing serves, no job is started."""
    settings, record = ctx.settings, ctx.functions.record_evaluation
    p = Pipeline("evaluation", ctx)
    data = p.string(names.DATA_PARAMETER)
    # A metric without a lower end has no floor unless the settings say one.
    limits: dict[str, Operand] = {}
    if settings.evaluation_floor is not None:
        limits["floor"] = p.number("Floor", default=settings.evaluation_floor)
    tolerance = p.number(names.TOLERANCE_PARAMETER, default=settings.evaluation_max_regression)

    champion = judging.champion(p)
    prepare = judging.prepare(p, data, judge_all=True)
    evaluate = judging.evaluate(p, champion=champion, rows=prepare.outputs["eval"])
    about = {
        "package_arn": champion["package_arn"],
        "execution": execution.id,
        "manifest": data,
    }
    report = p.invoke(
        "report",
        record,
        arguments={
            **about,
            "report": evaluate.report_uri(),
            **limits,
            "max_regression": tolerance,
        },
        returns=["outcome", "verdict"],
    )
    nothing = p.invoke("nothing-deployed", record, arguments=about, returns=["outcome", "verdict"])
    p.gate(
        "deployed",
        champion["package_arn"] != names.NONE,
        then=[prepare, evaluate, report],
        otherwise=nothing,
    )
    return p
