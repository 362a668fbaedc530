"""Whether SageMaker says that something does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


def says_missing(error: ClientError) -> bool:
    """Most Describe operations have no modelled "not found": the service answers
    ValidationException with "… does not exist" or "Could not find …"."""
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return code == "ResourceNotFound" or (
        code == "ValidationException" and ("not exist" in text or "not find" in text)
    )
