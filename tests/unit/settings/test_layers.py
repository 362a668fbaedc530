"""Settings lie in layers: a later file wins key by key, and a message names the one that counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ratchet.settings import loading
from ratchet.settings.schema import Settings, SettingsError
from tests.projects import REQUIRED

LAYERS = ("base.toml", "dev.toml", "flights/base.toml", "flights/dev.toml")
"""The lowest first."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of a project with two environments and two models."""
    config = tmp_path / "config"
    files = {
        "base.toml": REQUIRED,
        "dev.toml": "",
        "prod.toml": "",
        "flights/base.toml": "",
        "hotels/base.toml": "",
    }
    return lay(config, files)


def lay(config: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (config / name).parent.mkdir(parents=True, exist_ok=True)
        (config / name).write_text(text, encoding="utf-8")
    return config


def load(config: Path, environment: str = "dev", model: str = "flights") -> Settings:
    return loading.load(config, environment=environment, model=model)


def refusal(config: Path, environment: str = "dev", model: str = "flights") -> str:
    with pytest.raises(SettingsError) as refused:
        load(config, environment, model)
    return str(refused.value)


@pytest.mark.parametrize("highest", range(1, len(LAYERS) + 1))
def test_the_highest_file_that_says_a_key_wins(config: Path, highest: int) -> None:
    said = {file: f"experiment = 'of-{n}'\n" for n, file in enumerate(LAYERS[:highest], start=1)}
    lay(config, {**said, "base.toml": said["base.toml"] + REQUIRED})
    assert load(config).experiment == f"of-{highest}"


def test_tables_are_merged_key_by_key_at_every_depth(config: Path) -> None:
    lay(
        config,
        {
            "base.toml": REQUIRED + "[endpoint]\nmax_4xx = 7\nmax_5xx = 7",
            "dev.toml": "[endpoint]\nmax_4xx = 9\n[steps.train]\nvolume_gb = 50",
            "flights/base.toml": "[steps.train]\ninstance_count = 2\n[steps.prepare]\nspot = true",
            "flights/dev.toml": "[monitor.compute]\nvolume_gb = 8",
        },
    )
    settings = load(config)
    assert (settings.endpoint.max_4xx, settings.endpoint.max_5xx) == (9, 7)
    train = settings.step("train")
    assert (train.volume_gb, train.instance_count, train.spot) == (50, 2, False)
    assert settings.step("prepare").spot
    assert settings.monitor.compute.volume_gb == 8


def test_a_list_takes_the_place_of_the_list_below_it(config: Path) -> None:
    lay(
        config,
        {
            "dev.toml": '[monitor]\nexclude = ["label", "month"]',
            "flights/base.toml": '[monitor]\nexclude = ["year"]',
        },
    )
    assert load(config).monitor.exclude == ("year",)


def test_what_a_file_says_of_one_environment_or_model_holds_for_no_other(config: Path) -> None:
    lay(
        config,
        {
            "base.toml": REQUIRED + "experiment = 'all'",
            "prod.toml": "protected = true",
            "flights/base.toml": "[hyperparameters]\ndepth = 6",
            "flights/prod.toml": "[hyperparameters]\ndepth = 9",
        },
    )
    depths = {
        (environment, model): dict(load(config, environment, model).hyperparameters)
        for environment in ("dev", "prod")
        for model in ("flights", "hotels")
    }
    assert depths == {
        ("dev", "flights"): {"depth": 6},
        ("prod", "flights"): {"depth": 9},
        ("dev", "hotels"): {},
        ("prod", "hotels"): {},
    }
    assert [load(config, name, "hotels").protected for name in ("dev", "prod")] == [False, True]


def test_a_models_own_file_of_an_environment_makes_no_environment(config: Path) -> None:
    lay(config, {"flights/staging.toml": ""})
    assert loading.environments(config) == ["dev", "prod"]
    assert "'staging' is no environment" in refusal(config, "staging")


def test_base_is_no_environment_and_a_folder_without_it_no_model(config: Path) -> None:
    lay(config, {"drafts/dev.toml": ""})
    assert loading.models(config) == ["flights", "hotels"]
    assert "'base' is no environment" in refusal(config, "base")
    message = refusal(config, model="drafts")
    assert "'drafts' is no model" in message
    assert "flights, hotels" in message
    assert "config/drafts/base.toml" in message


def test_a_project_may_do_without_a_file_for_all(config: Path) -> None:
    (config / "base.toml").unlink()
    lay(config, {"dev.toml": REQUIRED})
    assert load(config).region == "eu-west-1"


@pytest.mark.parametrize("file", LAYERS)
def test_a_mistake_names_the_file_that_says_it(config: Path, file: str) -> None:
    required = REQUIRED if file == "base.toml" else ""
    lay(config, {file: f"{required}[gate]\nmax_regression = -2"})
    assert f"config/{file}: gate.max_regression = -2; expected" in refusal(config)


def test_a_mistake_that_a_higher_file_mends_is_none(config: Path) -> None:
    lay(config, {"dev.toml": "[gate]\nmax_regression = -2"})
    assert "config/dev.toml" in refusal(config)
    lay(config, {"flights/dev.toml": "[gate]\nmax_regression = 0.2"})
    assert load(config).gate.max_regression == 0.2


def test_keys_that_contradict_each_other_name_the_file_of_the_key_that_is_to_change(
    config: Path,
) -> None:
    lay(config, {"dev.toml": "[endpoint]\ninstance_count = 1", "flights/base.toml": "[gate]"})
    assert 'config/dev.toml: endpoint.routing = "canary"' in refusal(config)
    lay(config, {"flights/dev.toml": '[endpoint]\nrouting = "all-at-once"'})
    assert load(config).endpoint.instance_count == 1


def test_a_table_and_a_value_of_one_name_are_refused_where_the_last_is_said(config: Path) -> None:
    lay(config, {"dev.toml": "[gate]\nmax_regression = 0.1", "flights/base.toml": "gate = 5"})
    assert "config/flights/base.toml: gate = 5; expected a table" in refusal(config)
    lay(config, {"flights/base.toml": "", "base.toml": f"gate = 5\n{REQUIRED}"})
    assert load(config).gate.max_regression == 0.1


@pytest.mark.parametrize("name", ["Flights", "my_model", "my-model", "2nd", "m" * 21])
def test_a_models_name_that_nothing_can_be_named_by_is_refused(config: Path, name: str) -> None:
    lay(config, {f"{name}/base.toml": ""})
    message = refusal(config, model=name)
    assert name in message
    assert "expected" in message


def test_a_loop_is_named_by_project_and_model_which_are_said_once_where_equal(config: Path) -> None:
    assert load(config).prefix == "flights-dev"
    hotels = load(config, model="hotels")
    assert hotels.prefix == "flights-hotels-dev"
    assert hotels.parameter("champion") == "/flights-hotels/dev/champion"
    assert hotels.tags["model"] == "hotels"
    assert hotels.tags["project"] == "flights"


def test_a_file_that_is_saved_with_a_byte_order_mark_is_read(config: Path) -> None:
    (config / "dev.toml").write_text('owner = "data"', encoding="utf-8-sig")
    assert load(config).owner == "data"
