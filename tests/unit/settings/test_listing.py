"""Settings are listed with the file that says each, in a form that a file takes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ratchet.cli.views import settings_view
from ratchet.settings.listing import SettingValue, listed
from ratchet.settings.schema import Settings, SettingsError
from ratchet.settings.toml_reader import keys_of
from tests.projects import REQUIRED

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/a-rather-long-name-of-a-repository:1"
FILES = {
    "base.toml": REQUIRED + "[trigger]\nsettle_seconds = 60\nenabled = true\n",
    "dev.toml": "[trigger]\nsettle_seconds = 5\n",
    "prod.toml": "",
    "flights/base.toml": f'[hyperparameters]\neta = 0.1\n[steps.train]\nimage_uri = "{IMAGE}"\n'
    '[steps.train.environment]\nDEPTH = "3"\n',
    "flights/dev.toml": "[trigger]\nsettle_seconds = 1\n",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "config" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / name).write_text(text)
    return tmp_path / "config"


def values(config: Path, key: str = "", environment: str = "dev", **options: Any) -> Any:
    every = listed(config, environment=environment, model="flights", key=key, **options)
    return {each.key: each for each in every}


def test_what_files_say_is_listed_with_the_file_that_counts(config: Path) -> None:
    every = values(config)
    assert every["trigger.settle_seconds"].value == 1
    assert every["trigger.settle_seconds"].file == "config/flights/dev.toml"
    assert every["trigger.enabled"].file == "config/base.toml"
    assert every["steps.train.environment.DEPTH"].value == "3"
    assert "trigger.schedule" not in every
    in_prod = values(config, environment="prod")
    assert in_prod["trigger.settle_seconds"].file == "config/base.toml"


def test_a_value_says_what_it_lies_over_the_highest_first(config: Path) -> None:
    (value,) = values(config, "trigger.settle_seconds").values()
    assert value.beneath == (("config/dev.toml", 5), ("config/base.toml", 60))


def test_with_defaults_every_key_of_the_schema_is_there(config: Path) -> None:
    every = values(config, defaults=True)
    for key in keys_of(Settings):
        name = key.name.replace("<name>", "train")
        assert any(said == name or said.startswith(f"{name}.") for said in every), name
    assert every["endpoint.instance_count"].file is None
    assert every["endpoint.instance_count"].value == 2


def test_a_table_is_listed_whole(config: Path) -> None:
    assert set(values(config, "steps")) == set(values(config, "steps.train"))
    assert values(config, "steps.train")["steps.train.volume_gb"].value == 30


def test_a_step_that_no_file_names_is_listed_where_there_is_one(config: Path) -> None:
    every = values(config, "steps.prepare.volume_gb", steps=lambda: ["prepare", "train"])
    assert every["steps.prepare.volume_gb"].value == 30


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("endpont", "did you mean endpoint?"),
        ("endpoint.instance_typ", "did you mean endpoint.instance_type?"),
        ("instance_type", "did you mean steps.train.instance_type or endpoint.instance_type"),
        ("steps.trian", "did you mean steps.train?"),
        ("zzzzzz", "tables: candidates, costs, data, endpoint"),
    ],
)
def test_a_wrong_key_is_refused_with_the_nearest(config: Path, key: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"no key or table '{key}'") as refused:
        values(config, key)
    assert words in str(refused.value)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_list_is_a_file_that_says_the_same_at_any_width(config: Path, width: int) -> None:
    every = list(values(config).values())
    lines = [line.plain for line in settings_view.lines(every, width=width)]
    table = tomllib.loads("\n".join(lines))
    assert table["trigger"] == {"settle_seconds": 1, "enabled": True}
    assert table["steps"]["train"] == {"image_uri": IMAGE, "environment": {"DEPTH": "3"}}
    assert table["hyperparameters"] == {"eta": 0.1}
    # Only a value alone may be longer.
    assert {line for line in lines if len(line) > width} <= {f'image_uri = "{IMAGE}"'}


def test_who_says_a_value_stands_behind_it_or_before_it_where_there_is_no_room() -> None:
    short = SettingValue(key="eta", value=0.1, file="config/dev.toml")
    long = SettingValue(key="image_uri", value=IMAGE, file=None)
    lines = [line.plain for line in settings_view.lines([short, long], width=60)]
    assert lines == ["eta = 0.1  # config/dev.toml", "# default", f'image_uri = "{IMAGE}"']


def test_json_has_null_for_the_file_of_a_default_and_what_is_beneath(config: Path) -> None:
    (settle,) = settings_view.data(list(values(config, "trigger.settle_seconds").values()))
    assert settle["beneath"][0] == {"file": "config/dev.toml", "value": 5}
    (region,) = settings_view.data(list(values(config, "gate.unscorable_champion").values()))
    assert (region["file"], region["value"]) == (None, "halt")
