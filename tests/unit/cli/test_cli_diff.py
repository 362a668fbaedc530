"""`ratchet graph` and `ratchet diff`, typed as a person types them."""

import json
from pathlib import Path

from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import PIPELINE, World, deploy_source

GOLDEN = Path(__file__).parents[2] / "definitions" / "training.json"


def test_a_pipeline_is_drawn_from_the_source_without_a_cloud(type_: Type, world: World) -> None:
    world.ssm.parameters.clear()
    result = type_("graph", "training")
    assert result.exit_code == 0
    assert "│ ● champion" in result.stdout
    assert result.stderr == ""


def test_a_picture_goes_into_a_file(type_: Type, tmp_path: Path) -> None:
    picture = tmp_path / "training.svg"
    result = type_("graph", "--file", str(GOLDEN), "--format", "svg", "-o", str(picture))
    assert result.exit_code == 0, result.output
    assert picture.read_text().startswith("<svg ")


def test_a_pipeline_that_is_not_there_is_named(type_: Type) -> None:
    result = type_("graph", "trainin")
    assert result.exit_code == 1
    assert "did you mean training?" in result.stderr


def test_a_file_that_is_no_definition_is_said_in_one_line(type_: Type, tmp_path: Path) -> None:
    for text in ("{", '{"Steps": []}'):
        file = tmp_path / "bad.json"
        file.write_text(text)
        result = type_("graph", "--file", str(file))
        assert result.exit_code == 1
        assert "Traceback" not in result.output
    result = type_("diff", "--base", str(tmp_path / "none.json"))
    assert result.exit_code == 1
    assert "describe-pipeline" in result.stderr


def test_two_files_are_compared_without_a_cloud(type_: Type, tmp_path: Path) -> None:
    after = tmp_path / "after.json"
    after.write_text(GOLDEN.read_text().replace('"P30D"', '"P7D"'))
    words = ["diff", "--base", str(GOLDEN), "--file", str(after)]
    result = type_(*words)
    assert result.exit_code == 0
    assert "CacheConfig.ExpireAfter  P30D → P7D" in result.stdout
    assert type_(*words, "--exit-code").exit_code == 1
    (facts,) = json.loads(type_(*words, "--format", "json").stdout)
    assert facts["differs"] is True
    assert type_(*words, "--format", "markdown").stdout.startswith("### ")
    same = type_("diff", "--base", str(GOLDEN), "--file", str(GOLDEN), "--exit-code")
    assert same.exit_code == 0
    assert "the same" in same.stdout


def test_the_source_is_compared_with_what_is_deployed(type_: Type, world: World) -> None:
    deployed = deploy_source(world)
    assert "the same" in type_("diff", "training", "--exit-code").stdout
    world.sagemaker.pipelines[PIPELINE] = deployed.replace(
        "/processing/input/raw", "/processing/input/rows"
    )
    result = type_("diff", "training")
    assert "ProcessingInputs[raw].S3Input.LocalPath" in result.stdout
    assert "runs again: " in result.stdout


def test_a_file_needs_something_to_be_compared_with(type_: Type) -> None:
    result = type_("diff", "--file", "x.json")
    assert result.exit_code == 2
    assert "--base" in result.stderr
