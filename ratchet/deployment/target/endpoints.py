"""The address that AWS_ENDPOINT_URL names in place of AWS."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ratchet.deployment.errors import DeploymentError
from ratchet.project import NoProjectError, Project, find

ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def named_endpoint(variables: Mapping[str, str], project: Project) -> str | None:
    """The address of AWS_ENDPOINT_URL, or None.

    Raises:
        DeploymentError: a variable holds no address, or the one of another project's local cloud.
            It stays in a shell after `eval "$(ratchet cloud env)"` and a change of folder.
    """
    for name, value in variables.items():
        if value and (name == ENDPOINT_VARIABLE or name.startswith(f"{ENDPOINT_VARIABLE}_")):
            _check(name, value)
    url = variables.get(ENDPOINT_VARIABLE)
    if not url:
        return None
    folder = _cloud_behind(url) if on_this_machine(url) else None
    owner = _project_of(folder) if folder else None
    if owner is not None and owner.root != project.root:
        raise DeploymentError(
            f"{ENDPOINT_VARIABLE} is {url}, the local cloud of the project {owner.root}; you are "
            f"in {project.root}. Leave that cloud: unset {ENDPOINT_VARIABLE} AWS_ACCESS_KEY_ID "
            "AWS_SECRET_ACCESS_KEY"
        )
    return url


def on_this_machine(url: str) -> bool:
    """Whether the address is a loopback one: no account of AWS is there."""
    return urlsplit(url).hostname in _LOOPBACK


def _check(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise DeploymentError(
            f"{name} is {value!r}; expected an address such as http://127.0.0.1:4566. "
            f"To go to AWS: unset {name}"
        )


def _cloud_behind(url: str) -> Path | None:
    """The folder of the local cloud that answers at a loopback address; None: none does."""
    from ratchet.local_cloud.layout import STATUS_PATH

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=2)
    try:
        connection.request("GET", STATUS_PATH)
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    folder = answer.get("folder") if isinstance(answer, dict) else None
    return Path(folder) if isinstance(folder, str) else None


def _project_of(folder: Path) -> Project | None:
    try:
        return find(folder)
    except NoProjectError:
        return None
