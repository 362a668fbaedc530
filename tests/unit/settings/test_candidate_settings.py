"""What may leave for a foundation model stands in the settings: nothing does by itself."""

from __future__ import annotations

import pytest

from ratchet.settings import loading
from ratchet.settings.candidates import CandidateSettings, unknown_columns
from ratchet.settings.schema import SettingsError
from tests.projects import REQUIRED
from tests.unit.settings.conftest import Write


def loaded(write: Write, lines: str, *, model: str = "") -> CandidateSettings:
    config = write(REQUIRED, **{"flights/base.toml": f"{model}\n[candidates]\n{lines}\n"})
    return loading.load(config, environment="dev", model="flights").candidates


def test_without_a_word_on_candidates_no_column_may_leave(write: Write) -> None:
    settings = loaded(write, "")
    assert settings.columns == ()
    assert settings.limit_usd == 1


def test_without_a_word_on_regions_rows_stay_in_the_environments_own() -> None:
    assert CandidateSettings().allowed_regions("eu-west-1") == {"eu-west-1"}
    named = CandidateSettings(regions=("eu-west-3", "eu-central-1"))
    assert named.allowed_regions("eu-west-1") == {"eu-west-3", "eu-central-1"}


def test_the_prompt_lies_in_the_models_folder_unless_another_file_is_named() -> None:
    assert CandidateSettings().prompt_file("flights") == "config/flights/prompt.txt"
    assert CandidateSettings(prompt="prompts/short.txt").prompt_file("x") == "prompts/short.txt"


def test_requests_are_spread_over_the_minute() -> None:
    assert CandidateSettings(requests_per_minute=120).seconds_between_requests == 0.5


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('columns = "carrier"', 'candidates.columns = "carrier"; expected a list'),
        ('columns = ["carrier", "carrier"]', "expected at most 200 columns, each once"),
        ('columns = ["a,b"]', "expected the name of a column"),
        ('regions = ["frankfurt"]', 'expected a region such as "us-east-1", or "global"'),
        ('regions = ["eu-west-1", "eu-west-1"]', "expected at most 40 regions, each once"),
        ("limit_usd = 0", "candidates.limit_usd = 0; expected a number from 0.01 to 100000"),
        ("limit_usd = -1", "candidates.limit_usd = -1; expected a number from"),
        ("limit_usd = inf", "candidates.limit_usd = inf; expected a number from"),
        ("rows = 0", "candidates.rows = 0; expected a number from 1 to 100000"),
        ("rows = 20.5", "candidates.rows = 20.5; expected a whole number"),
        ('prompt = "/etc/passwd"', "expected a file below the project's folder"),
        ('prompt = "../other/prompt.txt"', "expected a file below the project's folder"),
        ("requests_per_minute = 0", "candidates.requests_per_minute = 0; expected a number from 1"),
        ("ttl_minutes = 1", "candidates.ttl_minutes = 1; expected a number from 5 to 1440"),
        ("limit = 5", "did you mean candidates.limit_usd?"),
        ("column = []", "did you mean candidates.columns?"),
    ],
)
def test_a_mistake_names_the_key_the_value_and_what_is_expected(
    write: Write, line: str, words: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(write, line)
    assert words in str(refused.value)
    assert "config/flights/base.toml: " in str(refused.value)


def test_the_label_and_the_weights_never_leave(write: Write) -> None:
    with pytest.raises(SettingsError, match='"delayed" is the label'):
        loaded(write, 'columns = ["carrier", "delayed"]', model='[model]\nlabel = "delayed"')
    weighted = '[model]\nlabel = "delayed"\nweights = "seats"'
    with pytest.raises(SettingsError, match='"seats" is the column of weights'):
        loaded(write, 'columns = ["seats"]', model=weighted)


def test_a_column_that_the_eval_slice_has_not_is_named_with_the_nearest_one() -> None:
    settings = CandidateSettings(columns=("carrier", "distanc"))
    assert list(unknown_columns(settings, ["carrier", "distance", "late"])) == [
        'candidates.columns: "distanc" is no column of the eval slice, which has '
        "carrier, distance, late; did you mean distance?"
    ]
    assert not list(unknown_columns(CandidateSettings(columns=("carrier",)), ["carrier"]))
