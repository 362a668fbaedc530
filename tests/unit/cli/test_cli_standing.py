import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ratchet.cli.views import status_view
from ratchet.deployment import standing as standings
from ratchet.deployment.standing import Standing, explanations
from ratchet.settings import timetable
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import START
from tests.unit.cli.fake_serving import ServingWorld, package
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(hours=3)


def look(serving: ServingWorld) -> Standing:
    return standings.look(serving.world.target)


def explained(serving: ServingWorld) -> str:
    return "\n".join(explanations(look(serving)))


def test_status_of_a_version_that_serves(serving: ServingWorld) -> None:
    seen = look(serving)
    assert seen.settled
    hold("status_serves.txt", drawn(status_view.document(seen, now=NOW, width=100)))


def test_status_of_an_update_under_way_with_drift_and_dead_letters(serving: ServingWorld) -> None:
    serving.sagemaker.packages[0]["ModelApprovalStatus"] = "Approved"
    serving.cloudformation.status = "UPDATE_IN_PROGRESS"
    serving.sagemaker.serve(1, "Updating")
    serving.cloudwatch.states["flights-dev-drift"] = "ALARM"
    serving.sqs.depths = {"https://sqs/dead": 2, "https://sqs/queue": 1}
    seen = look(serving)
    assert not seen.settled
    hold("status_under_way.txt", drawn(status_view.document(seen, now=NOW, width=100)))


def test_status_shows_what_waits_to_be_recorded_and_what_could_not_be(
    serving: ServingWorld,
) -> None:
    parameter = serving.world.target.settings.parameter("operations")
    serving.world.ssm.parameters[parameter] = json.dumps(
        {
            "record_run": "arn:aws:lambda:us-east-1:000000000000:function:record",
            "queue_url": "https://sqs/costs",
            "dead_letter_queue_url": "https://sqs/costs-dead",
            "database": "flights_dev_costs",
            "table": "run_costs",
            "rows_uri": "s3://artifacts/costs/rows",
        }
    )
    serving.sqs.depths = {"https://sqs/costs": 1, "https://sqs/costs-dead": 3}
    found = [(q.waiting, q.dead) for q in look(serving).queues if q.label == "costs"]
    assert found == [(1, False), (3, True)]


def test_status_before_anything_is_registered(serving: ServingWorld) -> None:
    serving.sagemaker.packages = []
    serving.sagemaker.endpoint = None
    serving.cloudformation.parameters = {
        "ChampionModelPackageArn": "none",
        "MonitorEngine": "model-monitor",
    }
    serving.world.ssm.parameters[serving.world.target.settings.parameter("champion")] = "none"
    seen = look(serving)
    assert seen.deployed is None
    hold("status_nothing.txt", drawn(status_view.document(seen, now=NOW, width=100)))


def test_without_a_serving_stack_status_says_what_to_deploy(serving: ServingWorld) -> None:
    settings = serving.world.target.settings
    del serving.world.ssm.parameters[settings.parameter("serving")]
    assert "ratchet deploy" in explained(serving)


def test_what_serves_as_wanted_needs_no_words(serving: ServingWorld) -> None:
    serving.sagemaker.packages = [package(1, "Approved")]
    assert explained(serving) == ""


def test_an_older_approved_version_is_told_how_it_could_serve(serving: ServingWorld) -> None:
    serving.sagemaker.packages = [package(2, "Approved"), package(1, "Approved")]
    serving.deploy(2)
    assert "Version 1 is approved too and does not serve" in explained(serving)
    assert "ratchet reject 2" in explained(serving)


def test_an_approved_version_that_is_not_deployed_yet_is_said_to_come(
    serving: ServingWorld,
) -> None:
    serving.sagemaker.packages[0]["ModelApprovalStatus"] = "Approved"
    assert "Version 3 should serve and is not deployed yet" in explained(serving)


def test_a_failed_deployment_says_why_and_how_to_try_again(serving: ServingWorld) -> None:
    failed = datetime(2013, 4, 2, 12, tzinfo=UTC)
    mark = {"ratchet-deployment": f"failed {failed:%Y-%m-%dT%H:%M:%SZ}: alarm 5xx went off"}
    serving.sagemaker.packages[0] = package(
        3, "Approved", metadata=mark, LastModifiedTime=failed + timedelta(seconds=2)
    )
    seen = look(serving)
    assert seen.version_to_serve is not None
    assert seen.version_to_serve.version == 1
    assert seen.highest_approved is not None
    assert seen.highest_approved.version == 3
    assert "alarm 5xx went off" in explained(serving)
    assert "ratchet approve 3" in explained(serving)
    text = drawn(status_view.document(seen, now=NOW, width=100))
    assert "version 1, the highest approved whose deployment has not failed" in text


@pytest.mark.parametrize(
    ("setting", "words"), [("keep", "Version 1 goes on serving"), ("take-down", "is taken down")]
)
def test_when_no_version_is_approved_any_more_the_setting_is_named(
    serving: ServingWorld, setting: str, words: str
) -> None:
    serving.sagemaker.packages[2]["ModelApprovalStatus"] = "Rejected"
    seen = replace(look(serving), when_none_left=setting)
    assert words in explanations(seen)[0]
    assert f'"{setting}"' in explanations(seen)[0]


def test_an_endpoint_that_sagemaker_rolled_back_is_told_from_one_that_serves(
    serving: ServingWorld,
) -> None:
    serving.sagemaker.packages = [package(2, "Approved"), package(1, "Approved")]
    serving.deploy(2)
    serving.sagemaker.serve(1)
    assert not look(serving).settled
    assert "SageMaker has rolled the update back" in explained(serving)


def test_a_version_above_what_is_wanted_waits_for_approval(serving: ServingWorld) -> None:
    assert "Version 3 waits for approval: ratchet approve 3" in explained(serving)
    serving.sagemaker.packages[0] = package(4, "Approved")
    serving.sagemaker.packages[1] = package(3, "PendingManualApproval")
    assert "waits for approval" not in explained(serving)


JUDGED = {"champion-version": "1"}


@pytest.mark.parametrize(
    ("waiting", "proposed"),
    [
        ({2: "1"}, "Version 2 waits for approval: ratchet approve 2"),
        ({3: "none", 2: "1"}, "Version 2 waits for approval: ratchet approve 2"),
        ({3: "1", 2: "1"}, "Version 3 waits for approval: ratchet approve 3"),
        ({2: "none"}, "It was judged against no champion, and not against version 1. "),
        ({3: "2"}, "It was judged against version 2, and not against version 1. "),
        ({3: ""}, "No run judged it against version 1. "),
    ],
)
def test_only_what_was_judged_against_the_champion_of_today_is_proposed(
    serving: ServingWorld, waiting: dict[int, str], proposed: str
) -> None:
    serving.sagemaker.packages = [
        *(
            package(
                number,
                "PendingManualApproval",
                metadata={"champion-version": champion} if champion else {},
            )
            for number, champion in waiting.items()
        ),
        package(1, "Approved"),
    ]
    assert proposed in explained(serving)
    assert ("To train and judge a candidate now: ratchet run training" in explained(serving)) == (
        "judged" in proposed
    )


def test_after_the_rejection_of_all_versions_a_candidate_of_theirs_is_not_proposed(
    serving: ServingWorld,
) -> None:
    serving.sagemaker.packages = [
        package(3, "PendingManualApproval", metadata={"champion-version": "1"}),
        package(1, "Rejected"),
    ]
    parameter = serving.world.target.settings.parameter("champion")
    serving.world.ssm.parameters[parameter] = "none"
    assert "judged against version 1, which does not serve any more" in explained(serving)


def test_a_version_that_sagemaker_could_not_complete_is_neither_wanted_nor_proposed(
    serving: ServingWorld,
) -> None:
    failed: dict[str, Any] = {"ModelPackageStatus": "Failed"}
    serving.sagemaker.packages = [
        package(4, "PendingManualApproval", metadata=JUDGED, **failed),
        package(3, "Approved", **failed),
        package(1, "Approved"),
    ]
    text = drawn(status_view.document(look(serving), now=NOW, width=100))
    assert "version 1, the highest approved\n" in text
    assert "Version 3 is approved and cannot serve" in explained(serving)
    assert "Version 4" not in explained(serving)


def test_of_versions_with_one_baseline_the_one_that_serves_is_named(serving: ServingWorld) -> None:
    shared = package(1, "Approved")["DriftCheckBaselines"]
    serving.sagemaker.packages = [
        package(number, "Rejected" if number > 2 else "Approved", DriftCheckBaselines=shared)
        for number in (3, 2, 1)
    ]
    for champion, named in ((2, 2), (1, 1), (7, 1)):
        serving.deploy(champion)
        serving.cloudformation.parameters["BaselineUri"] = "s3://artifacts/baselines/1"
        text = drawn(status_view.document(look(serving), now=NOW, width=100))
        assert f"against the baseline of version {named}\n" in text


def test_status_prints_json_for_scripts(type_serving: Type, serving: ServingWorld) -> None:
    seen: dict[str, Any] = json.loads(type_serving("status", "--json").stdout)
    assert seen["deployed"]["version"] == seen["wanted"] == seen["endpoint"]["version"] == 1
    assert seen["settled"] is True
    assert seen["alarms"]["drift"]["state"] == "OK"
    assert seen["stack"]["parameters"]["BaselineUri"] == "s3://artifacts/baselines/1"
    assert len(seen["explanations"]) == 1


def test_following_ends_when_what_is_wanted_serves(
    type_serving: Type, serving: ServingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.sagemaker.packages[0]["ModelApprovalStatus"] = "Approved"
    serving.cloudformation.status = "UPDATE_IN_PROGRESS"

    def end(_: float) -> None:
        serving.cloudformation.status = "UPDATE_COMPLETE"
        serving.deploy(3)

    monkeypatch.setattr("ratchet.cli.commands.status.time.sleep", end)
    result = type_serving("status", "--follow")
    assert result.exit_code == 0
    assert "version 3 on flights-dev InService" in result.stdout


def test_following_a_deployment_that_fails_is_an_exit_status_of_1(
    type_serving: Type, serving: ServingWorld
) -> None:
    mark = {"ratchet-deployment": "failed 2013-04-02T12:00:00Z: it crashed"}
    serving.sagemaker.packages[0] = package(3, "Approved", metadata=mark)
    result = type_serving("status", "--follow")
    assert result.exit_code == 1
    assert "it crashed" in result.stdout


WEEKLY = {
    "ScheduleExpression": "cron(0 6 ? * MON *)",
    "ScheduleExpressionTimezone": "Europe/Berlin",
    "State": "ENABLED",
    "CreationDate": START,
}


def test_status_shows_the_next_scheduled_runs_and_which_schedules_are_off(
    serving: ServingWorld,
) -> None:
    serving.scheduler.schedules = {
        "flights-dev-training": WEEKLY,
        "flights-dev-evaluation": {**WEEKLY, "State": "DISABLED"},
    }
    shown = drawn(status_view.document(look(serving), now=NOW, width=100))
    expected = timetable.parse("cron(0 6 ? * MON *)").next_after(
        NOW, zone=ZoneInfo("Europe/Berlin"), made=START
    )
    assert expected is not None
    local = expected.astimezone(ZoneInfo("Europe/Berlin"))
    assert f"{local:%a %Y-%m-%d} 06:00 cron(0 6 ? * MON *) Europe/Berlin" in shown
    assert "the schedule is off cron(0 6 ? * MON *) Europe/Berlin" in shown


def test_a_schedule_whose_last_time_is_over_says_so(serving: ServingWorld) -> None:
    once = {**WEEKLY, "ScheduleExpression": "at(2013-01-01T06:00:00)"}
    serving.scheduler.schedules = {"flights-dev-training": once}
    shown = drawn(status_view.document(look(serving), now=NOW, width=100))
    assert "no more at(2013-01-01T06:00:00) Europe/Berlin" in shown


def test_the_schedules_stand_in_the_json_too(serving: ServingWorld) -> None:
    serving.scheduler.schedules = {"flights-dev-training": WEEKLY}
    (schedule,) = status_view.as_document(look(serving), now=NOW)["schedules"]
    assert (schedule["pipeline"], schedule["on"]) == ("training", True)
    assert schedule["next"].endswith(("T06:00:00+01:00", "T06:00:00+02:00"))
