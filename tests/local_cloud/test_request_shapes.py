"""Requests and answers held against botocore's shapes, errors in AWS's words."""

import pytest
from botocore.model import ServiceModel

from ratchet.local_cloud.sagemaker import shapes
from ratchet.local_cloud.sagemaker.api import UnfitAnswerError
from ratchet.local_cloud.sagemaker.errors import ApiError
from tests.local_cloud.sagemaker_calls import ROLE, Caller

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model/m"


def refusal(call: Caller, operation: str, **request: object) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(operation, **request)
    return caught.value


def test_every_violation_is_in_one_message(call: Caller) -> None:
    error = refusal(call, "CreatePipeline", PipelineName="no_underscores", PipelineDefinition="")
    assert error.code == "ValidationException"
    assert error.status == 400
    assert error.message.startswith("3 validation errors detected: ")
    assert "Value null at 'roleArn' failed to satisfy constraint: Member must not be null" in (
        error.message
    )
    assert (
        "Value 'no_underscores' at 'pipelineName' failed to satisfy constraint: Member must "
        in (error.message)
    )
    assert "'pipelineDefinition' failed to satisfy constraint: Member must have length" in (
        error.message
    )


def test_a_nested_member_is_named_by_its_path(call: Caller) -> None:
    error = refusal(
        call,
        "CreatePipeline",
        PipelineName="p",
        PipelineDefinition="{}",
        RoleArn=ROLE,
        Tags=[{"Key": "ok", "Value": "ok"}, {"Key": "bad{}", "Value": "ok"}],
    )
    assert "Value 'bad{}' at 'tags.2.member.key'" in error.message


def test_tags_may_have_letters_of_any_language(service_model: ServiceModel) -> None:
    shape = service_model.operation_model("AddTags").input_shape
    request = {"ResourceArn": ARN, "Tags": [{"Key": "größe", "Value": "日本 1"}]}
    shapes.check_request(shape, request)


def test_an_enum_lists_what_it_allows(call: Caller) -> None:
    error = refusal(call, "ListPipelines", SortOrder="Upwards")
    assert "Member must satisfy enum value set: [Ascending, Descending]" in error.message


def test_numbers_are_held_to_their_range(call: Caller) -> None:
    error = refusal(call, "ListPipelines", MaxResults=101)
    assert "Member must have value less than or equal to 100" in error.message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "NUMBER_VALUE can not be converted to String"),
        ({}, "START_OBJECT can not be converted to String"),
        (True, "BOOLEAN_VALUE can not be converted to String"),
    ],
)
def test_a_wrong_json_type_is_a_serialization_exception(
    call: Caller, value: object, message: str
) -> None:
    error = refusal(call, "DescribePipeline", PipelineName=value)
    assert error.code == "SerializationException"
    assert message in error.message


def test_true_is_no_number(call: Caller) -> None:
    assert refusal(call, "ListPipelines", MaxResults=True).code == "SerializationException"


def test_members_that_the_service_does_not_know_are_passed_over(call: Caller) -> None:
    assert call("ListPipelines", Surprise=1) == {"PipelineSummaries": []}


def test_a_long_definition_is_checked_in_no_time(service_model: ServiceModel) -> None:
    shape = service_model.operation_model("UpdatePipeline").input_shape
    text = "{ \n\t" * 200_000
    shapes.check_request(shape, {"PipelineName": "p", "PipelineDefinition": text})


def test_an_unknown_operation_is_named(call: Caller) -> None:
    with pytest.raises(ApiError, match="does not implement SageMaker's CreateAutoMLJob") as caught:
        call.sagemaker.api.call(call.scope, "CreateAutoMLJob", {})
    assert caught.value.code == "UnknownOperationException"


def test_an_answer_is_cut_to_its_shape(service_model: ServiceModel) -> None:
    shape = service_model.operation_model("DescribePipeline").output_shape
    answer = shapes.present(
        shape, {"PipelineName": "p", "Secret": 1, "RoleArn": None, "CreationTime": 1.23456}
    )
    assert answer == {"PipelineName": "p", "CreationTime": 1.235}


@pytest.mark.parametrize(
    ("operation", "answer", "told"),
    [
        ("CreatePipeline", {"PipelineArn": "p"}, "at 'pipelineArn'"),
        ("CreatePipeline", {"PipelineArn": 7}, "NUMBER_VALUE can not be converted to String"),
        ("ListPipelines", {"PipelineSummaries": [{"PipelineName": "a_b"}]}, "expression pattern"),
        ("ListTags", {"Tags": [{"Key": "k"}]}, "Value null at 'tags.1.member.value'"),
        ("DescribePipeline", {"PipelineStatus": "Odd"}, "Member must satisfy enum value set"),
    ],
)
def test_an_answer_that_does_not_fit_its_shape_is_told_and_kept(
    call: Caller, operation: str, answer: dict[str, object], told: str
) -> None:
    api = call.sagemaker.api
    api.add({operation: lambda *_: answer})
    requests = {
        "CreatePipeline": {"PipelineName": "p", "RoleArn": ROLE},
        "DescribePipeline": {"PipelineName": "p"},
        "ListTags": {"ResourceArn": ARN},
    }
    with pytest.raises(UnfitAnswerError, match=f"{operation} answers what is not in its model"):
        call(operation, **requests.get(operation, {}))
    (kept,) = api.unfit
    assert told in kept
