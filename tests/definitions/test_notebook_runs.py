"""A pipeline with a notebook as a step, run as `ratchet run --local` runs it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, Pipeline
from ratchet.runner import Result
from tests.definitions.laptop import Laptop, steps
from tests.runner.notebook_jobs import notebook

pytestmark = pytest.mark.jobs

PARAMETERS = ('rows = "10"\ndata = "../data"\nnote = "none"', ["parameters"])
CELLS = (
    PARAMETERS,
    "from pathlib import Path\nfrom counting import count\nnumber = count(Path(data))",
    "Path('/opt/ml/output/data/count.json').write_text(str(number * int(rows)))\nnumber",
)
MODULE = "def count(folder): return sum(len(f.read_text().split()) for f in folder.iterdir())\n"


@pytest.fixture
def laptop(ctx: Context, tmp_path: Path) -> Laptop:
    folder = ctx.source / "notebooks"
    folder.mkdir(parents=True)
    (folder / "counting.py").write_text(MODULE)
    (folder / "explore.ipynb").write_text(json.dumps(notebook(*CELLS)))
    (ctx.source / "steps" / "read.py").write_text(READ)
    made = Laptop(tmp_path / "laptop", ctx)
    made.put("s3://data/rows/a.csv", "1 2 3")
    return made


# A later step that takes the archive with the executed notebook.
READ = """
import argparse, pathlib, tarfile
parser = argparse.ArgumentParser()
parser.add_argument("--notebook", type=pathlib.Path)
parser.add_argument("--names", type=pathlib.Path)
given = parser.parse_args()
(archive,) = given.notebook.iterdir()
with tarfile.open(archive) as tar:
    (given.names / "names.txt").write_text(" ".join(sorted(tar.getnames())))
"""


def explored(ctx: Context) -> Pipeline:
    p = Pipeline("explored", ctx)
    explore = p.notebook(
        "explore",
        "notebooks/explore.ipynb",
        inputs={"data": p.string("Data")},
        parameters={"rows": p.integer("Rows", default=2)},
    )
    p.processing("read", "steps/read.py", inputs={"notebook": explore.output}, outputs=["names"])
    return p


def run(laptop: Laptop, **parameters: Any) -> Result:
    return laptop.run(explored(laptop.context), Data="s3://data/rows/", **parameters)


def left(laptop: Laptop, result: Result) -> dict[str, str]:
    """What the notebook's job left in its output archive."""
    job = steps(result)["explore"].properties
    uri = f"{job['OutputDataConfig']['S3OutputPath']}/{job['TrainingJobName']}/output/output.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(laptop.storage.read_bytes(uri))) as tar:
        members = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read().decode() for name, file in members.items() if file}


def edit(laptop: Laptop, change: Callable[[dict[str, Any]], None]) -> None:
    file = laptop.context.source / "notebooks" / "explore.ipynb"
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def executed_in_jupyter(document: dict[str, Any]) -> None:
    for number, cell in enumerate(document["cells"], start=1):
        cell["execution_count"] = number
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "3\n"}]


def other_code(document: dict[str, Any]) -> None:
    document["cells"][2]["source"] += " + 1"


def was_hit(result: Result, step: str = "explore") -> bool:
    return steps(result)[step].cache_hit_source is not None


def test_a_pipeline_with_a_notebook_runs_and_hands_its_output_on(laptop: Laptop) -> None:
    result = run(laptop)

    assert result.status == "Succeeded", result.failure_reason
    files = left(laptop, result)
    assert files["count.json"] == "6"
    cells = json.loads(files["explore-executed.ipynb"])["cells"]
    assert "data = '/opt/ml/input/data/data'" in "".join(cells[1]["source"])
    names = steps(result)["read"].properties["ProcessingOutputConfig"]["Outputs"][0]
    assert laptop.storage.read_bytes(names["S3Output"]["S3Uri"] + "/names.txt").decode() == (
        "count.json explore-executed.ipynb explore.ipynb"
    )


def test_it_is_a_cache_hit_until_its_code_its_modules_its_data_or_parameters_change(
    laptop: Laptop,
) -> None:
    assert not was_hit(run(laptop))
    again = run(laptop)
    assert (was_hit(again), was_hit(again, "read")) == (True, True)
    edit(laptop, executed_in_jupyter)
    assert was_hit(run(laptop))

    edit(laptop, other_code)
    assert not was_hit(run(laptop))
    assert was_hit(run(laptop))
    (laptop.context.source / "notebooks" / "counting.py").write_text(MODULE + "# more\n")
    assert not was_hit(run(laptop))
    assert not was_hit(run(laptop, Rows=3))


# As `ratchet promote` leaves a notebook: one cell calls the script.
CALL = """import sys

sys.path.append("../../steps/flights")
from calm_days import calm_days

days = calm_days("/opt/ml/input/data/data")"""
CALM_DAYS = "def calm_days(folder): return count(Path(folder)) - {windy}\n"


def test_a_notebook_calls_the_script_of_a_promoted_step(laptop: Laptop) -> None:
    source = laptop.context.source
    script = source / "steps" / "flights" / "calm_days.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    head = "from pathlib import Path\nfrom counting_days import count\n"
    script.write_text(head + CALM_DAYS.format(windy=1))
    script.with_name("counting_days.py").write_text(MODULE)
    file = source / "notebooks" / "flights" / "explore.ipynb"
    file.parent.mkdir()
    last = "open('/opt/ml/output/data/days.json', 'w').write(str(days))"
    file.write_text(json.dumps(notebook(CALL, last)))

    def explored_days() -> Result:
        p = Pipeline("calm", laptop.context)
        inputs = {"data": p.string("Data")}
        p.notebook("explore", "notebooks/flights/explore.ipynb", inputs=inputs)
        return laptop.run(p, Data="s3://data/rows/")

    result = explored_days()
    assert result.status == "Succeeded", result.failure_reason
    assert left(laptop, result)["days.json"] == "2"
    assert was_hit(explored_days())

    script.write_text(head + CALM_DAYS.format(windy=2))
    again = explored_days()
    assert not was_hit(again)
    assert left(laptop, again)["days.json"] == "1"


def test_a_failing_cell_fails_the_run_with_its_error(laptop: Laptop) -> None:
    edit(laptop, lambda document: document["cells"][2].update(source="1 / 0"))

    result = run(laptop)

    assert result.status == "Failed"
    assert "cell 4: ZeroDivisionError: division by zero" in str(
        steps(result)["explore"].failure_reason
    )
    assert "explore-executed.ipynb" in left(laptop, result)


def test_a_notebook_can_leave_a_model(laptop: Laptop) -> None:
    folder = laptop.context.source / "notebooks"
    cell = "open('/opt/ml/model/model.txt', 'w').write('fitted')"
    (folder / "fit.ipynb").write_text(json.dumps(notebook(cell)))
    p = Pipeline("fitted", laptop.context)
    p.notebook("fit", "notebooks/fit.ipynb")

    result = laptop.run(p)

    uri = steps(result)["fit"].properties["ModelArtifacts"]["S3ModelArtifacts"]
    with tarfile.open(fileobj=io.BytesIO(laptop.storage.read_bytes(uri))) as tar:
        assert "model.txt" in tar.getnames()
