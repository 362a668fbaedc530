"""Files of S3 in folders on this machine: fetched once, and placed without overwriting.

What is fetched is kept in `.ratchet/outputs/<digest>/` of the project, whose digest names the
content. Beside each such folder a JSON file says the SHA-256 of its files, so that one that was
changed or cut since is noticed, and fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.runs.outputs import OutputFile, digest

FOLDER = Path(".ratchet", "outputs")
"""Below the project's."""
_CHUNK = 1024 * 1024
_AT_ONCE = 8
_MD5 = 32
"""Characters of an MD5 digest; the ETag of an upload in parts has more."""

Placed = Literal["new", "unchanged", "replaced"]
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class FetchedOutput:
    """The files of an output on this machine."""

    folder: Path
    checksums: Mapping[str, str]
    """Path below the folder → SHA-256."""

    @property
    def paths(self) -> list[Path]:
        """Sorted."""
        return [self.folder / path for path in sorted(self.checksums)]


def fetch(
    s3: Any, files: Sequence[OutputFile], folder: Path, *, progress: Progress = lambda size: None
) -> FetchedOutput:
    """Fetches what is missing of an output.

    Args:
        s3: a boto3 S3 client.
        folder: of all the outputs; this one goes into the folder of its digest.
        progress: called with the bytes that are there.

    Raises:
        DeploymentError: a file has changed since it was listed, or what arrived is not what S3
            says that it is.
    """
    name = digest(files)
    place, record = folder / name, folder / f"{name}.json"
    place.mkdir(parents=True, exist_ok=True)
    recorded = _recorded(record)
    checksums: dict[str, str] = {}

    def get(file: OutputFile) -> None:
        there = place / file.path
        known = recorded.get(file.path)
        if known and there.is_file() and sha256(there) == known:
            checksums[file.path] = known
            progress(file.size)
        else:
            checksums[file.path] = _get(s3, file, there, progress)

    try:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            list(pool.map(get, files))
    finally:  # what has arrived is not fetched again
        if checksums != recorded:
            _write(record, json.dumps(checksums, indent=1, sort_keys=True).encode())
    return FetchedOutput(folder=place, checksums=checksums)


def differing(output: FetchedOutput, folder: Path) -> list[Path]:
    """The files of a folder that `place` would replace by others."""
    places = ((folder / path, checksum) for path, checksum in sorted(output.checksums.items()))
    return [place for place, checksum in places if place.is_file() and _differs(place, checksum)]


def blocking(output: FetchedOutput, folder: Path) -> list[Path]:
    """What `place` cannot replace: folders where files go, and files where folders go."""
    places = [folder / path for path in sorted(output.checksums)]
    folders = {parent for place in places for parent in place.parents if parent.is_file()}
    return sorted(folders | {place for place in places if place.is_dir()})


def place(output: FetchedOutput, folder: Path) -> dict[str, Placed]:
    """Copies the files into a folder, each in one move, over what is there.

    Returns:
        Path below the folder → what became of it.

    Raises:
        DeploymentError: a file cannot be written.
    """
    verdicts: dict[str, Placed] = {}
    for path, checksum in sorted(output.checksums.items()):
        there = folder / path
        exists = there.exists()
        if exists and not _differs(there, checksum):
            verdicts[path] = "unchanged"
            continue
        _copy(output.folder / path, there)
        verdicts[path] = "replaced" if exists else "new"
    return verdicts


def _copy(source: Path, there: Path) -> None:
    draft = _draft(there)
    try:
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft)
        draft.replace(there)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise DeploymentError(f"{there} cannot be written: {problem.strerror}") from None
    except BaseException:  # Ctrl-C
        draft.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differs(path: Path, checksum: str) -> bool:
    return not path.is_file() or sha256(path) != checksum


def _get(s3: Any, file: OutputFile, there: Path, progress: Progress) -> str:
    """The SHA-256 of the file, which is there, whole, when this returns."""
    answer = _open(s3, file)
    there.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(there)
    checksum, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    try:
        with draft.open("wb") as writing:
            while chunk := answer["Body"].read(_CHUNK):
                writing.write(chunk)
                for each in (checksum, md5):
                    each.update(chunk)
                size += len(chunk)
                progress(len(chunk))
        # With a customer key an ETag is no digest (S3 API reference, "Object").
        encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256"
        is_md5 = len(file.etag) == _MD5 and not encrypted
        if size != file.size or (is_md5 and md5.hexdigest() != file.etag):
            raise DeploymentError(
                f"{file.uri} arrived as {size:,} bytes that are not the {file.size:,} of S3. "
                "Try again"
            )
        draft.replace(there)
    finally:
        draft.unlink(missing_ok=True)
    return checksum.hexdigest()


def _open(s3: Any, file: OutputFile) -> Mapping[str, Any]:
    """boto3 compares what it reads with the checksum that S3 keeps, if S3 keeps one."""
    from botocore.exceptions import ClientError

    try:
        answer: Mapping[str, Any] = s3.get_object(
            Bucket=file.bucket, Key=file.key, IfMatch=f'"{file.etag}"', ChecksumMode="ENABLED"
        )
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in ("PreconditionFailed", "NoSuchKey"):
            raise
        raise DeploymentError(
            f"{file.uri} has changed or was removed since it was listed. Try again"
        ) from None
    return answer


def _recorded(record: Path) -> dict[str, str]:
    try:
        content = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: bytes) -> None:
    draft = _draft(path)
    draft.write_bytes(content)
    draft.replace(path)


def _draft(path: Path) -> Path:
    """Beside the file, so that a move puts it there whole."""
    return path.with_name(f".{path.name}.{os.getpid()}.{uuid4().hex[:8]}")
