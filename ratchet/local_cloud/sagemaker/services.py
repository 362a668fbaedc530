"""What steps call of the cloud they run in, over HTTP as a job on AWS would."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker import authorisation, table
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import Scope
from ratchet.local_cloud.sagemaker.table import MODEL, MODEL_PACKAGE, MODEL_PACKAGE_GROUP, Kind
from ratchet.runner import Callbacks, LambdaFailed, S3Storage
from ratchet.runner.records import Job

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from ratchet.local_cloud.sagemaker.api import Api

_LAMBDA_TIMEOUT_SECONDS = 660  # a Lambda step may take ten minutes
_POOL = 16


class CloudServices:
    """The runner's ``Services``, and its S3 client, in one account and region."""

    def __init__(
        self,
        api: Api,
        scope: Scope,
        *,
        callbacks: Callbacks | None = None,
        role: str | None = None,
    ) -> None:
        self._credentials = _frozen(
            api.cloud.session(scope, role, "SageMaker") if role else api.cloud.root(scope)
        )
        self.callbacks = callbacks or Callbacks()
        self._api = api
        self._scope = scope
        endpoint = api.cloud.endpoint()
        self.s3: S3Client = _client("s3", endpoint, scope, self._credentials)
        self._endpoint = endpoint

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        """A function's answer, decoded from JSON; raises ``LambdaFailed`` with its error."""
        functions: LambdaClient = _client("lambda", self._endpoint, self._scope, self._credentials)
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
        queues: SQSClient = _client("sqs", self._endpoint, self._scope, self._credentials)
        queues.send_message(QueueUrl=queue_url, MessageBody=body)

    def register_model(self, arguments: dict[str, Any]) -> str:
        """Create a model package; answers its ARN."""
        arn: str = self._call("CreateModelPackage", arguments)["ModelPackageArn"]
        return arn

    def create_model(self, arguments: dict[str, Any]) -> str:
        """Create a model; answers its ARN."""
        arn: str = self._call("CreateModel", arguments)["ModelArn"]
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

    def begin_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Job:
        """Create a step's job as the pipeline's role; answers what its own role may use."""
        scope, cloud = self._scope, self._api.cloud
        try:
            operation, request = authorisation.job_request(step_type, job_name, arguments)
            self._check(authorisation.needs(scope, operation, request))
            role = authorisation.job_role(arguments)
            if role is None:  # a transform job's containers have the model's
                return Job(storage=None, environment={})
            image = _image(arguments)
            return self.of_role(
                role, authorisation.container_needs(scope, step_type, job_name, image)
            )
        except authorisation.Denied as denied:
            raise PermissionError(f"AccessDeniedException: {denied}") from None

    def of_role(self, role: str, needs: Iterable[authorisation.Need] = ()) -> Job:
        """What SageMaker and a container do as a role; raises ``Denied``."""
        scope = self._scope
        session = self._api.cloud.session(scope, role, "SageMaker")
        self._api.cloud.check(scope, session["AWS_ACCESS_KEY_ID"], needs)
        return Job(
            storage=S3Storage(_client("s3", self._endpoint, scope, _frozen(session))),
            environment={
                **session,
                "AWS_ENDPOINT_URL": self._endpoint,
                "AWS_REGION": scope.region,
                "AWS_DEFAULT_REGION": scope.region,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            },
        )

    def _check(self, needs: Iterable[authorisation.Need]) -> None:
        self._api.cloud.check(self._scope, self._credentials[0], needs)

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        try:
            self._check(authorisation.needs(self._scope, operation, arguments))
        except authorisation.Denied as denied:
            raise ApiError("AccessDeniedException", str(denied)) from None
        return self._api.call(self._scope, operation, arguments)

    def _described(self, kind: Kind, name: str) -> Mapping[str, Any]:
        try:
            return self._api.get(self._scope, kind, name)
        except ApiError as error:
            raise LookupError(error.message) from None


Credentials = tuple[str, str, str | None]


def _frozen(variables: Mapping[str, str]) -> Credentials:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    key, secret, token = (variables.get(name) for name in names)
    return str(key), str(secret), token


def _image(arguments: Mapping[str, Any]) -> str:
    training = arguments.get("TrainingJobDefinition", arguments)
    return str(
        arguments.get("AppSpecification", {}).get("ImageUri")
        or training.get("AlgorithmSpecification", {}).get("TrainingImage")
        or ""
    )


@functools.cache
def _client(service: str, endpoint: str, scope: Scope, credentials: Credentials) -> Any:
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
    key, secret, token = credentials
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=scope.region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=config,
    )
