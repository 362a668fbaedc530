"""Pipeline definitions as the API takes them: read, checked, and their parameters bound.

The texts are kept by digest, so that a thousand executions of one pipeline share one copy, and an
execution keeps the definition it was started with whatever happens to the pipeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker.errors import invalid
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api, Request

_KIND = "Definition"


def requested(api: Api, scope: AccountScope, request: Request) -> str | None:
    """The definition that a request carries or points to; None when it does neither.

    Raises ``ValidationException`` for both at once and for an object that is not there.
    """
    text, location = (
        request.get("PipelineDefinition"),
        request.get("PipelineDefinitionS3Location"),
    )
    if text is not None and location is not None:
        raise invalid(
            "PipelineDefinition and PipelineDefinitionS3Location cannot both be given: leave one."
        )
    if location is None:
        return text
    bucket, key = location["Bucket"], location["ObjectKey"]
    try:
        return api.cloud.read_object(scope, bucket, key, location.get("VersionId")).decode()
    except KeyError:
        raise invalid(f"The pipeline definition s3://{bucket}/{key} does not exist.") from None
    except UnicodeDecodeError:
        raise invalid(f"The pipeline definition s3://{bucket}/{key} is not UTF-8 text.") from None


def check(text: str) -> None:
    """Refuse a definition that the runner could not run, with every problem it has.

    Steps that run on AWS only may be in it: a start must bring their stand-ins.
    """
    from ratchet.runner import RunnerError, validate

    try:
        validate(text, stand_ins=None)
    except RunnerError as error:
        raise invalid(str(error)) from None


def keep(api: Api, scope: AccountScope, text: str) -> str:
    """Keep a definition's text; answers its digest."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    if api.store.get(scope, _KIND, digest) is None:
        api.store.put(scope, _KIND, digest, {"text": text})
    return digest


def stored_text(api: Api, scope: AccountScope, digest: str) -> str:
    """The text that ``keep`` took."""
    body = api.store.get(scope, _KIND, digest)
    assert body is not None, digest
    text: str = body["text"]
    return text


def bind(
    text: str, values: Mapping[str, str], stand_ins: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Every parameter's value for an execution; refuses unknown names and unfit values.

    Refuses steps that cannot run too, unless ``stand_ins`` has their results.
    """
    from ratchet.runner import RunnerError, validate
    from ratchet.runner.parameters import bind as bind_parameters

    try:
        return bind_parameters(validate(text, stand_ins=stand_ins or {}).parameters, values)
    except RunnerError as error:
        raise invalid(str(error)) from None
