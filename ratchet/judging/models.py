"""Models as a training left them, and what each answers through the code packed with it.

A model is one archive, or one for each container of a chain: what one answers is then the request
of the next, as at an endpoint. Each container answers in a process of its own, with the packages of
its `code/requirements.txt` before those of the image.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from ratchet.judging import ask
from ratchet.judging.answers import Answers, RefusedError
from ratchet.judging.copies import model_digest
from ratchet.loop import chains, environments, model_script  # noqa: F401 - ask.py loads the last
from ratchet.loop.names import NONE
from ratchet.loop.problems import LATENCY, SIZE

LONGEST_SECONDS = 3600.0
"""That a container has to load its model and answer for the whole eval slice: far more than any
takes, and far less than the day after which a processing job ends by default."""

_LONGEST_REASON = 300
_BATCH_ROWS = 100
"""How many rows are answered at once when a model's time is taken."""
_CSV = "text/csv"


@dataclass(frozen=True)
class Asked:
    """What asking a model gave: answers, or the reason why not, or neither (there is no model)."""

    answers: Answers | None = None
    reason: str | None = None
    digest: str = NONE
    """Of the model's archives."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """The metrics of the model rather than of its answers, by name."""
    unmeasured: Mapping[str, str] = field(default_factory=dict)
    """Why one of them is missing."""


class _CannotAnswerError(Exception):
    """The message is the reason."""


def ask_model(folders: Sequence[Path], rows: bytes, read: Callable[[str], Answers]) -> Asked:
    """The answers of a model for these rows (CSV with a header).

    Args:
        folders: one with an archive for each container, in their order; or one that holds all of a
            chain, named by `chains.archive_name`.
        read: the answers of a response; raises RefusedError.
    """
    try:
        archives = archives_in(folders)
    except _CannotAnswerError as reason:
        return Asked(reason=_short(str(reason)))
    if not archives:
        return Asked()
    digest = model_digest(archives)
    with tempfile.TemporaryDirectory() as work:
        try:
            chain = _Chain(archives, Path(work))
            response = chain.answer(rows)
            answers = read(response.decode(errors="replace"))
        except (_CannotAnswerError, RefusedError) as reason:
            return Asked(reason=_short(str(reason)), digest=digest)
        size = sum(archive.stat().st_size for archive in archives) / 1e6
        latency = {} if chain.latency is None else {LATENCY: chain.latency}
        return Asked(
            answers=answers,
            digest=digest,
            measured={SIZE: size, **latency},
            unmeasured={} if latency else {LATENCY: _short(chain.untimed)},
        )


def archives_in(folders: Sequence[Path]) -> list[Path]:
    """The archives of a model's containers, in their order; none where there is no model."""
    by_folder = [sorted(folder.glob("*.tar.gz")) for folder in folders]
    if not any(by_folder):
        return []
    if len(folders) == 1 and chains.is_whole([archive.name for archive in by_folder[0]]):
        return by_folder[0]
    archives = []
    for position, present in enumerate(by_folder, start=1):
        whose = "" if len(folders) == 1 else f" of {chains.container_name(position)}"
        if len(present) != 1:
            raise _CannotAnswerError(f"{len(present)} archives{whose}, expected one model.tar.gz")
        if chains.is_of_a_chain(present[0].name):
            raise _CannotAnswerError(
                f"{present[0].name} is a part of a chain, whose other parts are not there"
            )
        archives += present
    return archives


class _Chain:
    """The containers of a model, asked one after the other."""

    def __init__(self, archives: Sequence[Path], work: Path) -> None:
        self._archives, self._work = archives, work
        self.latency: float | None = None
        """Milliseconds a row, once it has answered."""
        self.untimed = ""
        """Why there is none."""

    def answer(self, rows: bytes) -> bytes:
        batch, batch_rows = _first_rows(rows)
        request, content_type, batch_type = rows, _CSV, _CSV
        milliseconds: list[float] = []
        for position, archive in enumerate(self._archives, start=1):
            whose = "" if len(self._archives) == 1 else f"{chains.container_name(position)}: "
            folder = self._work / str(position)
            folder.mkdir()
            (folder / "rows").write_bytes(request)
            (folder / "batch").write_bytes(batch)
            task = {
                "content_type": content_type,
                "batch_type": batch_type,
                "accept": chains.BETWEEN_CONTAINERS if position < len(self._archives) else _CSV,
            }
            (folder / "task.json").write_text(json.dumps(task))
            try:
                _run(archive, folder)
            except _CannotAnswerError as reason:
                raise _CannotAnswerError(f"{whose}{reason}") from None
            measured = json.loads((folder / "measured.json").read_text())
            request, content_type = (folder / "answer").read_bytes(), measured["content_type"]
            if "milliseconds" in measured and not self.untimed:
                milliseconds.append(measured["milliseconds"])
                batch = (folder / "batch_answer").read_bytes()
                batch_type = (folder / "batch_type").read_text()
            else:
                self.untimed = self.untimed or f"{whose}{measured.get('untimed', '')}"
        if not self.untimed:
            self.latency = sum(milliseconds) / batch_rows
        return request


def _first_rows(rows: bytes) -> tuple[bytes, int]:
    """A request of the first rows, and how many they are. A row may have line breaks in it."""
    lines = io.StringIO(rows.decode(errors="replace"), newline="")
    reader = csv.reader(lines)
    count = sum(1 for _ in islice(reader, 1 + _BATCH_ROWS)) - 1
    lines.seek(0)
    return "".join(islice(lines, reader.line_num)).encode(), count


def _run(archive: Path, folder: Path) -> None:
    """One container answers what is in its folder.

    Raises:
        _CannotAnswerError: it does not; what it wrote goes to stderr.
    """
    model = folder / "model"
    try:
        unpack(archive, model)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _CannotAnswerError(f"{archive.name} cannot be unpacked: {error}") from None
    command = [_python(model / "code"), ask.__file__, str(model), str(folder)]
    written = folder / "stderr"
    with written.open("wb") as stderr:
        # A group of its own: what the model starts ends with it.
        process = subprocess.Popen(command, stderr=stderr, start_new_session=True)
        try:
            code = process.wait(LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code == 0:
        return
    text = written.read_text(errors="replace").strip()
    print(text, file=sys.stderr)
    if code is None:
        raise _CannotAnswerError(f"no answer within {LONGEST_SECONDS:,.0f} s")
    if code < 0:
        name = signal.Signals(-code).name
        why = "; this is how a process ends that takes more memory than there is"
        raise _CannotAnswerError(
            f"its process was ended by {name}{why if name == 'SIGKILL' else ''}"
        )
    lines = text.splitlines() or [f"exit status {code}"]
    raise _CannotAnswerError(lines[-1])


def _python(code: Path) -> str:
    """The Python with the packages that a model's code asks for."""
    file = code / environments.REQUIREMENTS
    if not file.is_file():
        return sys.executable
    # Where pip would put what the step's script itself installs.
    variables = {k: v for k, v in os.environ.items() if k not in ("PIP_TARGET", "PIP_PREFIX")}
    try:
        return environments.python_with(
            environments.cache(), file, environment=variables, emit=print
        )
    except (environments.NotInstalledError, OSError, subprocess.SubprocessError) as error:
        raise _CannotAnswerError(f"code/{error}") from None


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
