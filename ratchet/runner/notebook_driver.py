"""Runs a notebook as SageMaker's driver of notebook jobs does, by nbclient instead of papermill.

It is a program of its own that imports nothing of Ratchet: the Python of a step does not see it.
What it keeps of the driver (sagemaker-headless-execution-driver 0.0.13): parameters come from
hyperparameters.json and are texts, all of them; the notebook runs in its own folder; a copy of it
and the executed notebook go to /opt/ml/output/data, the reason of a failure to
/opt/ml/output/failure. What cells print goes to the log too, which that driver leaves out.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

PARAMETERS_TAG, INJECTED_TAG = "parameters", "injected-parameters"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FAILURE = "Error with executing notebook"
_SHOWN_CODE = 60
_PR_SET_PDEATHSIG = 1
_LONGEST_SOCKET = 103


class CellFailedError(Exception):
    """A cell ended with an error, or with the kernel.

    Attributes:
        number: the cell's place among all cells, from 1, the injected one included.
        error: `ValueError: …`, or why there is none.
        traceback: the traceback without colours, or "".
    """

    def __init__(self, number: int, error: str, traceback: str = "") -> None:
        super().__init__(f"cell {number}: {error}")
        self.number, self.error, self.traceback = number, error, traceback


class NotebookStopped(SystemExit):
    """Somebody asked the job to end."""


@dataclass(frozen=True, kw_only=True)
class CellProgress:
    """What is told while a notebook runs: `cell(number, of, first line of its code)` before each
    code cell, and `text(stream, text)` of what it prints."""

    cell: Callable[[int, int, str], None]
    text: Callable[[str, str], None]


def read(notebook: Path) -> Any:
    """A notebook of any version as nbformat 4.5, each cell with an id."""
    import nbformat

    nb: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    if nb.nbformat_minor < 5:
        nb.nbformat_minor = 5
        for number, cell in enumerate(nb.cells, start=1):
            cell["id"] = f"cell-{number}"
    return nb


def inject(nb: Any, parameters: Mapping[str, object]) -> int | None:
    """Adds a cell that sets the parameters: behind the one tagged `parameters`, in place of one
    that an earlier run added, or else first (papermill, `parameterize_notebook`).

    Returns:
        The place, from 0, of a cell that was put among the others.
    """
    import nbformat

    if not parameters:
        return None
    lines = ["# Parameters", *(f"{name} = {value!r}" for name, value in parameters.items())]
    cell = nbformat.from_dict(  # type: ignore[no-untyped-call]
        {
            "cell_type": "code",
            "execution_count": None,
            "id": INJECTED_TAG,
            "metadata": {"tags": [INJECTED_TAG]},
            "outputs": [],
            "source": "\n".join(lines),
        }
    )
    tags = [each.metadata.get("tags", ()) for each in nb.cells]
    earlier = next((at for at, each in enumerate(tags) if INJECTED_TAG in each), None)
    if earlier is not None:
        nb.cells[earlier] = cell
        return None
    defaults = next((at for at, each in enumerate(tags) if PARAMETERS_TAG in each), -1)
    nb.cells.insert(defaults + 1, cell)
    return defaults + 1


def execute(
    nb: Any,
    *,
    folder: Path,
    progress: CellProgress,
    kernel: str = "python3",
    environment: Mapping[str, str] | None = None,
) -> None:
    """Runs all cells in a new kernel and puts their outputs into `nb`, as they come. The kernel and
    what it started have ended when this returns or raises.

    Args:
        folder: where the kernel runs.
        kernel: its name; python3 is this Python.
        environment: of the kernel; this process's unless given.

    Raises:
        CellFailedError: a cell failed. The cells behind it did not run.
    """
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    code = [at for at, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    with (
        tempfile.TemporaryDirectory(prefix="kernel-", dir=socket_place()) as sockets,
        (client := _client(nb, kernel, progress, sockets)).setup_kernel(
            cwd=str(folder),
            env=dict(os.environ if environment is None else environment),
            preexec_fn=_end_with_parent(),
        ),
    ):
        for number, at in enumerate(code, start=1):
            cell = nb.cells[at]
            progress.cell(number, len(code), _first_line(cell.source))
            try:
                client.execute_cell(cell, at, execution_count=client.code_cells_executed + 1)
            except CellExecutionError as error:
                name = f"{error.ename}: {error.evalue}"
                raise CellFailedError(at + 1, name, _traceback(cell)) from None
            except DeadKernelError:
                raise CellFailedError(
                    at + 1, "the kernel died: perhaps the machine ran out of memory"
                ) from None


def socket_place() -> str:
    """Where folders of sockets are made. The folder for temporary files of a step is as deep as the
    project, and a socket's path has 103 bytes at most on macOS, 107 on Linux."""
    place = tempfile.gettempdir()
    longest = os.path.join(place, "kernel-12345678", "kernel-ipc-5")  # noqa: PTH118
    return place if len(os.fsencode(longest)) <= _LONGEST_SOCKET else "/tmp"  # noqa: S108


def _client(nb: Any, kernel: str, progress: CellProgress, sockets: str) -> Any:
    from nbclient import NotebookClient
    from traitlets.config import Config

    class TellingClient(NotebookClient):
        def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
            _tell(msg, progress)
            return super().output(outs, msg, display_id, cell_index)

    # Sockets in a folder of this user's, so that the kernel listens on no port.
    config = Config(
        KernelManager={"transport": "ipc", "connection_file": str(Path(sockets, "kernel.json"))}
    )
    return TellingClient(
        nb, timeout=None, kernel_name=kernel, shutdown_kernel="immediate", config=config
    )


def _tell(message: Mapping[str, Any], progress: CellProgress) -> None:
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            progress.text(content["name"], content["text"])
        case "execute_result" | "display_data":
            progress.text("stdout", f"{content['data'].get('text/plain', '')}\n")
        case "error":
            progress.text("stderr", f"{_plain(content['traceback'])}\n")


def _traceback(cell: Any) -> str:
    errors = [out for out in cell.outputs if out.output_type == "error"]
    return _plain(errors[-1].traceback) if errors else ""


def _plain(lines: Sequence[str]) -> str:
    return _ANSI.sub("", "\n".join(lines))


def _first_line(code: str) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in code.splitlines() if line.strip()]
    shown = next((line for line in lines if not line.startswith("#|")), lines[0] if lines else "")
    return shown if len(shown) <= _SHOWN_CODE else f"{shown[: _SHOWN_CODE - 1]}…"


def _end_with_parent() -> Callable[[], None] | None:
    """The kernel leads a session of its own, so a kill of this program's group leaves it alone.
    Linux ends it with its parent; elsewhere it finds out by itself within a second."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def end_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended already, so no signal will come
            os._exit(1)

    return end_with_parent


# -- the job


@dataclass(frozen=True, kw_only=True)
class _Job:
    """Folders and names as the variables of the job have them. `root`: /opt/ml, wherever it is."""

    folder: Path
    notebook: str
    executed: str
    kernel: str
    init_script: str

    @classmethod
    def of(cls, variables: Mapping[str, str], executed: str) -> _Job:
        return cls(
            folder=Path(variables["SM_EXECUTION_INPUT_PATH"]),
            notebook=variables["SM_INPUT_NOTEBOOK_NAME"],
            executed=executed,
            kernel=variables.get("SM_KERNEL_NAME", "python3"),
            init_script=variables.get("SM_INIT_SCRIPT", ""),
        )

    @property
    def root(self) -> Path:
        return self.folder.parents[2]

    @property
    def parameters(self) -> dict[str, str]:
        file = self.root / "input" / "config" / "hyperparameters.json"
        values: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return values

    def fail(self, reason: str) -> int:
        (self.root / "output" / "failure").write_text(f"{_FAILURE}\n{reason}")
        _print_text("stderr", f"{reason}\n")
        return 1


def run_job(variables: Mapping[str, str], *, executed: str) -> int:
    """What the image's program does; the exit code.

    Args:
        variables: of the job.
        executed: the file name of the executed notebook.
    """
    import nbformat
    from jupyter_client.kernelspec import NoSuchKernel

    job = _Job.of(variables, executed)
    source, outputs = job.folder / job.notebook, job.root / "output" / "data"
    outputs.mkdir(parents=True, exist_ok=True)
    if not source.is_file():
        return job.fail(f"Cannot find input notebook: {source}")
    shutil.copy(source, outputs)
    version = variables.get("SM_JOB_DEF_VERSION")
    if version != "1.0":
        return job.fail(f"Cannot handle SageMaker job definition version: {version}")
    nb = read(source)
    inject(nb, job.parameters)
    try:
        environment = _sourced(job)
        execute(
            nb,
            folder=job.folder,
            progress=CellProgress(cell=_print_cell, text=_print_text),
            kernel=job.kernel,
            environment=environment,
        )
    except CellFailedError as failure:
        return job.fail(f"{failure}\n{failure.traceback}".rstrip())
    except NoSuchKernel:
        return job.fail(f"this machine has no kernel {job.kernel!r}; python3 is there")
    except subprocess.CalledProcessError as failure:
        return job.fail(f"the init script {job.init_script} ended with {failure.returncode}")
    finally:
        nbformat.write(nb, outputs / job.executed)  # type: ignore[no-untyped-call]
    return 0


def _sourced(job: _Job) -> dict[str, str] | None:
    """The variables that the init script leaves; bash sources it in the notebook's folder."""
    if not job.init_script:
        return None
    words = ["bash", "-e", "-c", '. "$1" >&2 && env -0', "bash", str(job.folder / job.init_script)]
    left = subprocess.run(words, cwd=job.folder, stdout=subprocess.PIPE, check=True).stdout
    pairs = (entry.partition("=") for entry in left.decode().split("\0") if entry)
    return {name: value for name, _, value in pairs}


def _print_cell(number: int, of: int, code: str) -> None:
    _print_text("stdout", f"[{number}/{of}] {code}\n")


def _print_text(stream: str, text: str) -> None:
    out = sys.stderr if stream == "stderr" else sys.stdout
    out.write(text)
    out.flush()


def _stop(*_: object) -> NoReturn:
    raise NotebookStopped(128 + signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """Run as SageMaker runs it: the rest of what it needs is in variables and files."""
    signal.signal(signal.SIGTERM, _stop)
    return run_job(os.environ, executed=arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
