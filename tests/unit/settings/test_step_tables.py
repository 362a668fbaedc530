"""A table for a step of any name, in any layer, and its mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ratchet.settings import loading
from ratchet.settings.schema import Settings, SettingsError
from tests.projects import REQUIRED
from tests.unit.settings.conftest import Write

LAYERS = ("base.toml", "dev.toml", "flights/base.toml", "flights/dev.toml")
NETWORK = 'subnets = ["subnet-0123456789abcdef0"]\nsecurity_groups = ["sg-0123456789abcdef0"]\n'


def load(config: Path) -> Settings:
    return loading.load(config, environment="dev", model="flights")


def with_layer(write: Write, file: str, text: str) -> Path:
    files: dict[str, Any] = {"base.toml": REQUIRED, "dev.toml": "", "flights/dev.toml": ""}
    files[file] = files.get(file, "") + text
    return write(files.pop("dev.toml"), **files)


def test_a_step_of_any_name_has_a_table(write: Write) -> None:
    text = f'[steps.features]\nimage_uri = "{"1" * 12}.dkr.ecr.eu-west-1.amazonaws.com/own:1"\n'
    settings = load(with_layer(write, "dev.toml", text + NETWORK))
    step = settings.step("features")
    assert step.image_uri is not None
    assert step.subnets == ("subnet-0123456789abcdef0",)
    assert step.said == {"image_uri", "subnets", "security_groups"}
    assert settings.step("prepare").said == frozenset()


def test_the_variables_of_a_step_are_merged_layer_by_layer(write: Write) -> None:
    config = write(
        '[steps.train.environment]\nSEED = "1"\n',
        **{
            "base.toml": REQUIRED + '[steps.train.environment]\nDEPTH = "3"\nSEED = "0"\n',
        },
    )
    assert dict(load(config).step("train").environment) == {"DEPTH": "3", "SEED": "1"}


MISTAKES = [
    ("volume_bg = 5", "steps.features.volume_bg = 5: there is no such key; did you mean steps."),
    ("endpoint = 5", "steps.features.endpoint = 5: there is no such key"),
    ("volume_gb = 0", "steps.features.volume_gb = 0; expected a number from 1 to 16384"),
    ('image_uri = "python:3"', 'steps.features.image_uri = "python:3"; expected an image in ECR'),
    ("environment = 5", "steps.features.environment = 5; expected a table, written [steps."),
    ("environment = { A = 1 }", "steps.features.environment.A = 1; expected a string"),
    ('environment = { "a-b" = "1" }', "expected names of letters, digits and underscores"),
    ('subnets = ["vpc-1"]', 'steps.features.subnets[0] = "vpc-1"; expected such as "subnet-'),
    (NETWORK.splitlines()[0], "steps.features.subnets without steps.features.security_groups"),
    (NETWORK.splitlines()[1], "steps.features.security_groups without steps.features.subnets"),
    ("spot = true\nkeep_alive_seconds = 60", "spot instances cannot be kept"),
]


@pytest.mark.parametrize("file", LAYERS)
@pytest.mark.parametrize(("lines", "words"), MISTAKES)
def test_a_mistake_in_a_steps_table_names_the_layer_that_says_it(
    write: Write, file: str, lines: str, words: str
) -> None:
    config = with_layer(write, file, f"[steps.features]\n{lines}\n")
    with pytest.raises(SettingsError) as refused:
        load(config)
    message = str(refused.value)
    assert message.startswith(f"config/{file}: ")
    assert words in message


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("[triger]\nwindow = 1", "[triger]: there is no such table; did you mean trigger?"),
        ('email = "a@b.c"', "there is no such key; did you mean notifications.email?"),
        ("instance_type = 5", "did you mean steps.<name>.instance_type or endpoint.instance_type"),
        ("[monitor.compute]\nspot = true", "monitor.compute.spot = true: there is no such key"),
        ("local = true", "local = true: there is no such key"),
        ('environment = "dev"', "there is no such key; did you mean steps.<name>.environment?"),
    ],
)
def test_a_key_in_the_wrong_place_is_refused_with_the_right_one(
    write: Write, lines: str, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(with_layer(write, "dev.toml", f"{lines}\n"))
    assert str(refused.value).startswith("config/dev.toml: ")
    assert words in str(refused.value)


def test_an_environment_that_is_not_there_is_refused_with_the_nearest(write: Write) -> None:
    with pytest.raises(SettingsError, match=r"'prd' is no environment of .*; did you mean prod"):
        loading.load(write("", "prod"), environment="prd", model="flights")
