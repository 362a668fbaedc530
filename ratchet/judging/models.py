"""Models as a training left them, and what each answers through the code packed with it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ratchet.judging import ask
from ratchet.judging.answers import Answers, RefusedError
from ratchet.judging.copies import model_digest
from ratchet.loop.names import NONE

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Asked:
    """What asking a model gave: answers, or the reason why not, or neither (there is no model)."""

    answers: Answers | None = None
    reason: str | None = None
    digest: str = NONE
    """Of the model's archive."""


def ask_model(folder: Path, rows: bytes, read: Callable[[str], Answers]) -> Asked:
    """The answers of the model archive in `folder` for these rows (CSV with a header).

    Args:
        read: what is made of the text that it answers; may raise RefusedError.
    """
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        return Asked()
    if len(archives) > 1:
        return Asked(reason=f"{len(archives)} archives, expected one model.tar.gz")
    return replace(_asked(archives[0], rows, read), digest=model_digest(archives))


def _asked(archive: Path, rows: bytes, read: Callable[[str], Answers]) -> Asked:
    with tempfile.TemporaryDirectory() as work:
        model = Path(work, "model")
        try:
            unpack(archive, model)
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            return Asked(reason=_short(f"{archive.name} cannot be unpacked: {error}"))
        return _answers(model, rows, read, Path(work))


def _answers(model: Path, rows: bytes, read: Callable[[str], Answers], work: Path) -> Asked:
    request, response = work / "rows.csv", work / "answers.csv"
    request.write_bytes(rows)
    command = [sys.executable, ask.__file__, str(model), str(request), str(response)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return Asked(reason=_short(lines[-1]))
    try:
        return Asked(answers=read(response.read_text(errors="replace")))
    except RefusedError as refused:
        return Asked(reason=_short(str(refused)))


def unpack(archive: Path, folder: Path) -> None:
    """Raises TarError where a member would be written outside of the folder."""
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
            return
        for member in tar:  # before Python 3.10.12: take plain files that stay inside, only
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
                raise tarfile.TarError(f"{member.name} would be written outside of the model")
            tar.extract(member, folder)


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_REASON]
