"""Whole commands, typed as a person types them, against a deployment in memory."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.deployment.target import environment as targets
from ratchet.settings.schema import Settings
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import FACTS, FakeRun, World, deploy_source, world_of


def test_every_command_says_on_stderr_where_it_goes(type_: Type, passed: FakeRun) -> None:
    result = type_("runs", "--local")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "dev on the local cloud · account 000000000000 · us-east-1 · http://127.0.0.1:4566"
    )
    assert "registered version 1" in result.stdout
    assert "account" not in result.stdout


def test_runs_and_show_print_json_for_scripts(type_: Type, passed: FakeRun) -> None:
    listed = json.loads(type_("runs", "--json").stdout)
    assert [(run["id"], run["status"]) for run in listed] == [(passed.id, "Succeeded")]
    shown = json.loads(type_("show", "latest", "--json").stdout)
    assert shown["models"][0]["version"] == 1
    assert shown["gates"][0]["passed"] is True
    assert shown["reports"]["evaluate.evaluation"]["rows"] == 27004
    prepare = shown["steps"][0]
    assert (prepare["name"], prepare["cached_from"]) == ("prepare", "earlier12345")


def test_show_of_a_failed_run_points_at_the_log(type_: Type, halted: FakeRun) -> None:
    result = type_("show", halted.id)
    assert result.exit_code == 0, "showing a failed run is no failure"
    assert "0.7103" in result.stdout
    assert f"ratchet logs {halted.id}" in result.stderr


def test_an_unknown_run_is_an_error_without_a_trace(type_: Type, passed: FakeRun) -> None:
    result = type_("show", "abcdef12345x")
    assert result.exit_code == 1
    assert "error no run 'abcdef12345x'" in result.stderr
    assert "did you mean abcdef123456?" in result.stderr
    assert "Traceback" not in result.output


def test_not_deployed_says_what_to_type(type_: Type, world: World) -> None:
    world.ssm.parameters.clear()
    world.sagemaker.pipelines.clear()
    for words in (["land", "x"], ["run", "training"], ["runs"], ["show"], ["logs"]):
        result = type_(*words)
        assert result.exit_code == 1
        assert "ratchet deploy --local" in result.stderr.replace("\n", " ")


def test_the_debug_variable_lets_the_trace_through(
    type_: Type, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_DEBUG", "1")
    assert "no runs" in str(type_("show").exception)


def test_land_says_what_was_new_and_what_follows(type_: Type, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "2013-01"
    folder.mkdir()
    (folder / "flights.csv").write_text("a\n")
    first = type_("land", str(folder))
    assert "new      s3://data/raw/2013-01/flights.csv  2 B" in first.stdout
    assert "1 file, 2 B: 1 new, 0 changed, 0 already there" in first.stdout
    assert "A run starts once nothing has landed for 60 s" in first.stderr
    second = type_("land", str(folder))
    assert "0 new, 0 changed, 1 already there" in second.stdout
    assert "A run starts" not in second.stderr
    assert world.s3.puts == ["raw/2013-01/flights.csv"]


def test_land_of_a_missing_file_is_refused_before_anything_is_put(
    type_: Type, world: World, tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("a")
    result = type_("land", str(tmp_path / "there.csv"), str(tmp_path / "not-there.csv"))
    assert result.exit_code == 1
    assert "no such file or folder" in result.stderr
    assert not world.s3.puts


def test_stop_stops_a_run_and_refuses_one_that_has_ended(
    type_: Type, world: World, running: FakeRun, passed: FakeRun
) -> None:
    assert type_("stop", running.id).exit_code == 0
    assert world.sagemaker.stopped == [running.arn]
    again = type_("stop", passed.id)
    assert again.exit_code == 1
    assert "has ended already: Succeeded" in again.stderr


def test_a_bad_parameter_is_refused_before_anything_is_touched(type_: Type, world: World) -> None:
    result = type_("run", "training", "-p", "MaxRegression")
    assert result.exit_code == 2
    assert "not of the form Name=value" in result.stderr
    assert not world.sagemaker.started


def test_an_unknown_pipeline_is_answered_with_those_there_are(type_: Type) -> None:
    result = type_("run", "trainin")
    assert result.exit_code == 1
    assert "no pipeline 'trainin'; did you mean training?" in result.stderr


def test_a_protected_environment_on_aws_is_not_changed_by_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(replace(settings, protected=True), folder=None)
    world.ssm.parameters[settings.parameter("training")] = json.dumps(FACTS)

    def opened(**_: Any) -> targets.Target:
        return world.target

    monkeypatch.setattr(targets, "open_target", opened)
    result = CliRunner().invoke(app, ["run", "training", "--yes"])
    assert result.exit_code == 1
    assert "dev is protected" in result.stderr
    assert "ratchet run training --as-deployed" in result.stderr
    assert not world.sagemaker.started
    assert not world.sagemaker.updated


def test_run_as_deployed_starts_on_the_newest_snapshot_and_changes_nothing(
    type_: Type, world: World
) -> None:
    for digest, name in (("a" * 64, "2013-01-" + "a" * 12), ("b" * 64, "2013-02-" + "b" * 12)):
        folder = f"manifests/{digest}"
        world.s3.objects["artifacts", f"{folder}/manifest.json"] = b"[]"
        record = json.dumps({"display_name": name}).encode()
        world.s3.objects["artifacts", f"{folder}/execution.json"] = record
    result = type_("run", "training", "--as-deployed", "--no-follow")
    assert result.exit_code == 0, result.output
    assert result.stdout == "startedbyhnd\n"
    (started,) = world.sagemaker.started
    assert started["PipelineParameters"] == [
        {"Name": "InputManifest", "Value": f"s3://artifacts/manifests/{'b' * 64}/manifest.json"}
    ]
    assert started["PipelineExecutionDisplayName"].startswith("2013-02-by-hand-")
    assert len(started["ClientRequestToken"]) >= 32
    assert not world.sagemaker.updated


def test_run_without_landed_data_says_how_to_get_some(type_: Type) -> None:
    result = type_("run", "training", "--as-deployed")
    assert result.exit_code == 1
    assert "no landed data has been run yet" in result.stderr
    assert "ratchet land" in result.stderr


def test_a_run_that_failed_is_retried(type_: Type, halted: FakeRun) -> None:
    result = type_("retry", halted.id, "--no-follow")
    assert result.exit_code == 0
    assert halted.status == "Executing"
    assert f"Retrying {halted.name} ({halted.id})" in result.stdout
    assert f"ratchet show {halted.id} --follow" in result.stderr


def test_a_run_that_succeeded_is_not_retried(type_: Type, passed: FakeRun) -> None:
    result = type_("retry", passed.id)
    assert result.exit_code == 1
    assert "is Succeeded; only a run that is Failed or Stopped" in result.stderr
    assert f"ratchet show {passed.id}" in result.stderr


def test_selected_steps_run_with_the_data_of_the_newest_run(
    type_: Type, world: World, passed: FakeRun
) -> None:
    manifest = "s3://artifacts/manifests/9f86/manifest.json"
    passed.parameters = {"InputManifest": manifest, "Gone": "since renamed"}
    deploy_source(world)
    result = type_("run", "training", "--step", "evaluate", "--no-follow")
    assert result.exit_code == 0, result.stderr
    assert f"only evaluate; the others as in {passed.name} ({passed.id})" in result.stderr
    started = world.sagemaker.started[-1]
    assert started["SelectiveExecutionConfig"] == {
        "SelectedSteps": [{"StepName": "evaluate"}],
        "SourcePipelineExecutionArn": passed.arn,
    }
    values = {item["Name"]: item["Value"] for item in started["PipelineParameters"]}
    assert values["InputManifest"] == manifest
    assert "Gone" not in values


def test_from_without_steps_is_a_mistake_of_the_command_line(type_: Type, passed: FakeRun) -> None:
    result = type_("run", "training", "--from", passed.id)
    assert result.exit_code == 2
    assert "--step" in result.stderr
