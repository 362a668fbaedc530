"""Summer comes: traffic drifts away from what the model knows, and that starts a new run.

July's flights are asked about long before it is known which of them were late. So the retraining
learns from what has landed by then, April to June, and is judged by June.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from rich.markup import escape

from demo import costs, loop
from demo.acts.serving import MONTH
from demo.stage import Act, DemoFailedError, Play, claim
from demo.traffic import flights_of, requests_of
from ratchet.deployment import standing
from ratchet.deployment.monitoring import analyses
from ratchet.deployment.monitoring import starting as monitoring
from ratchet.deployment.monitoring.analyses import Analysis
from ratchet.deployment.runs.reports import findings
from ratchet.deployment.runs.watch import watch
from ratchet.deployment.serving import predictions
from ratchet.loop import names

SPRING = (4, 5, 6)
REQUESTS, ROWS_EACH = 200, 10
EXPECTED = ("temp", "dewp")
"""What any summer moves."""
STEADY = ("carrier", "origin")
"""What it does not."""
_LAYOUT = ("missing_column_check", "extra_column_check")


def _land_spring(play: Play) -> None:
    """Rules that start runs by landing and by the clock are off from here to the end."""
    rules = list(_rules(play))
    events = play.target.client("events")
    for name in rules:
        events.disable_rule(Name=name)
        play.closing.callback(events.enable_rule, Name=name)
    drops = loop.write_drops(play.data, SPRING)
    landed = loop.land(play.target, play.deployed, drops)
    play.drops += drops
    play.stage.say(
        f"{len(landed)} files. Runs by landing and by schedule are switched off meanwhile, as "
        "`trigger.enabled = false` would: this data waits for a reason to train"
    )


def _rules(play: Play) -> Iterator[str]:
    """The rules that wake the trigger when data lands, and by the clock."""
    target = play.target
    answer = target.client("sqs").get_queue_attributes(
        QueueUrl=play.deployed.queue_url, AttributeNames=["QueueArn"]
    )
    events = target.client("events")
    rules = events.list_rule_names_by_target(TargetArn=answer["Attributes"]["QueueArn"])
    for name in rules["RuleNames"]:
        rule: Mapping[str, Any] = events.describe_rule(Name=name)
        pattern = json.loads(rule.get("EventPattern") or "{}")
        if rule.get("ScheduleExpression") or "aws.s3" in pattern.get("source", ()):
            yield name


def _traffic(play: Play) -> None:
    label = play.settings.model.label
    flights = flights_of(MONTH, rows=REQUESTS * ROWS_EACH, label=label)
    before = len(_captured(play))
    with play.stage.waiting(f"{REQUESTS} requests"):
        answers = list(
            predictions.predict(
                play.target,
                play.served.endpoint,
                requests_of(flights, size=ROWS_EACH),
                prefix=predictions.new_prefix(),
            )
        )
    with play.stage.waiting("waiting until all of it is captured"):
        captured = play.until(
            lambda: records if len(records := _captured(play)) >= before + len(answers) else None,
            f"{len(answers)} requests were sent and not all of them captured",
        )
    record = captured[-1]["captureData"]["endpointInput"]
    claim({"captured requests are readable, not base64": record["encoding"] == "CSV"})
    play.stage.say(
        f"{len(flights):,} flights in {len(answers)} requests answered, and captured below "
        f"{play.served.capture_uri}"
    )


def _captured(play: Play) -> list[dict[str, Any]]:
    """Every captured request so far."""
    uri = urlsplit(play.served.capture_uri)
    s3 = play.target.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=uri.netloc, Prefix=uri.path.strip("/") + "/"
    )
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    bodies = (s3.get_object(Bucket=uri.netloc, Key=key)["Body"].read() for key in keys)
    return [json.loads(line) for body in bodies for line in body.splitlines() if line.strip()]


def _analyze(play: Play) -> None:
    target, serving = play.target, play.served
    engine = monitoring.engine_of(target, standing.stack_state(target, serving.stack))
    play.stage.say("[dim]$ ratchet monitor run[/]")
    if engine == names.PIPELINE:
        with play.stage.waiting(f"{serving.monitoring_pipeline} runs"):
            *_, state = watch(target, monitoring.start_pipeline(target, serving))
        step = state.step(analyses.ANALYZE_STEP)
        if step is None or not step.job:
            raise DemoFailedError(f"the monitoring pipeline analyzed nothing: {state.run.status}")
        analysis = analyses.read(target, analyses.source_of(step, state.run))
    else:
        with play.stage.waiting(f"{serving.monitor_schedule} runs"):
            analysis = monitoring.run_schedule(target, serving)
    with play.stage.waiting("waiting for the drift alarm"):
        alarm = play.until(
            lambda: (
                drift_alarm
                if (drift_alarm := standing.alarms(target, serving.alarms).get("drift"))
                and drift_alarm.state == "ALARM"
                else None
            ),
            "the drift alarm has not been raised",
        )
    play.stage.analysis(analysis, alarm)
    claim(_drift_claims(analysis))


def _drift_claims(analysis: Analysis) -> dict[str, bool]:
    drifted = set(analysis.drifted)
    layout = {v.feature for v in analysis.violations if v.check in _LAYOUT}
    return {
        f"requests have the baseline's columns ({', '.join(sorted(layout))})": not layout,
        f"the analysis finds violations (it says {analysis.outcome})": analysis.outcome
        == names.COMPLETED_WITH_VIOLATIONS,
        f"{' and '.join(EXPECTED)} have drifted": drifted.issuperset(EXPECTED),
        f"{' and '.join(STEADY)} have not": drifted.isdisjoint(STEADY),
    }


def _retrain(play: Play) -> None:
    with play.stage.waiting("the alarm wakes the trigger"):
        run = loop.wait_for_run(play, after=len(play.runs))
    play.stage.say(f"{escape(run.name)}: [dim]{escape(run.description)}[/]")
    state = play.stage.follow(play.target, run)
    claim(
        loop.challenge_claims(
            state,
            findings(play.target, state),
            landed=loop.keys_of(play.drops, play.deployed),
            manifest=loop.manifest_of(play.target, state),
        )
    )
    costs.show(play, state)
    play.runs.append(state)


ACTS = (
    Act(title="April to June land, and nobody trains on them yet", seconds=60, play=_land_spring),
    Act(title="July: the traffic of summer is answered and captured", seconds=120, play=_traffic),
    Act(title="The monitor finds the drift, by feature", seconds=180, play=_analyze),
    Act(title="The drift alarm starts a run on the newest data", seconds=240, play=_retrain),
)
