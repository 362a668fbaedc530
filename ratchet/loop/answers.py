"""What AWS's refusals mean, where each service words it in its own way."""

from __future__ import annotations

_CODES = frozenset({"ResourceNotFound", "ResourceNotFoundException", "NoSuchKey", "404"})
_WORDS = ("not exist", "not find", "not found", "no such")


def says_missing(error: BaseException) -> bool:
    """Whether a ClientError of botocore means: there is no such thing.

    Most Describe operations of SageMaker have no modelled "not found": they answer
    ValidationException with "… does not exist" or "Could not find …". CloudFormation answers
    ValidationError for a stack. The words tell it from other mistakes.
    """
    details = getattr(error, "response", {}).get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", "")).lower()
    if code in _CODES:
        return True
    is_general = code in ("ValidationException", "ValidationError")
    return is_general and any(words in message for words in _WORDS)
