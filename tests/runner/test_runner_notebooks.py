"""Notebook jobs on a laptop: what AWS's driver does with a notebook, ours does."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ratchet.loop import notebook_jobs
from ratchet.runner import CannotRunError, Result, StopSignal, notebook_driver
from ratchet.runner.container import STEP_FOLDER
from ratchet.runner.step_types import notebook as notebook_steps
from tests.runner.notebook_jobs import notebook, notebook_step
from tests.runner.workbench import Recording, Workbench, definition

pytestmark = pytest.mark.jobs

DEFAULTS = ('month = "2013-01"\nrows = "10"', ["parameters"])


def outputs(workbench: Workbench, result: Result) -> dict[str, str]:
    """What the job left in /opt/ml/output/data, by file name."""
    model = result.steps[0].properties["ModelArtifacts"]["S3ModelArtifacts"]
    return workbench.files_in_archive(model.replace("model.tar.gz", "output.tar.gz"))


def executed(workbench: Workbench, result: Result) -> list[dict[str, Any]]:
    """The cells of the executed notebook."""
    cells: list[dict[str, Any]] = json.loads(outputs(workbench, result)["explore-executed.ipynb"])[
        "cells"
    ]
    return cells


def printed(cell: dict[str, Any]) -> str:
    return "".join(line for out in cell["outputs"] for line in out.get("text", ()))


def test_a_notebook_runs_and_its_executed_copy_is_an_output(workbench: Workbench) -> None:
    result = workbench.run(definition(notebook_step(workbench, "print('one')", "1 + 1")))

    assert result.status == "Succeeded", result.failure_reason
    assert set(outputs(workbench, result)) == {"explore.ipynb", "explore-executed.ipynb"}
    one, two = executed(workbench, result)
    assert printed(one) == "one\n"
    assert two["outputs"][0]["data"]["text/plain"] == ["2"]
    assert [one["execution_count"], two["execution_count"]] == [1, 2]


def test_the_log_has_the_progress_of_cells_and_what_they_print_as_it_comes(
    workbench: Workbench,
) -> None:
    result = workbench.run(
        definition(
            notebook_step(
                workbench,
                "#| step: look\nimport sys\nprint('out')\nprint('err', file=sys.stderr)",
                "'a value'",
            )
        )
    )

    assert result.status == "Succeeded", result.failure_reason
    assert workbench.observer.output("explore") == [
        "[1/2] import sys",
        "out",
        "[2/2] 'a value'",
        "'a value'",
    ]
    assert "err" in workbench.observer.output("explore", "stderr")


def test_parameters_arrive_as_texts_behind_the_cell_of_their_defaults(
    workbench: Workbench,
) -> None:
    step = notebook_step(
        workbench,
        "first = 'before'",
        DEFAULTS,
        "print(first, repr(month), repr(rows))",
        parameters={"month": "it's 2013-02", "rows": "5"},
    )

    result = workbench.run(definition(step))

    assert result.status == "Succeeded", result.failure_reason
    cells = executed(workbench, result)
    assert printed(cells[-1]) == "before \"it's 2013-02\" '5'\n"
    assert cells[2]["metadata"]["tags"] == ["injected-parameters"]
    assert cells[2]["source"][0] == "# Parameters\n"


def test_a_notebook_runs_beside_its_modules_and_channels(workbench: Workbench) -> None:
    step = notebook_step(
        workbench,
        "from helper import total\nfrom pathlib import Path",
        "print(total(Path('/opt/ml/input/data/rows/part.csv').read_text()))",
        "Path('/opt/ml/output/data/note.txt').write_text('kept')",
        files={"helper.py": "def total(text): return sum(map(int, text.split()))"},
    )
    workbench.put("s3://data/rows/part.csv", "1 2 3")
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://data/rows/"}
    channel = {"ChannelName": "rows", "DataSource": {"S3DataSource": source}}
    step["Arguments"]["InputDataConfig"].append(channel)

    result = workbench.run(definition(step))

    assert result.status == "Succeeded", result.failure_reason
    assert printed(executed(workbench, result)[1]) == "6\n"
    assert outputs(workbench, result)["note.txt"] == "kept"


def test_a_failing_cell_fails_the_step_with_its_error_and_leaves_what_had_run(
    workbench: Workbench,
) -> None:
    cells = ("print('one')", "def f():\n    raise ValueError('no such month')\nf()", "print('no')")

    result = workbench.run(definition(notebook_step(workbench, *cells)))

    assert result.status == "Failed"
    assert "cell 2: ValueError: no such month" in str(result.failure_reason)
    assert "f()" in str(result.failure_reason)
    assert "\x1b" not in str(result.failure_reason)
    one, two, three = executed(workbench, result)
    assert printed(one) == "one\n"
    assert two["outputs"][0]["ename"] == "ValueError"
    assert three["outputs"] == []


def test_a_cell_that_kills_its_kernel_fails_the_step(workbench: Workbench) -> None:
    step = notebook_step(workbench, "import os\nos._exit(1)")

    result = workbench.run(definition(step))

    assert result.status == "Failed"
    assert "cell 1: the kernel died" in str(result.failure_reason)


def test_a_module_that_is_missing_comes_with_what_to_do(workbench: Workbench) -> None:
    result = workbench.run(definition(notebook_step(workbench, "import no_such_module")))

    assert "No module named 'no_such_module'" in str(result.failure_reason)
    assert "pip install no_such_module" in str(result.failure_reason)


def test_a_kernel_that_is_not_here_is_named(workbench: Workbench) -> None:
    step = notebook_step(workbench, "1", environment={"SM_KERNEL_NAME": "scala"})

    assert "no kernel 'scala'" in str(workbench.run(definition(step)).failure_reason)


def test_a_notebook_does_not_see_ratchet_or_the_person(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    step = notebook_step(
        workbench,
        "import os, sys\nprint('MY_TOKEN' in os.environ, os.environ['HOME'])",
        "try:\n    import ratchet\n    print('seen')\nexcept ModuleNotFoundError:\n    print('no')",
        "print([entry for entry in sys.path if entry.endswith(('/bin', '/runner'))])",
    )

    result = workbench.run(definition(step))

    assert result.status == "Succeeded", result.failure_reason
    first, second, third = executed(workbench, result)
    assert printed(first).startswith("False ")
    assert str(Path.home()) != printed(first).split()[1]
    assert printed(second) == "no\n"
    assert printed(third) == "[]\n"


def kernels(folder: Path) -> list[psutil.Process]:
    """The processes of steps below a folder."""
    alive = []
    for process in psutil.process_iter():
        try:
            named = process.environ().get(STEP_FOLDER, "")
            if named.startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.Error:
            continue
    return alive


def wait_until_gone(folder: Path) -> list[psutil.Process]:
    until = time.monotonic() + 5
    while (left := kernels(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


# The second one is deaf: it takes no signal but SIGKILL, and its kernel keeps the lock of Python.
# ipykernel's flush only queues the text for a thread that needs that lock too. Its queue is in
# order, so the return of a second flush says that the text has left.
BEGUN = "import sys\nprint('begun', flush=True)\nsys.stdout.flush()\n"
BUSY = f"{BEGUN}import time\ntime.sleep(600)"
DEAF = f"{BEGUN}import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')"


@pytest.mark.parametrize("cell", [BUSY, DEAF])
def test_a_stop_ends_the_kernel_too_and_keeps_the_notebook(workbench: Workbench, cell: str) -> None:
    observer, stop = Recording(), StopSignal(grace_seconds=10.0)
    observer.on_line = lambda line: stop.request() if line == "begun" else None

    result = workbench.run(
        definition(notebook_step(workbench, "print('one')", cell)), observer=observer, stop=stop
    )

    assert result.status == "Stopped"
    assert wait_until_gone(workbench.folder) == []
    assert printed(executed(workbench, result)[0]) == "one\n"


def test_a_kernel_does_not_outlive_a_driver_that_is_killed(workbench: Workbench) -> None:
    observer = Recording()

    def kill(line: str) -> None:
        if line == "begun":
            driver = observer.changes[-1].process_group
            assert driver is not None
            os.kill(driver, signal.SIGKILL)

    observer.on_line = kill

    result = workbench.run(definition(notebook_step(workbench, DEAF)), observer=observer)

    assert result.status == "Failed"
    assert wait_until_gone(workbench.folder) == []


def test_an_init_script_is_sourced_before_the_notebook(workbench: Workbench) -> None:
    step = notebook_step(
        workbench,
        "import os\nprint(os.environ['GREETING'])",
        files={"init.sh": "export GREETING=hello\necho noise"},
        environment={"SM_INIT_SCRIPT": "init.sh"},
    )

    result = workbench.run(definition(step))

    assert result.status == "Succeeded", result.failure_reason
    assert printed(executed(workbench, result)[0]) == "hello\n"


def test_an_init_script_that_fails_fails_the_step(workbench: Workbench) -> None:
    step = notebook_step(
        workbench, "1", files={"init.sh": "exit 3"}, environment={"SM_INIT_SCRIPT": "init.sh"}
    )

    assert "init.sh ended with 3" in str(workbench.run(definition(step)).failure_reason)


def test_what_a_notebook_needs_here_is_said_before_anything_runs(
    workbench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook_steps, "_PACKAGES", ("no_such_package",))
    with pytest.raises(CannotRunError, match=re.escape("pip install 'sagemaker-ratchet[notebo")):
        workbench.run(definition(notebook_step(workbench, "1")))


def test_a_job_that_names_no_notebook_is_refused(workbench: Workbench) -> None:
    step = notebook_step(workbench, "1")
    del step["Arguments"]["Environment"]["SM_INPUT_NOTEBOOK_NAME"]
    with pytest.raises(Exception, match=r"SM_INPUT_NOTEBOOK_NAME.*is required of a notebook job"):
        workbench.run(definition(step))


def test_a_notebook_of_an_older_format_is_executed_as_the_newest(tmp_path: Path) -> None:
    file = tmp_path / "old.ipynb"
    file.write_text(json.dumps(notebook("1", "2")))
    nb = notebook_driver.read(file)
    assert (nb.nbformat, nb.nbformat_minor) == (4, 5)
    assert [cell.id for cell in nb.cells] == ["cell-1", "cell-2"]


def test_a_second_run_replaces_the_parameters_of_the_first(tmp_path: Path) -> None:
    file = tmp_path / "nb.ipynb"
    file.write_text(json.dumps(notebook(DEFAULTS, "print(rows)")))
    nb = notebook_driver.read(file)
    notebook_driver.inject(nb, {"rows": "1"})
    notebook_driver.inject(nb, {"rows": "2"})
    assert [cell.source for cell in nb.cells[1:]] == ["# Parameters\nrows = '2'", "print(rows)"]


def test_without_a_cell_of_defaults_parameters_come_first(tmp_path: Path) -> None:
    file = tmp_path / "nb.ipynb"
    file.write_text(json.dumps(notebook("print(rows)")))
    nb = notebook_driver.read(file)
    notebook_driver.inject(nb, {"rows": "1"})
    assert nb.cells[0].source == "# Parameters\nrows = '1'"


def test_the_driver_reads_the_variables_that_the_rest_writes() -> None:
    text = Path(notebook_driver.__file__).read_text()
    names = ("INPUT_PATH", "NOTEBOOK", "KERNEL", "VERSION", "INIT_SCRIPT", "PARAMETERS_TAG")
    for name in names:
        assert f'"{getattr(notebook_jobs, name)}"' in text
    assert "ratchet" not in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    assert Path(notebook_jobs.FOLDER).name == notebook_jobs.CHANNEL


def test_sockets_have_short_paths_however_deep_the_project_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("deep" * 30)))
    assert len(notebook_driver.socket_place()) < 40
    monkeypatch.setattr(tempfile, "tempdir", str(Path("/t")))
    assert notebook_driver.socket_place() == str(Path("/t"))
