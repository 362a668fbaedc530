"""Whether a candidate is a model that is there already: the champion, or the newest version.

A run whose train step is cached trains nothing: its candidate is the model of an earlier run. To
register it again would deploy the same bytes again, or ask a person the same question again.
"""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ratchet.loop.names import NEW_MODEL, NONE, REGISTERED, THE_CHAMPION
from ratchet.loop.outcomes import NO_NEW_MODEL
from ratchet.loop.packages import APPROVED, PENDING, REJECTED

_CHUNK = 1 << 20
_APPROVALS = {
    APPROVED: "is approved",
    PENDING: "waits for approval",
    REJECTED: "was rejected",
}


@dataclass(frozen=True, kw_only=True)
class RegistryState:
    """What the `champion` step says of versions; NONE where there is none."""

    champion_version: str = NONE
    newest_version: str = NONE
    newest_digest: str = NONE
    """What `model_digest` gave for the newest version of the group, whatever its approval."""
    newest_approval: str = NONE
    """Its ModelApprovalStatus."""


def model_digest(archives: Sequence[Path]) -> str:
    """SHA-256 (hex) of the names and bytes of the archives' members, one archive after the other.
    Who packed them when does not matter. NONE where there is no archive, or one that is none."""
    if not archives:
        return NONE
    digest = hashlib.sha256()
    try:
        for archive in archives:
            for line in _members(archive):
                digest.update(f"{line}\n".encode("utf-8", "surrogateescape"))
            digest.update(b"\n")
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        return NONE
    return digest.hexdigest()


def status_of(candidate: str, champion: str, registry: RegistryState) -> tuple[str, str]:
    """The candidate's status, and which version it is, in words; "" of a new model.

    Args:
        candidate, champion: their digests. NONE is equal to nothing.
    """
    if candidate == NONE:
        return NEW_MODEL, ""
    if candidate == champion:
        number = registry.champion_version
        version = "" if number == NONE else f" (version {number})"
        return THE_CHAMPION, f"it is the champion itself{version}: {NO_NEW_MODEL}"
    if candidate == registry.newest_digest:
        approval = _APPROVALS.get(registry.newest_approval)
        waits = f", which {approval}" if approval else ""
        version = f"it is version {registry.newest_version} already{waits}"
        return REGISTERED, f"{version}: {NO_NEW_MODEL}"
    return NEW_MODEL, ""


def _members(archive: Path) -> list[str]:
    """A line for each file and link, by name. Of members of one name the last counts, as it does
    when they are unpacked."""
    lines: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = posixpath.normpath(member.name)
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                lines[name] = f"{name}\0{_digest(content)}"
            elif not member.isdir():
                lines[name] = f"{name}\0-> {member.linkname}"
    return [lines[name] for name in sorted(lines)]


def _digest(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
