"""Errors that the user can correct, and explanations of AWS's own errors."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator

from ratchet.deployment.roles.missing_permission import missing_statement


class DeploymentError(Exception):
    """An error that the user can correct; the message says what is wrong and what to type next."""


class NotDeployedError(DeploymentError):
    """The environment, or the pipeline, does not exist where the command looked."""


class UsageError(DeploymentError):
    """The command line is wrong in itself, whatever is deployed."""


class UnknownNameError(DeploymentError):
    """A name that matches nothing, or more than one thing."""


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """`; did you mean a or b?`, or a full stop when no known name is close."""
    close = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=limit, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else "."


_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_REFUSED_KEY = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthFailure",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden", "403"}


def denied(problem: BaseException) -> bool:
    """Whether a ClientError of botocore means: whoever asks may not."""
    details = getattr(problem, "response", {}).get("Error", {})
    return str(details.get("Code", "")) in DENIED


_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"}


def explain(problem: BaseException) -> str | None:
    """A botocore error in plain words, with the next thing to do.

    Returns:
        None for an error that is not botocore's: that is a bug, and its trace is shown.
    """
    from boto3.exceptions import Boto3Error
    from botocore import exceptions

    if isinstance(problem, Boto3Error):  # an upload's error wraps what S3 answered
        inner = problem.__cause__ or problem.__context__
        return (explain(inner) if inner else None) or _sentence(problem)
    if isinstance(problem, exceptions.ClientError):
        return _explain_answer(problem)
    if isinstance(problem, exceptions.ProfileNotFound):
        return f"{problem}. AWS_PROFILE names it; `aws configure list-profiles` lists yours"
    if isinstance(
        problem,
        exceptions.SSOError | exceptions.TokenRetrievalError | exceptions.LoginError,
    ):
        return f"the AWS sign-in has expired ({problem}). Run: aws sso login"
    if isinstance(
        problem,
        exceptions.NoCredentialsError
        | exceptions.PartialCredentialsError
        | exceptions.CredentialRetrievalError,
    ):
        return (
            f"no AWS credentials ({_sentence(problem)}). Sign in (`aws sso login`, or set "
            "AWS_PROFILE), or stay on this machine with --local"
        )
    if isinstance(problem, exceptions.ConnectionError | exceptions.HTTPClientError):
        endpoint = str(getattr(problem, "kwargs", {}).get("endpoint_url", ""))
        if endpoint and ".amazonaws.com" not in endpoint:
            return (
                f"no answer from {endpoint} ({type(problem).__name__}). If that is the local "
                "cloud: `ratchet cloud status`, then `ratchet cloud up`; its log: "
                "`ratchet cloud logs`"
            )
        return f"AWS cannot be reached ({_sentence(problem)})"
    if isinstance(problem, exceptions.BotoCoreError):
        return _sentence(problem)
    return None


def _explain_answer(problem: Exception) -> str:
    response = getattr(problem, "response", {})
    error = response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", "")).strip()
    operation = getattr(problem, "operation_name", "the call")
    if code in _EXPIRED:
        return (
            f"the AWS credentials have expired ({operation}: {code}). Sign in again: aws sso login"
        )
    if code in _REFUSED_KEY:
        return (
            f"AWS does not accept these credentials ({operation}: {code}). Check AWS_PROFILE and "
            "AWS_ACCESS_KEY_ID; `aws sts get-caller-identity` shows who you are"
        )
    if code in DENIED:
        return "\n".join([f"not allowed ({operation}): {message or code}", *_lack(message)])
    if code in _THROTTLED:
        return f"AWS throttled the call ({operation}: {code}). Wait a little and try again"
    return f"{operation} was refused: {code}{': ' + message if message else ''}"


def _lack(sentence: str) -> Iterator[str]:
    """The policy statement that would allow a refused request, if a statement would."""
    lack = missing_statement(sentence)
    if lack is not None:
        yield f"The role {lack['role']} lacks: {json.dumps(lack['statement'])}"


def _sentence(problem: BaseException) -> str:
    return str(problem).strip().rstrip(".") or type(problem).__name__
