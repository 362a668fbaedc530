"""The training pipeline.

prepare ─► train ─► evaluate ─► no-regression ──pass──► baselines ─► register
champion ───────────┘                 └────regressed──► halt
"""

from __future__ import annotations

from ratchet.authoring import Context, Pipeline, execution
from ratchet.loop import names, packages
from ratchet.pipelines import judging


def training(ctx: Context) -> Pipeline:
    """Trains a candidate on the data that a manifest lists, and registers it unless it is worse
    than the champion, the model that serves now, on the same rows."""
    gate, monitor = ctx.settings.gate, ctx.settings.monitor
    p = Pipeline("training", ctx)
    data = p.string(names.DATA_PARAMETER)
    tolerance = p.number(names.TOLERANCE_PARAMETER, default=gate.max_regression)

    prepare = judging.prepare(p, data)
    train = p.training(
        "train",
        f"{ctx.steps}/train.py",
        channels={"train": prepare.outputs["train"]},
        hyperparameters=ctx.settings.hyperparameters,
    )
    champion = judging.champion(p)
    evaluate = judging.evaluate(
        p,
        candidate=train.model,
        champion=champion["model_uri"],
        rows=prepare.outputs["eval"],
    )
    # Of the rows that the champion-to-be was judged by: each version is monitored against its own.
    baseline = p.baseline("baseline", of=prepare.outputs["eval"], exclude=monitor.exclude)
    quality = p.baseline("quality-baseline", of=evaluate.outputs["predictions"], label="label")
    register = p.register(
        "register",
        train.model,
        baselines=[baseline, quality],
        description=evaluate.metric("verdict"),
        metadata={
            "execution": execution.id,
            packages.MANIFEST_KEY: data,
            "champion": champion["package_arn"],
            packages.CHAMPION_VERSION_KEY: champion["version"],
            packages.CHAMPION_STATUS_KEY: evaluate.metric("champion.status"),
            packages.candidate_key("auc"): evaluate.metric("candidate.auc"),
            packages.REGRESSION_KEY: evaluate.metric("regression"),
            "evaluation": evaluate.report_uri(),
            "baseline-digest": baseline.digest,
            "quality-baseline-digest": quality.digest,
        },
    )
    # "none": the first run has nothing to lose against.
    comparable = [names.SCORED, names.NONE]
    if gate.unscorable_champion == "pass":
        comparable.append(names.UNSCORABLE)
    p.gate(
        "no-regression",
        evaluate.metric("regression") <= tolerance,
        evaluate.metric("champion.status").is_in(comparable),
        then=[baseline, quality, register],
        otherwise=p.halt(
            evaluate.metric("verdict"), "The gate allows a regression of at most", tolerance
        ),
    )
    return p
