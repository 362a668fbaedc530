"""The server that answers for every model: any with the OpenAI API, at an address of yours.

Nothing here makes an answer up. Without a server, and with one that is down, slow or wrong, the
call fails with the error that Bedrock has for it.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from typing import Any

from ratchet.local_cloud.bedrock.errors import (
    invalid,
    model_error,
    throttled,
    timed_out,
    unavailable,
)
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.switches import Switches

_NO_SERVER = (
    "No server answers for foundation models in this local cloud, and it makes up no answers. "
    "Start a server with the OpenAI API (Ollama, llama.cpp, vLLM), then the cloud with its "
    "address: ratchet cloud down; RATCHET_BEDROCK_URL=http://127.0.0.1:11434/v1 ratchet cloud up"
)
_LONGEST = 500


class ModelServer:
    """Calls the server that the switches name. Safe from any thread."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def name_of(self, model_id: str) -> str:
        """What the server calls a model of Bedrock's."""
        return self._switches.server_model(model_id)

    def address(self) -> str:
        """Of the server; raises ApiError (ValidationException) when there is none."""
        address = self._switches.bedrock_url.rstrip("/")
        if not address:
            raise invalid(_NO_SERVER)
        return address

    def ask(self, path: str, content: dict[str, Any], *, model_id: str) -> tuple[Any, int]:
        """The JSON that the server answers to a POST, and how many milliseconds it took.

        Raises ApiError: ValidationException without a server and for what the server refuses,
        ThrottlingException, ModelTimeoutException, ServiceUnavailableException, and
        ModelErrorException.
        """
        address = self.address()
        began = time.monotonic()
        status, body = self._post(f"{address}{path}", content)
        milliseconds = round((time.monotonic() - began) * 1000)
        if status != 200:
            raise _refusal(address, status, body, model_id, str(content["model"]))
        try:
            return json.loads(body), milliseconds
        except ValueError:
            shown = body[:_LONGEST].decode("utf-8", "replace")
            message = f"The server at {address} answered what is no JSON: {shown!r}"
            raise model_error(message, status=status, model=model_id) from None

    def _post(self, url: str, content: dict[str, Any]) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310  # switches.py allows HTTP only
            url,
            data=json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        seconds = self._switches.bedrock_timeout_seconds
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(error, TimeoutError) or isinstance(reason, TimeoutError):
                raise timed_out(
                    f"The server at {url} has not answered for {seconds:g} s "
                    "(RATCHET_BEDROCK_TIMEOUT_SECONDS)."
                ) from None
            raise unavailable(
                f"The server at {url} does not answer: {reason or type(error).__name__}. Start it, "
                "or start the local cloud with the address of another in RATCHET_BEDROCK_URL."
            ) from None


def _refusal(address: str, status: int, body: bytes, model_id: str, name: str) -> ApiError:
    shown = _message_of(body)
    if status == 429:
        return throttled(f"Too many requests, please wait before trying again. ({shown})")
    if status == 404:
        return invalid(
            f"The server at {address} has no model {name!r} ({shown}). Name one of its own in "
            f"RATCHET_BEDROCK_MODEL, for all ids or as {model_id}=NAME."
        )
    message = f"The server at {address} answered {status}: {shown}"
    if status == 503:
        return unavailable(message)
    if 400 <= status < 500:
        return invalid(message)
    return model_error(message, status=status, model=model_id)


def _message_of(body: bytes) -> str:
    """The message of an error of the OpenAI API, or else the start of the text."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        pass
    return str(text)[:_LONGEST]
