"""`ratchet promote`: what it shows, asks, writes and refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.notebooks import promotion, recording, replaying
from tests.projects import small_project
from tests.unit.notebooks.promoting import notebook_text
from tests.unit.notebooks.shared_kernel import SharedKernel

CELLS = ["x = [3, 1]", "#| step: order -> y\n# Smallest first.\ny = sorted(x)", "print(y)"]
COMMAND = ["promote", "notebooks/n.ipynb", "--step", "order"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_project(tmp_path, "prices", files={"notebooks/n.ipynb": notebook_text(CELLS)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedKernel]:
    kernel = SharedKernel()
    yield kernel
    kernel.end()


@pytest.fixture
def quick(shared: SharedKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "kernel", shared.kernel)
    monkeypatch.setattr(replaying, "kernel", shared.kernel)
    monkeypatch.setattr(promotion, "_test_remark", lambda *arguments: iter(()))


def files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.jobs
def test_a_dry_run_shows_script_cells_and_call_and_writes_nothing(root: Path, quick: None) -> None:
    before = files(root)
    result = CliRunner().invoke(app, [*COMMAND, "--dry-run"])
    assert result.exit_code == 0, result.output
    for line in (
        "steps/prices/order.py  new",
        "+ def order():",
        "+     # Smallest first.",
        "- y = sorted(x)",
        "+ from order import order",
        "Nothing was written (--dry-run).",
    ):
        assert line in result.output
    assert files(root) == before


@pytest.mark.jobs
def test_without_anybody_to_ask_nothing_is_written(root: Path, quick: None) -> None:
    before = files(root)
    result = CliRunner().invoke(app, COMMAND)
    assert result.exit_code == 1
    assert "add --yes" in result.output
    assert files(root) == before


@pytest.mark.jobs
def test_yes_writes_script_test_data_and_notebook_and_gives_the_line(
    root: Path, quick: None
) -> None:
    before = files(root)
    result = CliRunner().invoke(app, [*COMMAND, "--yes"])
    assert result.exit_code == 0, result.output
    assert 'order = p.processing(\n    "order",\n    f"{ctx.steps}/order.py",' in result.output
    after = files(root)
    assert sorted(set(after) - set(before)) == [
        "steps/prices/order.py",
        "tests/prices/recorded/order/out/y/y.json",
        "tests/prices/recorded/order/record.json",
        "tests/prices/test_order.py",
    ]
    assert {name for name in before if before[name] != after[name]} == {"notebooks/n.ipynb"}
    again = CliRunner().invoke(app, [*COMMAND, "--yes"])
    assert "steps/prices/order.py" in again.output
    assert "is not overwritten" in again.output
    assert files(root) == after


@pytest.mark.jobs
def test_the_generated_test_is_red_when_the_script_makes_something_else(
    root: Path, quick: None
) -> None:
    CliRunner().invoke(app, [*COMMAND, "--yes"])
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/prices"]
    assert subprocess.run(test, cwd=root, check=False, capture_output=True).returncode == 0
    script = root / "steps/prices/order.py"
    script.write_text(script.read_text().replace("sorted(x)", "sorted(x)[::-1]"))
    done = subprocess.run(test, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "y: [0]: 3 instead of 1" in done.stdout


def test_a_refusal_is_data_with_json(root: Path) -> None:
    bad = notebook_text(["#| step: order\ny = input()", "print(y)"])
    (root / "notebooks/n.ipynb").write_text(bad)
    result = CliRunner().invoke(app, [*COMMAND, "--json"])
    assert result.exit_code == 1
    (refusal,) = json.loads(result.stdout)["refusals"]
    assert (refusal["cell"], refusal["line"], refusal["where"]) == (0, 2, "cell 1, line 2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["promote", "notebooks/n.ipynb", "--step", "ordr"], "did you mean order?"),
        (["promote", "notebooks/m.ipynb", "--step", "order"], "there is no file"),
        ([*COMMAND, "--as", "1st"], "cannot name a script"),
        ([*COMMAND, "--kernel", "nowhere"], "there is no kernel 'nowhere'"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(root: Path, words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_a_name_that_imports_something_else_is_refused(root: Path, quick: None) -> None:
    result = CliRunner().invoke(app, [*COMMAND, "--as", "json"])
    assert "`import json` imports something else in this kernel" in result.output


def test_a_notebook_that_was_saved_meanwhile_is_left_alone(
    root: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = root / "notebooks/n.ipynb"
    real = promotion.promote

    def saved_meanwhile(*arguments: object) -> object:
        made = real(*arguments)  # type: ignore[arg-type]
        notebook.write_text(notebook.read_text() + "\n")
        return made

    monkeypatch.setattr(promotion, "promote", saved_meanwhile)
    before = files(root)
    result = CliRunner().invoke(app, [*COMMAND, "--yes"])
    assert "was changed while it ran" in result.output
    assert set(files(root)) == set(before)


def test_a_disk_that_takes_no_more_leaves_nothing_behind(
    root: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = 0
    link = os.link

    def full(source: Path, target: Path) -> None:
        nonlocal links
        links += 1
        if links == 3:
            raise OSError(28, "No space left on device")
        link(source, target)

    monkeypatch.setattr(os, "link", full)
    before = files(root)
    result = CliRunner().invoke(app, [*COMMAND, "--yes"])
    assert result.exit_code == 1
    assert links == 3
    assert files(root) == before
    assert not (root / "steps").exists()


@pytest.mark.jobs
def test_the_kernel_ends_when_the_command_is_ended(root: Path) -> None:
    (root / "notebooks/n.ipynb").write_text(
        notebook_text(["import time\nopen('started', 'w')\ntime.sleep(600)\nx = [1]", *CELLS[1:]])
    )
    program = [sys.executable, "-m", "ratchet.cli.main", *COMMAND]
    command = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (root / "notebooks/started").exists():
        assert command.poll() is None
        time.sleep(0.1)
    (kernel,) = psutil.Process(command.pid).children()
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=60) == 128 + signal.SIGTERM
    psutil.wait_procs([kernel], timeout=60)
    assert not kernel.is_running()
