"""A service of AWS by its operations: requests and answers are those of botocore's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationNotFoundError, ServiceModel, Shape

from ratchet.local_cloud.sagemaker import shapes
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

Handler = Callable[[AccountScope, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """`check_answers` compares every answer with its shape; `unfit` receives the differences."""

    name: str
    """As boto3 names it."""
    model: ServiceModel
    operations: Mapping[str, Handler]
    reset: Callable[[], None]
    check_answers: bool = False
    unfit: list[str] = field(default_factory=list)
    beyond: frozenset[str] = frozenset()
    """Values that AWS answers though its model does not allow them."""

    def call(self, scope: AccountScope, operation: str, request: object) -> dict[str, Any]:
        """Raises ApiError."""
        handler = self.operations.get(operation)
        try:
            shape = self.model.operation_model(operation)
        except OperationNotFoundError:
            shape = None
        if handler is None or shape is None:
            raise ApiError(
                "UnknownOperationException",
                f"The local cloud does not implement {self.name}:{operation or '?'}, only "
                f"{', '.join(sorted(self.operations))}. AWS itself would answer.",
            )
        if not isinstance(request, dict):
            raise ApiError("SerializationException", "The request is not a JSON object.")
        shapes.check_request(shape.input_shape, request)
        members = {name: value for name, value in request.items() if value is not None}
        answer: dict[str, Any] = shapes.present(shape.output_shape, handler(scope, members))
        if self.check_answers and shape.output_shape is not None:
            self.unfit.extend(
                f"{self.name}:{operation} answers what is not in its model: {problem}"
                for problem in _problems(shape.output_shape, answer)
                if not any(problem.startswith(f"Value '{value}' at ") for value in self.beyond)
            )
        return answer


def _problems(shape: Shape, answer: object) -> list[str]:
    try:
        return list(shapes.problems(shape, answer, ""))
    except ApiError as error:  # a member of another JSON type ends the search
        return [error.message]
