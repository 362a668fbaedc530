"""The engine behind every operation: check the request, find who answers, cut the answer.

Most operations are a row in ``table``; what is special about the others is in the modules named
for it, each with its ``OPERATIONS``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from botocore.model import OperationNotFoundError, ServiceModel, Shape

from ratchet.local_cloud.sagemaker import errors, shapes, table
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.listing import page_of
from ratchet.local_cloud.sagemaker.outbox import Outbox
from ratchet.local_cloud.sagemaker.ports import Cloud
from ratchet.local_cloud.sagemaker.roles import Roles
from ratchet.local_cloud.sagemaker.store import AccountScope, AlreadyExistsError, Body, Store
from ratchet.local_cloud.sagemaker.switches import Switches
from ratchet.local_cloud.sagemaker.table import Kind

Request = dict[str, Any]
Answer = dict[str, Any]
Handler = Callable[["Api", AccountScope, Request], Answer]

_IDENTITY: ContextVar[Mapping[str, str] | None] = ContextVar("caller", default=None)
_NOT_KEPT = {"Tags", "ClientRequestToken", "ClientToken"}


class UnfitAnswerError(Exception):
    """An answer that is not what botocore's model of the service says: a mistake of ours."""


class Api:
    """SageMaker for the accounts and regions of one local cloud.

    ``switches.check_answers`` holds every answer against its output shape; ``unfit`` is what did
    not fit.
    """

    def __init__(
        self,
        *,
        store: Store,
        cloud: Cloud,
        model: ServiceModel,
        now: Callable[[], float],
        switches: Switches,
    ) -> None:
        self.unfit: list[str] = []
        self.switches = switches
        self._check_answers = switches.check_answers
        self.store = store
        self.cloud = cloud
        self.roles = Roles(cloud)
        self.outbox = Outbox(store, cloud.deliver)
        self.now = now
        self._model = model
        self._handlers: dict[str, Handler] = {}
        for kind in table.KINDS:
            self._handlers.update(_generic(kind))

    def add(self, operations: dict[str, Handler]) -> None:
        """Answer these operations by these handlers (before the generic ones)."""
        self._handlers.update(operations)

    @property
    def operations(self) -> frozenset[str]:
        """The operations that are implemented."""
        return frozenset(self._handlers)

    def call(self, scope: AccountScope, operation: str, request: object) -> Answer:
        """Answer one request as SageMaker would; raises ``ApiError``."""
        handler = self._handlers.get(operation)
        try:
            shape = self._model.operation_model(operation)
        except OperationNotFoundError:
            shape = None
        if handler is None or shape is None:
            raise errors.unknown_operation(operation, len(self._handlers))
        if not isinstance(request, dict):
            raise ApiError("SerializationException", "The request is not a JSON object.")
        shapes.check_request(shape.input_shape, request)
        cleaned = {name: value for name, value in request.items() if value is not None}
        answer: Answer = shapes.present(shape.output_shape, handler(self, scope, cleaned))
        if self._check_answers and shape.output_shape is not None:
            self._hold(operation, shape.output_shape, answer)
        return answer

    def _hold(self, operation: str, shape: Shape, answer: Answer) -> None:
        try:
            problems = list(shapes.problems(shape, answer, ""))
        except ApiError as error:  # a member of another JSON type ends the search
            problems = [error.message]
        if problems:
            complaint = f"{operation} answers what is not in its model: {'; '.join(problems)}"
            self.unfit.append(complaint)
            raise UnfitAnswerError(complaint)

    def create(
        self,
        scope: AccountScope,
        kind: Kind,
        request: Request,
        members: Body | None = None,
        **place: str,
    ) -> Body:
        """Store a new resource of ``kind``: the request, its ARN, times, ``members``, and tags."""
        name = request[kind.name_member]
        moment = self.now()
        body: Body = {
            **{key: value for key, value in request.items() if key not in _NOT_KEPT},
            kind.arn_member: scope.arn(f"{kind.arn_path}/{name}"),
            "CreationTime": moment,
            "LastModifiedTime": moment,
            "CreatedBy": self.caller(scope),
            **kind.constants,
            **(members or {}),
        }
        arn = body[kind.arn_member]
        try:
            with self.store.transaction():
                self.store.insert(scope, kind.name, name, body, **place)
                self.set_tags(scope, arn, request.get("Tags", []))
        except AlreadyExistsError:
            raise kind.taken(name, arn) from None
        return body

    def get(self, scope: AccountScope, kind: Kind, name_or_arn: str) -> Body:
        """A resource by name or ARN; raises the error that AWS answers when there is none."""
        name = table.bare_name(kind, name_or_arn)
        body = self.store.get(scope, kind.name, name)
        if body is None:
            raise kind.missing(name, scope.arn(f"{kind.arn_path}/{name}"))
        return body

    def change(self, scope: AccountScope, kind: Kind, name_or_arn: str, changes: Body) -> Body:
        """Set members of a resource (None removes) and its time of modification."""
        self.get(scope, kind, name_or_arn)
        name = table.bare_name(kind, name_or_arn)
        stamped = {"LastModifiedTime": self.now(), **changes}
        return self.store.update(scope, kind.name, name, stamped)

    def remove(self, scope: AccountScope, kind: Kind, name_or_arn: str) -> Body:
        """Delete a resource and its tags; returns the deleted record."""
        body = self.get(scope, kind, name_or_arn)
        with self.store.transaction():
            self.store.delete(scope, kind.name, table.bare_name(kind, name_or_arn))
            self.store.delete(scope, "Tags", body[kind.arn_member])
        return body

    def tags(self, scope: AccountScope, arn: str) -> list[dict[str, str]]:
        """A resource's tags, in the order they were added."""
        stored = self.store.get(scope, "Tags", arn) or {}
        return [{"Key": key, "Value": value} for key, value in stored.items()]

    def set_tags(self, scope: AccountScope, arn: str, tags: list[dict[str, str]]) -> None:
        """Replace a resource's tags."""
        if tags:
            self.store.put(scope, "Tags", arn, {tag["Key"]: tag["Value"] for tag in tags})
        else:
            self.store.delete(scope, "Tags", arn)

    @staticmethod
    def caller(scope: AccountScope) -> Body:
        """``CreatedBy``: whoever sent the request; the account's root for what nobody sent."""
        root = {"Arn": f"arn:aws:iam::{scope.account}:root", "PrincipalId": scope.account}
        return {"IamIdentity": dict(_IDENTITY.get() or root)}

    @staticmethod
    @contextlib.contextmanager
    def called_by(identity: Mapping[str, str]) -> Iterator[None]:
        """Calls inside the context are made by this identity (``Arn`` and ``PrincipalId``)."""
        token = _IDENTITY.set(identity)
        try:
            yield
        finally:
            _IDENTITY.reset(token)


def wall_clock() -> float:
    """Now, in seconds since 1970 and to the millisecond, as SageMaker's answers have it."""
    return round(time.time(), 3)


def _generic(kind: Kind) -> dict[str, Handler]:
    def create(api: Api, scope: AccountScope, request: Request) -> Answer:
        return api.create(scope, kind, request)

    def describe(api: Api, scope: AccountScope, request: Request) -> Answer:
        return api.get(scope, kind, request[kind.name_member])

    def list_all(api: Api, scope: AccountScope, request: Request) -> Answer:
        return page_of(kind.listing, api.store.all(scope, kind.name), request)

    def delete(api: Api, scope: AccountScope, request: Request) -> Answer:
        return api.remove(scope, kind, request[kind.name_member])

    handlers = {
        "Create": (f"Create{kind.name}", create),
        "Describe": (f"Describe{kind.name}", describe),
        "List": (f"List{kind.lists}", list_all),
        "Delete": (f"Delete{kind.name}", delete),
    }
    return {name: handler for verb, (name, handler) in handlers.items() if verb in kind.generic}
