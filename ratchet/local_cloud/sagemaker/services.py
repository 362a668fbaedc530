"""What steps call of the cloud they run in, with the roles that a job on AWS would have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ratchet.definition.resources import TRANSFORM_JOB
from ratchet.definition.step_types import row_of
from ratchet.local_cloud.sagemaker import authorisation, service_side, table
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.hub.artifacts import with_hub
from ratchet.local_cloud.sagemaker.service_side import ServiceWork
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.table import MODEL, MODEL_PACKAGE, MODEL_PACKAGE_GROUP, Kind
from ratchet.runner import Access, Callbacks, LambdaFailed, Refused, Storage
from ratchet.runner.serving.prepared import images_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.local_cloud.sagemaker.roles import Roles


class CloudServices:
    """The runner's ``Services`` in one account and region, called as ``role``.

    Without a role it is the account's root: for what is this machine's own, such as the step cache.
    Raises ``Denied`` when SageMaker may not take the role.
    """

    def __init__(
        self,
        api: Api,
        scope: AccountScope,
        *,
        callbacks: Callbacks | None = None,
        role: str | None = None,
    ) -> None:
        self.callbacks = callbacks or Callbacks()
        self._api = api
        self._scope = scope
        self._role = role
        if role:
            api.roles.check(scope, role, ())

    @property
    def storage(self) -> Storage:
        """S3 as the role."""
        return self._api.cloud.storage(self._scope, self._role)

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        """A function's answer, decoded from JSON; raises ``LambdaFailed`` with its error."""
        functions: LambdaClient = self._client("lambda")
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
        queues: SQSClient = self._client("sqs")
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
        request = {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved"}
        operation = "ListModelPackages"
        self._check(operation, list(authorisation.needs(self._scope, operation, request)))
        name = table.bare_name(MODEL_PACKAGE_GROUP, group)
        versions = [
            package
            for package in self._api.store.all(self._scope, MODEL_PACKAGE.name, parent=name)
            if package.get("ModelApprovalStatus") == "Approved"
        ]
        return max(versions, key=lambda package: package["ModelPackageVersion"], default=None)

    def create_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> None:
        """Whether the role may make what is behind a step, and follow it; raises ``Refused``."""
        if creation := service_side.creation(self._scope, step_type, job_name, arguments):
            self._check(*creation)
            if polling := service_side.polling(self._scope, step_type, job_name):
                self._check(*polling)

    def job_access(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Access:
        """What a step's job does as its own role; raises ``Refused``."""
        side = service_side.side_of(step_type)
        if side is None or side.jobs is None:
            return Access()
        of_model = row_of(step_type).job is TRANSFORM_JOB
        works = [self._of_model(arguments)] if of_model else side.works(arguments)
        operation = side.operation.partition(":")[2]
        losses = [
            loss
            for work in works
            for loss in start(self._api, self._scope, work, operation, side.jobs, job_name)
        ]
        if len({work.role for work in works}) != 1:  # each of a tuning job's children has its own
            return Access(losses=tuple(losses))
        storage = self._api.cloud.storage(self._scope, works[0].role, key=works[0].output_key)
        return Access(
            storage=with_hub(storage, self._scope, self._api.switches) if of_model else storage,
            environment=self._api.roles.environment(self._scope, works[0].role),
            losses=tuple(losses),
        )

    def _of_model(self, arguments: Mapping[str, Any]) -> ServiceWork:
        try:
            model = self.describe_model(arguments["ModelName"])
            images = images_of(model, self.describe_model_package)
        except LookupError as error:
            raise Refused("ValidationException", "CreateTransformJob", str(error)) from None
        resources = arguments.get("TransformResources") or {}
        return ServiceWork(
            role=model["ExecutionRoleArn"],
            images=tuple(image.uri for image in images),
            output_key=(arguments.get("TransformOutput") or {}).get("KmsKeyId"),
            encrypt=False,
            volume_key=resources.get("VolumeKmsKeyId"),
            in_vpc="VpcConfig" in model,
        )

    def _client(self, service: str) -> Any:
        return self._api.roles.client(service, self._scope, self._role)

    def _check(self, operation: str, needs: list[Need]) -> None:
        if self._role and (sentence := self._api.roles.lacks(self._scope, self._role, needs)):
            raise Refused("AccessDeniedException", operation, sentence)

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        self._check(operation, list(authorisation.needs(self._scope, operation, arguments)))
        try:
            return self._api.call(self._scope, operation, arguments)
        except ApiError as error:
            raise Refused(error.code, operation, error.message) from None

    def _described(self, kind: Kind, name: str) -> Mapping[str, Any]:
        try:
            return self._api.get(self._scope, kind, name)
        except ApiError as error:
            raise LookupError(error.message) from None


def start(
    api: Api,
    scope: AccountScope,
    work: ServiceWork,
    operation: str,
    jobs: str | None,
    stream: str = "",
) -> list[str]:
    """Take a role and do what comes before its container starts; raises ``Refused``.

    Answers what the container goes on without, a sentence each: its log, which would be in group
    ``/aws/sagemaker/<jobs>``, and its metrics. ``operation`` is what makes SageMaker do it;
    ``jobs`` is None where no container follows.
    """
    role = work.role
    needs = list(service_side.container_needs(scope, _with_key_arns(api.roles, scope, work)))
    optional = service_side.optional_needs(scope, jobs, stream) if jobs else {}
    wishes = [need for needed in optional.values() for need in needed]
    if api.roles.lacks(scope, role, [*needs, *wishes]) is None:
        return []
    if reason := api.roles.lacks(scope, role, ()):
        raise Refused("ValidationException", operation, reason)
    for need in needs:
        if sentence := api.roles.lacks(scope, role, [need]):
            raise Refused("AccessDeniedException", need.action.partition(":")[2], sentence)
    lost = {loss: api.roles.lacks(scope, role, needed) for loss, needed in optional.items()}
    return [f"{loss}: {sentence}" for loss, sentence in lost.items() if sentence]


def _with_key_arns(roles: Roles, scope: AccountScope, work: ServiceWork) -> ServiceWork:
    """The same with its keys' ARNs: policies decide by those, requests may name ids and aliases."""
    return replace(
        work,
        output_key=key_arn(roles, scope, work.output_key),
        volume_key=key_arn(roles, scope, work.volume_key),
    )


def key_arn(roles: Roles, scope: AccountScope, key: str | None) -> str | None:
    """The ARN of a KMS key by its id, alias or ARN; what is unknown is left as it is."""
    from botocore.exceptions import BotoCoreError, ClientError

    if not key or ":key/" in key:
        return key or None
    try:
        described = roles.client("kms", scope, None).describe_key(KeyId=key)
    except (BotoCoreError, ClientError):
        return key
    arn: str = described["KeyMetadata"]["Arn"]
    return arn
