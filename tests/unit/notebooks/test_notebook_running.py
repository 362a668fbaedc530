"""A notebook runs on this machine with what it asks for, and its executed copy is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ratchet.deployment.target.environment import Target
from ratchet.notebooks import cells, landed_data, run_records, running, step_code
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.executed_copy import NotebookRun
from ratchet.notebooks.landed_data import LandedData
from ratchet.notebooks.run_records import RunRecord
from ratchet.runner.notebook_driver import CellProgress
from tests.runner.notebook_jobs import notebook

DATA = LandedData(
    digest="d" * 64, manifest="s3://m.json", label="2013-01", bucket="b", snapshot_bucket="a"
)
PARAMETERS = ('data = "data"\nmanifest = ""\nenvironment = ""\nrows = 10', ["parameters"])
PERCENT = """\
# %% [markdown]
# A look.

# %% tags=["parameters"]
rows = 10

# %%
# %precision 3
print(rows * 2)
"""


class Bench:
    """A project in a folder, a target in it, and what was told while a notebook ran."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.fetches: list[LandedData] = []
        self.cells: list[tuple[int, int, str]] = []
        self.texts: list[tuple[str, str]] = []
        settings = SimpleNamespace(environment="dev", model_name="flights")
        variables = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        self.target = cast(
            Target,
            SimpleNamespace(
                root=root, settings=settings, folder=root / "cloud", variables=variables
            ),
        )
        folder = root / "landed"
        folder.mkdir()
        (folder / "rows.csv").write_text("1 2 3")
        monkeypatch.setattr(landed_data, "newest", lambda target: DATA)
        monkeypatch.setattr(landed_data, "fetched", lambda target, data, progress: folder)

    def write(self, *cells: Any, name: str = "notebooks/explore.ipynb") -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(notebook(*cells)))
        return file

    def run(self, file: Path, values: Mapping[str, str] | None = None, **more: Any) -> NotebookRun:
        def fetching(data: LandedData) -> Any:
            self.fetches.append(data)
            return lambda size: None

        prepared = running.prepare(self.target, running.load(file), values or {}, fetching=fetching)
        progress = CellProgress(
            cell=lambda number, of, code: self.cells.append((number, of, code)),
            text=lambda stream, text: self.texts.append((stream, text)),
        )
        return running.run(self.target, prepared, progress=progress, **more)

    def records(self, name: str) -> list[RunRecord]:
        return run_records.read_records(self.root / ".ratchet" / "notebooks" / f"{name}.jsonl")

    @property
    def printed(self) -> str:
        return "".join(text for stream, text in self.texts if stream == "stdout")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


@pytest.mark.jobs
def test_it_is_given_the_data_that_it_has_parameters_for(bench: Bench) -> None:
    file = bench.write(
        PARAMETERS,
        "from pathlib import Path\nprint((Path(data) / 'rows.csv').read_text())",
        "print(manifest, environment, rows + 1)",
    )

    result = bench.run(file, {"rows": "5"})

    assert result.ok
    assert bench.printed == "1 2 3\ns3://m.json dev 6\n"
    assert bench.fetches == [DATA]
    assert (result.data, result.data_label) == (DATA.digest, "2013-01")
    assert result.parameters == {
        "data": str(bench.root / "landed"), "manifest": "s3://m.json", "environment": "dev",
        "rows": 5,
    }  # fmt: skip


@pytest.mark.jobs
def test_one_that_asks_for_no_data_gets_none_and_needs_no_deployment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(landed_data, "newest")
    result = bench.run(bench.write("print(1)"))
    assert (result.ok, result.data, result.parameters) == (True, "", {})


@pytest.mark.jobs
def test_a_folder_of_ones_own_takes_the_place_of_the_landed_data(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(landed_data, "newest")
    file = bench.write(('data = "data"', ["parameters"]), "print(data)")
    result = bench.run(file, {"data": "mine"})
    assert (bench.printed, result.data) == ("mine\n", "")


@pytest.mark.jobs
def test_the_executed_notebook_is_kept_with_its_date_its_data_and_its_code(
    bench: Bench, tmp_path: Path
) -> None:
    file = bench.write(PARAMETERS, "print(rows)", name="notebooks/looks/explore.ipynb")
    before = file.read_text()

    result = bench.run(file, to=tmp_path / "out" / "mine.ipynb")

    assert result.executed.parent == bench.root / ".ratchet/notebooks/looks/explore"
    assert result.executed.name.startswith(f"{result.when:%Y%m%dT%H%M%S}")
    assert result.executed.name.endswith(f"Z-{result.code[:8]}.ipynb")
    assert (tmp_path / "out" / "mine.ipynb").read_text() == result.executed.read_text()
    executed = json.loads(result.executed.read_text())
    facts = executed["metadata"]["ratchet"]
    assert facts["notebook"] == "notebooks/looks/explore.ipynb"
    assert (facts["data"], facts["code"], facts["ok"]) == (DATA.digest, result.code, True)
    assert facts["when"] == result.when.isoformat(timespec="seconds")
    assert executed["cells"][2]["outputs"][0]["text"] == ["10\n"]
    assert file.read_text() == before, "the notebook itself stays as it is"


@pytest.mark.jobs
def test_a_failing_cell_is_named_as_the_file_counts_it_and_what_ran_is_kept(
    bench: Bench,
) -> None:
    file = bench.write(PARAMETERS, "print('one')", "1 / 0", "print('no')")

    result = bench.run(file)

    assert not result.ok
    assert result.failure is not None
    assert result.failure.cell == 3, "the cell with the parameters is not in the file"
    assert result.failure.error == "ZeroDivisionError: division by zero"
    assert "1 / 0" in result.failure.traceback
    executed = json.loads(result.executed.read_text())
    assert executed["metadata"]["ratchet"]["ok"] is False
    assert [len(cell["outputs"]) for cell in executed["cells"]] == [0, 0, 1, 1, 0]


@pytest.mark.jobs
def test_a_script_with_cells_runs_as_the_notebook_that_it_stands_for(bench: Bench) -> None:
    file = bench.root / "notebooks" / "explore.py"
    file.parent.mkdir()
    file.write_text(PERCENT)

    result = bench.run(file, {"rows": "4"})

    assert result.failure is None
    assert bench.printed == "8\n"
    executed = json.loads(result.executed.read_text())
    kinds = [cell["cell_type"] for cell in executed["cells"]]
    assert kinds == ["markdown", "code", "code", "code"]
    assert executed["cells"][3]["source"][0] == "%precision 3\n"


@pytest.mark.jobs
def test_what_a_notebook_opens_is_the_same_environment(bench: Bench) -> None:
    names = ("RATCHET_ENV", "RATCHET_MODEL", "RATCHET_LOCAL", "AWS_ENDPOINT_URL")
    bench.run(bench.write(f"import os\nprint(*[os.environ[name] for name in {names}])"))
    assert bench.printed == f"dev flights {bench.root / 'cloud'} http://127.0.0.1:1\n"


@pytest.mark.jobs
def test_it_runs_in_its_own_folder_and_tells_each_cell_as_it_comes(bench: Bench) -> None:
    bench.run(bench.write("import os\nprint(os.getcwd())", "# look\n2"))
    assert bench.printed == f"{bench.root / 'notebooks'}\n2\n"
    assert bench.cells == [(1, 2, "import os"), (2, 2, "# look")]


@pytest.mark.jobs
def test_comments_and_outputs_change_nothing_of_its_code(bench: Bench) -> None:
    one = bench.run(bench.write("print(1)"))
    two = bench.run(bench.write("print( 1 )  # one"))
    other = bench.run(bench.write("print(2)"))
    assert one.code == two.code != other.code


@pytest.mark.jobs
def test_a_kernel_that_is_not_there_is_refused(bench: Bench) -> None:
    with pytest.raises(NotebookError, match=r"no kernel 'julia'.*jupyter kernelspec list"):
        bench.run(bench.write("1"), kernel="julia")
    assert not (bench.root / ".ratchet").exists()


def test_what_it_needs_is_said_with_the_command_to_install_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "missing", lambda: "pip install 'sagemaker-ratchet[notebooks]'")
    with pytest.raises(NotebookError, match="pip install"):
        bench.run(bench.write("1"))


def test_a_cell_that_is_not_python_is_refused_before_anything_runs(bench: Bench) -> None:
    with pytest.raises(NotebookError, match="cell 2, line 1 is not valid Python"):
        bench.run(bench.write("1", "print 1"))


def test_a_list_of_files_without_its_files_is_refused(bench: Bench) -> None:
    with pytest.raises(NotebookError, match="-p data=FOLDER"):
        bench.run(bench.write(PARAMETERS), {"manifest": "s3://other.json"})


@pytest.mark.jobs
def test_an_interruption_keeps_what_ran_and_ends_the_kernel(bench: Bench) -> None:
    file = bench.write("import os\nprint(os.getpid(), flush=True)", "import time\ntime.sleep(600)")

    def interrupt(number: int, of: int, code: str) -> None:
        if number == 2:
            raise KeyboardInterrupt

    prepared = running.prepare(bench.target, running.load(file), {}, fetching=lambda data: print)
    pids: list[int] = []
    progress = CellProgress(cell=interrupt, text=lambda stream, text: pids.append(int(text)))
    with pytest.raises(KeyboardInterrupt):
        running.run(bench.target, prepared, progress=progress)

    (executed,) = (bench.root / ".ratchet/notebooks/explore").iterdir()
    assert bench.records("explore") == []
    facts = json.loads(executed.read_text())["metadata"]["ratchet"]
    assert (facts["ok"], facts["error"]) == (False, "interrupted")
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


MARKED = (
    ('data = "data"', ["parameters"]),
    ("raw = 1", ["step:prepare"]),
    ("print(raw + 1)", ["step:prepare"]),
    ("model = raw / 1", ["step:train"]),
    ("print(model)", ["step:evaluate"]),
)


@pytest.mark.jobs
def test_each_marked_step_gets_a_record_of_its_run(bench: Bench) -> None:
    file = bench.write(*MARKED)

    bench.run(file)
    bench.run(file)

    records = bench.records("explore")
    assert [record.step for record in records] == ["prepare", "train", "evaluate"] * 2
    assert {(record.ok, record.data, record.notebook) for record in records} == {
        (True, DATA.digest, "notebooks/explore.ipynb")
    }
    digest = step_code.step_digest(cells.load(file), "prepare")
    assert records[0].code == digest
    assert records[0].output == records[3].output
    assert len({record.output for record in records[:3]}) == 3


@pytest.mark.jobs
def test_a_step_that_failed_is_recorded_so_and_one_that_was_not_reached_not_at_all(
    bench: Bench,
) -> None:
    cells_of_steps = [*MARKED]
    cells_of_steps[3] = ("model = raw / 0", ["step:train"])

    bench.run(bench.write(*cells_of_steps))

    records = [(record.step, record.ok, record.output) for record in bench.records("explore")]
    assert [(step, ok) for step, ok, _ in records] == [("prepare", True), ("train", False)]
    assert records[1][2] == ""


@pytest.mark.jobs
def test_the_cell_with_the_parameters_is_no_part_of_what_a_step_shows(bench: Bench) -> None:
    bench.run(bench.write(*MARKED))
    bench.run(bench.write((MARKED[0][0], []), *MARKED[1:]))
    first, second = bench.records("explore")[::3]
    assert first.output == second.output


@pytest.mark.jobs
def test_text_cells_count_when_a_failing_cell_is_named(bench: Bench) -> None:
    file = bench.write(PARAMETERS, "1 / 0")
    document = json.loads(file.read_text())
    document["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": "A look."})
    file.write_text(json.dumps(document))
    failure = bench.run(file).failure
    assert failure is not None
    assert failure.cell == 3
