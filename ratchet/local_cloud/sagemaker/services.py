"""What steps call of the cloud they run in, over HTTP as a job on AWS would."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker import table
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import Scope
from ratchet.local_cloud.sagemaker.table import MODEL, MODEL_PACKAGE, MODEL_PACKAGE_GROUP, Kind
from ratchet.runner import Callbacks, LambdaFailed

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from ratchet.local_cloud.sagemaker.api import Api

_LAMBDA_TIMEOUT_SECONDS = 660  # a Lambda step may take ten minutes
_POOL = 16


class CloudServices:
    """The runner's ``Services``, and its S3 client, in one account and region."""

    def __init__(self, api: Api, scope: Scope, *, callbacks: Callbacks | None = None) -> None:
        self.callbacks = callbacks or Callbacks()
        self._api = api
        self._scope = scope
        endpoint = api.cloud.endpoint()
        self.s3: S3Client = _client("s3", endpoint, scope)
        self._endpoint = endpoint

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        """A function's answer, decoded from JSON; raises ``LambdaFailed`` with its error."""
        functions: LambdaClient = _client("lambda", self._endpoint, self._scope)
        answer = functions.invoke(FunctionName=function_arn, Payload=json.dumps(payload).encode())
        body = answer["Payload"].read()
        result = json.loads(body) if body else None
        if "FunctionError" in answer:
            error = result if isinstance(result, dict) else {}
            raise LambdaFailed(
                f"{function_arn.rsplit(':', 1)[-1]} failed: "
                f"{error.get('errorType', 'Error')}: {error.get('errorMessage', body.decode())}"
            )
        return result

    def send_message(self, queue_url: str, body: str) -> None:
        """Send a message to an SQS queue."""
        queues: SQSClient = _client("sqs", self._endpoint, self._scope)
        queues.send_message(QueueUrl=queue_url, MessageBody=body)

    def register_model(self, arguments: dict[str, Any]) -> str:
        """Create a model package; answers its ARN."""
        arn: str = self._api.call(self._scope, "CreateModelPackage", arguments)["ModelPackageArn"]
        return arn

    def create_model(self, arguments: dict[str, Any]) -> str:
        """Create a model; answers its ARN."""
        arn: str = self._api.call(self._scope, "CreateModel", arguments)["ModelArn"]
        return arn

    def describe_model(self, name: str) -> Mapping[str, Any]:
        """A model; ``LookupError`` when there is none of the name."""
        return self._described(MODEL, name)

    def describe_model_package(self, name_or_arn: str) -> Mapping[str, Any]:
        """A model package; ``LookupError`` when there is none."""
        return self._described(MODEL_PACKAGE, name_or_arn)

    def latest_approved(self, group: str) -> Mapping[str, Any] | None:
        """The approved version of a group with the highest number."""
        name = table.bare_name(MODEL_PACKAGE_GROUP, group)
        versions = [
            package
            for package in self._api.store.all(self._scope, MODEL_PACKAGE.name, parent=name)
            if package.get("ModelApprovalStatus") == "Approved"
        ]
        return max(versions, key=lambda package: package["ModelPackageVersion"], default=None)

    def _described(self, kind: Kind, name: str) -> Mapping[str, Any]:
        try:
            return self._api.get(self._scope, kind, name)
        except ApiError as error:
            raise LookupError(error.message) from None


@functools.cache
def _client(service: str, endpoint: str, scope: Scope) -> Any:
    # Clients are safe to share between threads and slow to make, so there is one of each.
    import boto3
    from botocore.config import Config

    config = Config(
        s3={"addressing_style": "path"},
        retries={"max_attempts": 3, "mode": "standard"},
        max_pool_connections=_POOL,
        read_timeout=_LAMBDA_TIMEOUT_SECONDS,
        connect_timeout=10,
    )
    # The emulator takes an access key of twelve digits for the account.
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=scope.region,
        aws_access_key_id=scope.account,
        aws_secret_access_key="test",  # noqa: S106
        config=config,
    )
