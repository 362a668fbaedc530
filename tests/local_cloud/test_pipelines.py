"""Pipelines: created, updated, described, listed, deleted."""

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from tests.local_cloud.sagemaker_calls import ROLE, Caller, definition, gate, halt

TEXT = definition(gate(otherwise=[halt()]), Score=3)
LOCATION = {"Bucket": "code", "ObjectKey": "p.json", "VersionId": "v1"}


def create(call: Caller, name: str = "training", **more: object) -> str:
    request = {"PipelineName": name, "RoleArn": ROLE, "PipelineDefinition": TEXT, **more}
    arn: str = call("CreatePipeline", **request)["PipelineArn"]
    return arn


def test_a_pipeline_is_described_by_name_and_by_arn(call: Caller) -> None:
    arn = create(call, Tags=[{"Key": "project", "Value": "flights"}], PipelineDescription="d")
    described = call("DescribePipeline", PipelineName=arn)
    assert described == call("DescribePipeline", PipelineName="training")
    assert described["PipelineDefinition"] == TEXT
    assert described["PipelineStatus"] == "Active"
    assert described["PipelineDescription"] == "d"
    assert call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "project", "Value": "flights"}]


def test_a_name_that_is_taken_is_refused_in_the_words_that_the_sdk_looks_for(call: Caller) -> None:
    create(call)
    with pytest.raises(ApiError, match="Pipeline names must be unique within an AWS account") as e:
        create(call)
    assert e.value.code == "ValidationException"


def test_creating_again_with_the_same_token_answers_the_same_pipeline(call: Caller) -> None:
    token = "t" * 32
    assert create(call, ClientRequestToken=token) == create(call, ClientRequestToken=token)
    assert len(call("ListPipelines")["PipelineSummaries"]) == 1


def test_a_definition_that_cannot_run_is_refused_with_its_place(call: Caller) -> None:
    with pytest.raises(ApiError, match=r"Steps\[0\]") as caught:
        create(call, PipelineDefinition=definition({"Name": "x", "Type": "Lambda"}))
    assert caught.value.code == "ValidationException"
    create(call)
    with pytest.raises(ApiError, match="not JSON"):
        call("UpdatePipeline", PipelineName="training", PipelineDefinition="{")
    assert call("DescribePipeline", PipelineName="training")["PipelineDefinition"] == TEXT


def test_a_definition_may_be_in_s3(call: Caller) -> None:
    call.cloud.objects["code/p.json?v1"] = TEXT.encode()
    create(call, PipelineDefinition=None, PipelineDefinitionS3Location=LOCATION)
    assert call("DescribePipeline", PipelineName="training")["PipelineDefinition"] == TEXT


def test_a_definition_that_is_not_in_s3_is_named(call: Caller) -> None:
    with pytest.raises(ApiError, match=r"s3://code/p\.json does not exist"):
        create(call, PipelineDefinition=None, PipelineDefinitionS3Location=LOCATION)


def test_one_definition_is_enough_and_needed(call: Caller) -> None:
    with pytest.raises(ApiError, match="cannot both be given"):
        create(call, PipelineDefinitionS3Location=LOCATION)
    with pytest.raises(ApiError, match="both are missing"):
        create(call, PipelineDefinition=None)


def test_an_update_changes_what_it_names_only(call: Caller) -> None:
    create(call, PipelineDescription="before")
    other = definition(halt())
    answer = call("UpdatePipeline", PipelineName="training", PipelineDefinition=other)
    described = call("DescribePipeline", PipelineName="training")
    assert answer["PipelineVersionId"] == 2
    assert described["PipelineDefinition"] == other
    assert described["PipelineDescription"] == "before"
    assert described["LastModifiedTime"] >= described["CreationTime"]


@pytest.mark.parametrize("operation", ["DescribePipeline", "UpdatePipeline", "DeletePipeline"])
def test_a_pipeline_that_is_not_there_is_not_found(call: Caller, operation: str) -> None:
    with pytest.raises(ApiError, match="pipeline/none' does not exist") as caught:
        call(operation, PipelineName="none")
    assert caught.value.code == "ResourceNotFound"


def test_pipelines_are_listed_by_prefix(call: Caller) -> None:
    for name in ("a-training", "a-evaluation", "b-training"):
        create(call, name)
    listed = call("ListPipelines", PipelineNamePrefix="a", SortBy="Name", SortOrder="Ascending")
    names = [summary["PipelineName"] for summary in listed["PipelineSummaries"]]
    assert names == ["a-evaluation", "a-training"]


def test_deleting_a_pipeline_deletes_its_executions_and_frees_its_name(call: Caller) -> None:
    arn = create(call, Tags=[{"Key": "project", "Value": "flights"}])
    execution = call.run(PipelineName="training")["PipelineExecutionArn"]
    assert call("DeletePipeline", PipelineName="training") == {"PipelineArn": arn}
    with pytest.raises(ApiError, match="does not exist"):
        call("DescribePipelineExecution", PipelineExecutionArn=execution)
    with pytest.raises(ApiError, match="does not exist"):
        call("ListTags", ResourceArn=arn)
    create(call)
    assert (
        call("ListPipelineExecutions", PipelineName="training")["PipelineExecutionSummaries"] == []
    )


def test_tags_are_added_changed_and_removed(call: Caller) -> None:
    arn = create(call, Tags=[{"Key": "a", "Value": "1"}])
    call("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    call("DeleteTags", ResourceArn=arn, TagKeys=["b", "none"])
    assert call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]


def test_more_tags_than_a_resource_can_have_are_refused(call: Caller) -> None:
    arn = create(call, Tags=[{"Key": "first", "Value": ""}])
    with pytest.raises(ApiError, match="this would make 51"):
        call(
            "AddTags",
            ResourceArn=arn,
            Tags=[{"Key": str(number), "Value": ""} for number in range(50)],
        )
