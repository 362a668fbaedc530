"""What becomes of a definition that the SageMaker SDK wrote; v3, v3 with its drivers, and v2."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet import imported
from ratchet.definition.document import read
from ratchet.imported import (
    Carried,
    ImportedPipeline,
    ImportRefusedError,
    Maps,
    Placement,
    carry,
)
from ratchet.imported.code import CodeSource
from ratchet.settings.schema import ModelSettings, Settings
from tests.sdk.imports import HERE, MAPS, SCRIPTS, TELL, golden, scripts_of_steps, taken_in

SETTINGS = Settings(
    environment="dev",
    model_name="flights",
    model=ModelSettings(problem="binary", label="late"),
    project="flights",
    region="eu-west-1",
    owner="ml",
    cost_center="ml-1",
)
PLACEMENT = Placement(
    settings=SETTINGS,
    role_arn="arn:aws:iam::222233334444:role/narrow",
    artifacts_uri="s3://our-artifacts",
    data_uri="s3://our-data",
    code_uri="s3://our-code",
    account="222233334444",
    output_key_arn="arn:aws:kms:eu-west-1:222233334444:key/k",
)


@pytest.fixture(scope="module", params=["v2", "v3"])
def carried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    return taken_in(request.param, tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def placed(carried: Carried) -> dict[str, Any]:
    return ImportedPipeline(carried.stored, PLACEMENT).definition()


def step(definition: Any, name: str) -> dict[str, Any]:
    return dict(read(definition).by_name[name].body)


def one_step(**arguments: Any) -> dict[str, Any]:
    """The smallest definition: a processing step."""
    job = {
        "RoleArn": "arn:aws:iam::111122223333:role/theirs",
        "AppSpecification": {
            "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 30,
            }
        },
        **arguments,
    }
    return {
        "Version": "2020-12-01",
        "Steps": [{"Name": "one", "Type": "Processing", "Arguments": job}],
    }


def reading(uri: Any, *, name: str = "given") -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/x", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**source, "S3InputMode": "File"}}


# -- what is left of the place it was written in


def test_nothing_of_the_other_account_is_left_in_the_stored_definition(carried: Carried) -> None:
    text = json.dumps(carried.stored.definition)
    for foreign in ("111122223333", "us-east-1", "683313688378", "156813124566", "2026-11-26"):
        assert foreign not in text, foreign


def test_every_rewriting_is_reported_with_its_place_and_reason(carried: Carried) -> None:
    assert all(change.argument and change.why for change in carried.changes)
    before = json.dumps([change.before for change in carried.changes])
    roles = [c for c in carried.changes if c.argument.endswith("RoleArn")]
    assert len(roles) == 5  # two scripts, the check, the training and the model
    assert "AmazonSageMaker-ExecutionRole" in before


def test_images_come_from_the_registry_of_the_region_it_is_deployed_to(
    placed: dict[str, Any],
) -> None:
    image = step(placed, "Prepare")["Arguments"]["AppSpecification"]["ImageUri"]
    assert image == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    monitor = step(placed, "DataQuality")["Arguments"]["AppSpecification"]["ImageUri"]
    assert monitor.startswith("468650794304.dkr.ecr.eu-west-1.")


def test_outputs_go_below_the_pipelines_runs_a_folder_for_each(placed: dict[str, Any]) -> None:
    output = step(placed, "Prepare")["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]
    assert output["S3Output"]["S3Uri"] == {
        "Std:Join": {
            "On": "/",
            "Values": [
                "s3://our-artifacts/flights-dev-house-prices/runs",
                {"Get": "Execution.PipelineExecutionId"},
                "Prepare/train",
            ],
        }
    }


def test_code_is_named_by_its_content_and_keeps_its_file_name(
    carried: Carried, placed: dict[str, Any]
) -> None:
    pipeline = ImportedPipeline(carried.stored, PLACEMENT)
    keys = {file.key for file in pipeline.code}
    uris = [x.value for x in read(placed).by_name["Prepare"].leaves if x.name == "S3Uri"]
    code = next(u for u in uris if isinstance(u, str) and "our-code" in u)
    assert re.fullmatch(r"s3://our-code/[0-9a-f]{64}/prepare\.py", code)
    assert code.removeprefix("s3://our-code/") in keys


def test_a_source_archive_lies_unpacked_and_deploys_as_one_file(
    carried: Carried, placed: dict[str, Any]
) -> None:
    assert "train.py" in carried.stored.folders["Train/source"]
    given = step(placed, "Train")["Arguments"]["HyperParameters"]["sagemaker_submit_directory"]
    assert re.fullmatch(r'"?s3://our-code/[0-9a-f]{64}/sourcedir\.tar\.gz"?', given)


def test_every_job_has_the_cost_tags_and_the_loops_key(placed: dict[str, Any]) -> None:
    for name in ("Prepare", "DataQuality", "Train", "Evaluate", "Batch"):
        arguments = step(placed, name)["Arguments"]
        tags = {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}
        assert tags["step"] == name
        assert tags["pipeline"] == "flights-dev-house-prices"
        assert tags["experiment"] == {"Get": "Parameters.Experiment"}
        assert PLACEMENT.output_key_arn in json.dumps(arguments)


def test_a_function_of_another_account_is_mapped_or_else_named(tmp_path: Path) -> None:
    mapped = taken_in("v3", tmp_path)
    function = step(ImportedPipeline(mapped.stored, PLACEMENT).definition(), "Tell")["FunctionArn"]
    assert function == "arn:aws:lambda:eu-west-1:222233334444:function:tell-the-team"
    code = scripts_of_steps(tmp_path / "sourcedir.tar.gz")
    left = carry(golden("v3"), name="house-prices", code=code, maps=replace(MAPS, arns={}))
    (remark,) = [r for r in left.remarks if r.argument == "FunctionArn"]
    assert remark.value == TELL
    assert "111122223333" in remark.what
    assert "--arn-map" in remark.what
    assert HERE not in json.dumps(left.stored.definition)


def test_the_same_definition_gives_the_same_bytes_whenever_it_is_taken_in(tmp_path: Path) -> None:
    first, second = taken_in("v3", tmp_path), taken_in("v3", tmp_path)
    assert first == second
    one, two = (ImportedPipeline(c.stored, PLACEMENT).to_json() for c in (first, second))
    assert one == two


def test_a_later_upload_of_the_same_code_changes_nothing(tmp_path: Path) -> None:
    """The SDK names the training code of every `definition()` by the time."""
    text = json.dumps(golden("v3-drivers"))
    (stamp,) = set(re.findall(r"train-(\d{14})", text))
    later = json.loads(text.replace(stamp, "20270101000000"))
    drivers = tmp_path / "sm_drivers"
    drivers.mkdir()
    (drivers / "sm_train.sh").write_text("echo")
    code = [
        CodeSource(key="Prepare", path=SCRIPTS / "prepare.py"),
        CodeSource(key="Evaluate", path=SCRIPTS / "evaluate.py"),
        CodeSource(key="Train/code", path=SCRIPTS),
        CodeSource(key="Train/sm_drivers", path=drivers),
    ]
    now, then = (carry(d, name="x", code=code, maps=MAPS) for d in (json.loads(text), later))
    assert now.stored == then.stored


# -- cache


@pytest.mark.parametrize(
    ("given", "iso"),
    [("30d", "P30D"), ("P30d", "P30D"), ("T30m", "PT30M"), ("PT1H", "PT1H"), ("1d", "P1D")],
)
def test_the_sdks_ways_to_write_a_period_are_understood(given: str, iso: str) -> None:
    definition = one_step()
    definition["Steps"][0]["CacheConfig"] = {"Enabled": True, "ExpireAfter": given}
    stored = carry(definition, name="x").stored
    assert step(stored.definition, "one")["CacheConfig"]["ExpireAfter"] == iso


def test_a_period_that_is_none_is_refused() -> None:
    definition = one_step()
    definition["Steps"][0]["CacheConfig"] = {"Enabled": True, "ExpireAfter": "a while"}
    with pytest.raises(ImportRefusedError, match="it is no period; write it as"):
        carry(definition, name="x")


def test_a_cache_is_added_only_where_a_hit_can_be_trusted() -> None:
    mutable = carry(one_step(ProcessingInputs=[reading("s3://acme/rows/")]), name="x")
    assert "CacheConfig" not in step(mutable.stored.definition, "one")
    (remark,) = [r for r in mutable.remarks if r.argument == "CacheConfig"]
    assert "s3://acme/rows/" in remark.what
    alone = carry(one_step(), name="x")
    assert step(alone.stored.definition, "one")["CacheConfig"]["Enabled"] is True


def test_caching_that_its_author_turned_off_stays_off() -> None:
    definition = one_step()
    definition["Steps"][0]["CacheConfig"] = {"Enabled": False}
    stored = carry(definition, name="x").stored
    assert step(stored.definition, "one")["CacheConfig"] == {"Enabled": False}


# -- data


def test_what_another_step_writes_is_read_by_reference() -> None:
    uri = "s3://sagemaker-us-east-1-111122223333/one-2026-11-26-06-12-33-123/rows"
    folder = {"LocalPath": "/opt/ml/processing/rows", "S3UploadMode": "EndOfJob"}
    output = {"OutputName": "rows", "S3Output": {"S3Uri": uri, **folder}}
    definition = one_step(ProcessingOutputConfig={"Outputs": [output]})
    below = f"{uri}/part/a.csv"
    two = one_step(ProcessingInputs=[reading(below)])["Steps"][0]
    definition["Steps"].append({**two, "Name": "two"})
    stored = carry(definition, name="x").stored
    read = step(stored.definition, "two")["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    assert read["Std:Join"]["Values"] == [
        {"Get": "Steps.one.ProcessingOutputConfig.Outputs['rows'].S3Output.S3Uri"},
        "/part/a.csv",
    ]


def test_the_longest_mapping_of_a_bucket_wins() -> None:
    maps = Maps(buckets={"s3://acme": "s3://ours", "s3://acme/rows": "data/raw"})
    # A bucket whose name only begins alike is another bucket.
    uris = ("s3://acme/rows/1/", "s3://acme/other/", "s3://acme-2/")
    inputs = [reading(uri, name=f"in{n}") for n, uri in enumerate(uris)]
    carried = carry(one_step(ProcessingInputs=inputs), name="x", maps=maps)
    read = step(carried.stored.definition, "one")["Arguments"]["ProcessingInputs"]
    found = [each["S3Input"]["S3Uri"] for each in read]
    assert found == ["${ratchet:data}/raw/1/", "s3://ours/other/", "s3://acme-2/"]


# -- what cannot be carried over


def test_networks_keys_and_secrets_are_named_and_a_secrets_value_is_not() -> None:
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    definition = one_step(
        NetworkConfig={"VpcConfig": vpc}, Environment={"DB_PASSWORD": "hunter2", "DEPTH": "3"}
    )
    carried = carry(definition, name="x")
    places = {remark.argument: remark for remark in carried.remarks}
    assert places["NetworkConfig.VpcConfig"].value == vpc
    assert places["Environment.DB_PASSWORD"].value is None
    assert "hunter2" not in json.dumps([r.to_json() for r in carried.remarks])
    assert "Environment.DEPTH" not in places


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_code_that_is_not_given_is_asked_for_step_by_step(version: str) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        carry(golden(version), name="house-prices")
    problems = {problem.step: problem for problem in refused.value.problems}
    assert set(problems) == {"Prepare", "Train", "Evaluate"}
    assert "--code Prepare=PATH" in problems["Prepare"].fix
    assert "aws s3 cp" in problems["Train"].fix


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ([], "no pipeline definition"),
        ({"Steps": {}}, "no list of Steps"),
        ({"Steps": [{"Name": "x"}]}, "a step has a Name and a Type"),
    ],
)
def test_what_is_no_definition_is_refused(definition: Any, words: str) -> None:
    with pytest.raises(ImportRefusedError, match=words):
        carry(definition, name="x")


def test_a_definition_that_sagemaker_would_refuse_is_refused_with_its_place() -> None:
    definition = one_step(Envronment={"A": "b"})
    with pytest.raises(ImportRefusedError, match=r"step 'one', Envronment.*did you mean"):
        carry(definition, name="x")


# -- in the repository


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    stored = taken_in("v3", tmp_path).stored
    imported.write(tmp_path, "flights", stored)
    assert imported.names(tmp_path, "flights") == ["house-prices"]
    assert imported.read(tmp_path, "flights", "house-prices") == replace(stored, model="flights")


def test_an_import_replaces_an_earlier_one_whole(tmp_path: Path) -> None:
    imported.write(tmp_path, "flights", taken_in("v3", tmp_path).stored)
    imported.write(tmp_path, "flights", replace(carry(one_step(), name="house-prices").stored))
    assert imported.read(tmp_path, "flights", "house-prices").folders == {}
    assert [p.name for p in (tmp_path / imported.FOLDER / "flights").iterdir()] == ["house-prices"]


def test_an_edit_of_the_committed_code_gives_it_another_name(tmp_path: Path) -> None:
    imported.write(tmp_path, "flights", taken_in("v3", tmp_path).stored)
    before = ImportedPipeline(
        imported.read(tmp_path, "flights", "house-prices"), PLACEMENT
    ).to_json()
    script = tmp_path / "pipelines/flights/house-prices/code/Prepare/code/prepare.py"
    script.write_text(script.read_text() + "# edited\n")
    after = ImportedPipeline(
        imported.read(tmp_path, "flights", "house-prices"), PLACEMENT
    ).to_json()
    assert before != after
