import re
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions

from ratchet.deployment import objects
from ratchet.deployment.errors import DeploymentError, explain


def refused(code: str, message: str = "") -> exceptions.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}}
    return exceptions.ClientError(answer, "GetParameter")


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (exceptions.NoCredentialsError(), "--local"),
        (exceptions.ProfileNotFound(profile="x"), "aws configure list-profiles"),
        (exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
        (refused("ExpiredTokenException"), "expired .*aws sso login"),
        (refused("UnrecognizedClientException"), "does not accept these credentials"),
        (refused("AccessDeniedException", "not for you"), r"not allowed \(GetParameter\): not for"),
        (refused("ThrottlingException"), "AWS throttled the call"),
        (refused("ValidationException", "bad"), "GetParameter was refused: ValidationException: b"),
        (
            exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1/"),
            r"no answer from http://127\.0\.0\.1:1/ .*`ratchet cloud status`",
        ),
        (
            exceptions.EndpointConnectionError(endpoint_url="https://sts.amazonaws.com"),
            "AWS cannot be reached",
        ),
        (
            exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:1/"),
            "no answer from http://127.0.0.1:1/",
        ),
    ],
)
def test_an_aws_error_says_what_to_do(problem: Exception, words: str) -> None:
    message = explain(problem)
    assert message is not None
    assert re.search(words, message)


def test_an_upload_that_failed_is_explained_by_what_s3_answered() -> None:
    failed = S3UploadFailedError("Failed to upload")
    failed.__context__ = refused("AccessDenied", "no")  # how boto3 wraps it
    assert explain(failed) == "not allowed (GetParameter): no"


def test_a_refusal_ends_with_the_statement_that_the_role_lacks() -> None:
    sentence = (
        "User: arn:aws:sts::111122223333:assumed-role/people/me is not authorized to perform: "
        "sagemaker:ListPipelines on resource: * because no identity-based policy allows the "
        "sagemaker:ListPipelines action"
    )
    first, second = str(explain(refused("AccessDeniedException", sentence))).splitlines()
    assert first == f"not allowed (GetParameter): {sentence}"
    statement = '{"Effect": "Allow", "Action": "sagemaker:ListPipelines", "Resource": "*"}'
    assert second == f"The role people lacks: {statement}"


def test_a_look_at_an_object_that_s3_refuses_names_what_it_needs() -> None:
    class Refusing:
        def head_object(self, **_: Any) -> None:
            answer: Any = {
                "Error": {"Code": "403", "Message": "Forbidden"},
                "ResponseMetadata": {"HTTPStatusCode": 403},
            }
            raise exceptions.ClientError(answer, "HeadObject")

    with pytest.raises(DeploymentError) as caught:
        objects.describe(Refusing(), "data", "raw/a.csv")
    assert "s3:GetObject on arn:aws:s3:::data/raw/a.csv" in str(caught.value)
    assert "s3:ListBucket on arn:aws:s3:::data;" in str(caught.value)


def test_a_bug_is_not_explained_away() -> None:
    assert explain(KeyError("x")) is None
