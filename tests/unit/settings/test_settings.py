"""Settings: what the files say is what the app gets, and a mistake is said in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ratchet.project import find
from ratchet.settings import loading
from ratchet.settings.schema import Settings, SettingsError
from tests.projects import REQUIRED
from tests.unit.settings.conftest import Write


def load(config: Path, environment: str = "dev") -> Settings:
    return loading.load(config, environment=environment, model="flights")


def refusal(config: Path, environment: str = "dev") -> str:
    with pytest.raises(SettingsError) as refused:
        load(config, environment)
    return str(refused.value)


def test_every_environment_of_the_project_loads() -> None:
    project = find(Path(__file__))
    assert project.environments == ["dev", "prod", "staging"]
    loaded = [project.settings(environment) for environment in project.environments]
    assert {settings.project for settings in loaded} == {"flights"}
    assert [s.environment for s in loaded if s.protected] == ["prod"]


def test_what_a_file_does_not_say_has_a_default(write: Write) -> None:
    settings = load(write(REQUIRED))
    assert settings.environment == "dev"
    assert settings.account is None
    assert settings.approval == "manual"
    assert settings.data.prefix == "raw/"
    assert settings.step("train").instance_type == "ml.m5.large"
    assert settings.retention.on_delete == "retain"


def test_names_derive_from_project_and_environment(write: Write) -> None:
    settings = load(write(REQUIRED))
    assert settings.prefix == "flights-dev"
    assert settings.pipeline_name("training") == "flights-dev-training"
    assert settings.model_package_group == "flights-dev"
    assert settings.parameter("champion") == "/flights/dev/champion"
    assert settings.endpoint_name == "flights-dev"
    assert settings.alarm_name("drift") == "flights-dev-drift"
    assert settings.schedule_name("data-quality") == "flights-dev-data-quality"
    assert settings.tags == {
        "project": "flights",
        "model": "flights",
        "environment": "dev",
        "owner": "ml-platform",
        "cost-center": "ml-0001",
    }


def test_settings_cannot_be_changed(write: Write) -> None:
    settings = load(write(REQUIRED + "[hyperparameters]\neta = 0.1"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.gate.max_regression = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.hyperparameters["eta"] = 0.2  # type: ignore[index]


def test_hyperparameters_keep_their_names_and_types(write: Write) -> None:
    text = REQUIRED + '[hyperparameters]\nmax_depth = 6\neta = 0.1\nobjective = "binary:logistic"'
    assert dict(load(write(text)).hyperparameters) == {
        "max_depth": 6,
        "eta": 0.1,
        "objective": "binary:logistic",
    }


def test_a_whole_number_is_accepted_where_a_number_is_expected(write: Write) -> None:
    settings = load(write(REQUIRED + "[gate]\nmax_regression = 0"))
    assert settings.gate.max_regression == 0.0
    assert isinstance(settings.gate.max_regression, float)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ('regoin = "eu-west-1"', ['regoin = "eu-west-1"', "did you mean region?"]),
        ("[trigger]\nsettle_second = 5", ["trigger.settle_second = 5", "trigger.settle_seconds?"]),
        ("[steps.train]\nvolume = 5", ["steps.train.volume = 5", "steps.train.volume_gb?"]),
        ("steps.train = 5", ["steps.train = 5", "expected a table, written [steps.train]"]),
        ("zzz = 1", ["zzz = 1", "known keys: account, approval"]),
        ("account = 123456789012", ["account = 123456789012", "expected a string"]),
        ('account = "1234"', ['account = "1234"', "expected twelve digits"]),
        ("protected = 1", ["protected = 1", "expected true or false"]),
        ('approval = "auto"', ['approval = "auto"', '"manual" or "automatic"']),
        ("data = 5", ["data = 5", "expected a table, written [data]"]),
        ("[data]\nwindow = true", ["data.window = true", "expected a whole number"]),
        ("[data]\nwindow = 1.5", ["data.window = 1.5", "expected a whole number"]),
        ("[data]\nwindow = -1", ["data.window = -1", "a number from 0 to 10000"]),
        ('[data]\nprefix = "raw"', ['data.prefix = "raw"', 'a folder such as "raw/"']),
        ('[data]\nprefix = "/raw/"', ["data.prefix", "without a leading slash"]),
        ("[trigger]\nsettle_seconds = 901", ["trigger.settle_seconds = 901", "from 0 to 900"]),
        ('[trigger]\nschedule = "rate(1 hours)"', ["trigger.schedule", "rate(1 hour)"]),
        ('[trigger]\nschedule = "hourly"', ["trigger.schedule", "an EventBridge schedule"]),
        ('[trigger]\nrun_schedule = "hourly"', ["trigger.run_schedule", "cron(0 6 ? * MON *)"]),
        ('[trigger]\ntimezone = "Berlin"', ['timezone = "Berlin"', '"Europe/Berlin" or "UTC"']),
        ('[trigger]\ntimezone = "Europe"', ['timezone = "Europe"', "a time zone"]),
        ('[evaluation]\ntimezone = "../UTC"', ["evaluation.timezone", "a time zone"]),
        ('[evaluation]\nrun_schedule = "rate(1 hours)"', ["evaluation.run_schedule", "a schedule"]),
        (
            '[evaluation]\nprefix = "raw/x/"',
            ["evaluation.prefix", "data.prefix", "two separate folders"],
        ),
        ('[data]\nprefix = "labelled/"', ['data.prefix = "labelled/"', "two separate folders"]),
        ('[steps.train]\ninstance_type = "m5.large"', ["instance_type", '"ml.m5.large"']),
        ("[retention]\nlog_days = 8", ["retention.log_days = 8", "expected 1 or 3 or 5 or 7"]),
        (
            "[notebooks]\npromote_after_days = 0",
            ["notebooks.promote_after_days = 0", "a number from 1 to 3650"],
        ),
        ("[notebooks]\npromote_after_days = 7.5", ["promote_after_days = 7.5", "whole number"]),
        ("[notebooks]\npromote_after = 7", ["promote_after", "promote_after_days"]),
        ("[hyperparameters]\ndeep = [1]", ["hyperparameters.deep = [1]", "a string or a whole"]),
        ('cache_expire_after = "30 days"', ["cache_expire_after", '"P30D"']),
        ('image_uri = "python:3.12"', ["image_uri", "an image in ECR"]),
        ('[notifications]\nemail = "somebody"', ["notifications.email", "an e-mail address"]),
        ('[notifications]\nslack_channel = "#ml"', ["slack_channel", "a channel id"]),
        ('[notifications]\nslack_channel = "C1"', ["slack_workspace and", "need each other"]),
        ('when_none_left = "delete"', ["when_none_left", '"keep" or "take-down"']),
        (
            '[endpoint]\nrouting = "rolling"',
            ["endpoint.routing", '"canary" or "linear" or "all-at'],
        ),
        ("[endpoint]\nstep_percent = 60", ["endpoint.step_percent = 60", "from 10 to 50"]),
        ("[endpoint]\ninstance_count = 1", ['endpoint.routing = "canary"', "at least 2 instances"]),
        ('[monitor]\nengine = "clarify"', ["monitor.engine", '"auto" or "model-monitor"']),
        ('[monitor]\nexclude = "late"', ['monitor.exclude = "late"', "a list, each a string"]),
        ("[monitor]\nexclude = [1]", ["monitor.exclude[0] = 1", "expected a string"]),
        (f'[monitor]\nexclude = ["{"x" * 101}"]', ["monitor.exclude", "at most 100 characters"]),
        ("[monitor]\nschedule_hours = 25", ["monitor.schedule_hours = 25", "from 1 to 24"]),
        ("[feedback]\nfruitless_limit = 0", ["feedback.fruitless_limit = 0", "from 1 to 100"]),
    ],
)
def test_a_mistake_names_file_key_value_and_what_is_expected(
    write: Write, mistake: str, said: list[str]
) -> None:
    message = refusal(write(REQUIRED + mistake))
    assert "\n" not in message
    for part in ["config/dev.toml: ", *said]:
        assert part in message


def test_an_update_that_would_outlast_what_sagemaker_allows_is_refused(write: Write) -> None:
    slow = 'routing = "linear"\nstep_percent = 10\nwait_seconds = 3600'
    assert "all shares together wait for 36120 s" in refusal(write(f"{REQUIRED}[endpoint]\n{slow}"))


def test_one_instance_is_fine_where_all_traffic_moves_at_once(write: Write) -> None:
    alone = '[endpoint]\ninstance_count = 1\nrouting = "all-at-once"'
    assert load(write(REQUIRED + alone)).endpoint.instance_count == 1


def test_model_monitor_is_refused_where_aws_has_no_container_of_it(write: Write) -> None:
    elsewhere = REQUIRED.replace("eu-west-1", "ap-southeast-4") + "[monitor]\nengine = "
    assert 'expected "auto" or "pipeline"' in refusal(write(f'{elsewhere}"model-monitor"'))
    assert load(write(f'{elsewhere}"auto"')).monitor.engine == "auto"


def test_model_monitor_is_refused_for_labels_that_aws_does_not_document(write: Write) -> None:
    words = REQUIRED.replace('problem = "binary"', 'problem = "binary", positive = "yes"')
    assert words != REQUIRED
    message = refusal(write(f'{words}[monitor]\nengine = "model-monitor"'))
    assert "labels 0 and 1 of a binary problem, and not for words such as 'yes'" in message
    assert 'expected "auto" or "pipeline"' in message
    assert load(write(f'{words}[monitor]\nengine = "auto"')).no_model_monitor


def test_a_list_becomes_a_tuple(write: Write) -> None:
    settings = load(write(REQUIRED + '[monitor]\nexclude = ["late", "month"]'))
    assert settings.monitor.exclude == ("late", "month")


def test_a_required_key_that_is_missing_is_named(write: Write) -> None:
    message = refusal(write('project = "flights"\nowner = "x"\ncost_center = "y"'))
    assert "region is missing; expected a string" in message


def test_the_name_of_the_environment_is_the_files_and_no_key(write: Write) -> None:
    assert "there is no such key" in refusal(write(REQUIRED + 'environment = "prod"'))


def test_an_unknown_environment_is_told_which_there_are(write: Write) -> None:
    folder = write(REQUIRED)
    message = refusal(folder, "production")
    assert "'production' is no environment" in message
    assert "dev" in message
    assert "config/production.toml" in message


def test_a_file_that_is_no_toml_says_where(write: Write) -> None:
    assert "line 1" in refusal(write("project = flights"))


@pytest.mark.parametrize("project", ["aws-flights", "ssm-flights", "aws"])
def test_a_project_name_that_systems_manager_keeps_for_itself_is_refused(
    write: Write, project: str
) -> None:
    message = refusal(write(REQUIRED.replace("flights", project)))
    assert f"project = '{project}'" in message or f'project = "{project}"' in message
    assert 'begins with neither "aws" nor "ssm"' in message


@pytest.mark.parametrize("project", ["Flights", "flights_eu", "-flights", "f" * 21, ""])
def test_a_project_name_that_aws_names_cannot_carry_is_refused(write: Write, project: str) -> None:
    assert "project = " in refusal(write(REQUIRED.replace("flights", project)))


@pytest.mark.parametrize("environment", ["Dev", "dev_1", "a" * 21])
def test_a_file_whose_name_cannot_name_a_stack_is_refused(write: Write, environment: str) -> None:
    message = refusal(write(REQUIRED, environment), environment)
    assert "environment" in message
    assert environment in message


def test_the_container_image_is_the_regions_unless_one_is_set(write: Write) -> None:
    own = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own/image:1"
    regional = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    assert load(write(REQUIRED)).image == regional
    assert load(write(REQUIRED + f'image_uri = "{own}"')).image == own


def test_a_region_without_the_image_is_refused_when_settings_load(write: Write) -> None:
    folder = write(REQUIRED.replace("eu-west-1", "xx-north-9"))
    message = refusal(folder)
    assert "there is no sagemaker-xgboost:3.0-5 image in region 'xx-north-9'" in message
    assert "config/dev.toml: " in message


def test_a_field_is_documented_by_its_default_or_required() -> None:
    required = {
        f.name
        for f in dataclasses.fields(Settings)
        if f.default is f.default_factory is dataclasses.MISSING
    }
    assert required == {
        *("environment", "model_name", "project", "region", "owner", "cost_center"),
        "model",
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "spot = true\nmax_wait_seconds = 100",
            "waiting and running together cannot be shorter than steps.train.max_runtime_seconds",
        ),
        ("spot = true\nkeep_alive_seconds = 60", "spot instances cannot be kept"),
    ],
)
def test_settings_of_spot_training_that_contradict_each_other_are_refused(
    write: Write, lines: str, message: str
) -> None:
    assert message in refusal(write(f"{REQUIRED}\n[steps.train]\n{lines}\n"))


def test_each_pipeline_has_an_intake_of_its_own(write: Write) -> None:
    text = '[trigger]\nsettle_seconds = 5\n[evaluation]\nrun_schedule = "rate(1 day)"\nwindow = 3'
    settings = load(write(REQUIRED + text))
    training, evaluation = settings.intake("training"), settings.intake("evaluation")
    assert (training.prefix, training.settle_seconds, training.run_schedule) == ("raw/", 5, "")
    assert (evaluation.prefix, evaluation.window) == ("labelled/", 3)
    assert (evaluation.run_schedule, evaluation.timezone) == ("rate(1 day)", "UTC")
    assert (training.trigger_name, evaluation.trigger_name) == ("trigger", "evaluation-trigger")
    assert (training.drift, evaluation.drift) == (True, False)
