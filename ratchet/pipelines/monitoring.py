"""The monitoring pipeline.

captured ─► traffic ──any──► analyze ─► publish
   └──────► labels ───any──► quality ─► publish-quality
"""

from __future__ import annotations

from ratchet.authoring import Context, Operand, Pipeline, Traffic, execution, manifest
from ratchet.loop import names

_CAPTURED = {
    "objects": "Integer",
    "manifest": "String",
    "baseline": "String",
    "start": "String",
    "end": "String",
    "package_arn": "String",
    "labelled": "Integer",
    "labels": "String",
    "labelled_manifest": "String",
    "quality_baseline": "String",
    "quality_start": "String",
    "quality_end": "String",
}
_PUBLISHED = {"outcome": "String", "violations": "Integer"}


def monitoring(ctx: Context) -> Pipeline:
    """Compares what the endpoint was asked with the rows that its model was evaluated on, and what
    it answered with the labels that came in.

    WindowStart is "last" (the end of the window before) or a time, WindowEnd is "hour" (the start
    of this one), "now" or a time (ISO 8601, UTC).
    """
    settings, functions = ctx.settings, ctx.functions
    p = Pipeline("monitoring", ctx)
    start = p.string(names.WINDOW_START_PARAMETER, default="last")
    end = p.string(names.WINDOW_END_PARAMETER, default="hour")

    captured = p.invoke(
        "captured",
        functions.select_captured,
        arguments={"start": start, "end": end},
        returns=_CAPTURED,
    )
    requests = Traffic(
        captured=manifest(captured["manifest"]),
        start=captured["start"],
        end=captured["end"],
        endpoint=settings.endpoint_name,
        schedule=settings.schedule_name(names.DATA_QUALITY),
    )
    answers = Traffic(
        captured=manifest(captured["labelled_manifest"]),
        start=captured["quality_start"],
        end=captured["quality_end"],
        endpoint=settings.endpoint_name,
        schedule=settings.schedule_name(names.MODEL_QUALITY),
    )

    def about(traffic: Traffic) -> dict[str, Operand]:
        return {
            "start": traffic.start,
            "end": traffic.end,
            "endpoint": traffic.endpoint,
            "schedule": traffic.schedule,
            "package_arn": captured["package_arn"],
            "execution": execution.id,
        }

    analyze = p.comparison(
        "analyze", of=requests, baseline=captured["baseline"], exclude=settings.unmonitored
    )
    publish = p.invoke(
        "publish",
        functions.publish_monitoring,
        arguments={
            "kind": names.DATA_QUALITY,
            "analysis": analyze.outputs["analysis"],
            **about(requests),
        },
        returns=_PUBLISHED,
    )
    p.gate("traffic", captured["objects"] > 0, then=[analyze, publish])

    quality = p.comparison(
        "quality",
        of=answers,
        baseline=captured["quality_baseline"],
        labels=manifest(captured["labels"]),
    )
    publish_quality = p.invoke(
        "publish-quality",
        functions.publish_monitoring,
        arguments={
            "kind": names.MODEL_QUALITY,
            "analysis": quality.outputs["analysis"],
            **about(answers),
        },
        returns=_PUBLISHED,
    )
    p.gate("labels", captured["labelled"] > 0, then=[quality, publish_quality])
    return p
