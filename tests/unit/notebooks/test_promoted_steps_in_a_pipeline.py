"""A notebook is promoted step by step, and its scripts run as the steps of a pipeline."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ratchet.authoring import Context, Functions, Pipeline, manifest
from ratchet.notebooks import promotion, recording, replaying
from ratchet.notebooks.promotion import StepPromotion
from ratchet.notebooks.writing import write
from ratchet.settings.schema import ModelSettings, Settings
from tests.definitions.laptop import Laptop, output, steps
from tests.unit.notebooks.promoting import notebook_text, printed, project
from tests.unit.notebooks.shared_kernel import SharedKernel

pytestmark = pytest.mark.jobs

ROWS = "a,b,late\n" + "".join(f"{i},{'xyz'[i % 3]},{int(i > 40)}\n" for i in range(80))
CELLS = [
    "import pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier\nHIDDEN = ['z']",
    "share = 0.25\ndepth = 2",
    "#| step: clean\n# Without what nobody may see.\nrows = pd.read_csv('data/2024/rows.csv')\n"
    "rows = rows[~rows['b'].isin(HIDDEN)]\nrows.head()",
    "#| step: split\ncut = int(len(rows) * (1 - share))\n"
    "train, held = rows.sample(frac=1, random_state=1)[:cut], rows[cut:]\nsizes = [cut, len(held)]",
    "#| step: fit\nmodel = DecisionTreeClassifier(max_depth=depth, random_state=0)\n"
    "model.fit(train[['a']], train['late'])",
    "print(sizes, model.predict(held[['a']]).tolist(), train.to_csv())",
]


@dataclass(frozen=True)
class Promoted:
    """The promotions by step, and what the notebook printed before the first and after the last."""

    root: Path
    promotions: dict[str, StepPromotion]
    before: str
    after: str


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Promoted:
    root = tmp_path_factory.mktemp("project")
    request = project(root, CELLS, {"data/2024/rows.csv": ROWS})
    request.notebook.write_text(notebook_text(CELLS, {1: ["parameters"]}))
    before = printed(request.notebook, hash_seed="1")
    shared, patch = SharedKernel(), pytest.MonkeyPatch()
    patch.setattr(recording, "kernel", shared.kernel)
    patch.setattr(replaying, "kernel", shared.kernel)
    promotions = {}
    try:
        for step in ("clean", "split", "fit"):
            of_step = replace(request, step=step, name=f"{step}_it")
            promotions[step] = promotion.promote(of_step, lambda text: None)
            write(promotions[step])
    finally:
        patch.undo()
        shared.end()
    return Promoted(root, promotions, before, printed(request.notebook, hash_seed="2"))


def test_the_notebook_prints_the_same_when_all_its_steps_are_scripts(promoted: Promoted) -> None:
    assert promoted.after == promoted.before


def test_a_step_takes_its_input_from_the_steps_that_were_promoted_before(
    promoted: Promoted,
) -> None:
    assert '{"rows": clean.outputs["rows"]}' in promoted.promotions["split"].line
    assert 'arguments=["--share", "0.25"]' in promoted.promotions["split"].line
    assert 'channels={"train": split.outputs["train"]}' in promoted.promotions["fit"].line
    assert 'hyperparameters={"depth": "2"}' in promoted.promotions["fit"].line


def test_the_scripts_run_as_steps_of_a_pipeline_and_make_what_the_notebook_made(
    promoted: Promoted, tmp_path: Path
) -> None:
    laptop = Laptop(tmp_path, context(promoted.root))
    laptop.put("s3://data/raw/2024/rows.csv", ROWS)
    drop = laptop.manifest("s3://artifacts/manifests/drop.json", prefix="s3://data/raw/")
    result = laptop.run(pipeline(laptop.context, promoted), InputManifest=drop)
    assert result.status == "Succeeded", result.failure_reason
    train = pd.read_parquet(
        io.BytesIO(laptop.storage.read_bytes(output(result, "split", "train") + "/train.parquet"))
    )
    sizes = json.loads(laptop.storage.read_bytes(output(result, "split", "sizes") + "/sizes.json"))
    artifact = steps(result)["fit"].properties["ModelArtifacts"]["S3ModelArtifacts"]
    with tarfile.open(fileobj=io.BytesIO(laptop.storage.read_bytes(artifact))) as archive:
        file = archive.extractfile("./model.pkl") if "./model.pkl" in archive.getnames() else None
        file = file or archive.extractfile("model.pkl")
        assert file is not None
        model = pickle.loads(file.read())
    printed_sizes, _, rest = promoted.before.partition("] [")
    assert printed_sizes == f"{sizes}"[:-1]
    assert train.to_csv() in promoted.before
    assert rest.startswith(", ".join(map(str, model.predict(held(laptop, result)))))


def held(laptop: Laptop, result: Any) -> pd.DataFrame:
    uri = output(result, "split", "held") + "/held.parquet"
    return pd.read_parquet(io.BytesIO(laptop.storage.read_bytes(uri)))[["a"]]


def context(root: Path) -> Context:
    settings = Settings(
        environment="dev",
        model_name="m",
        model=ModelSettings(problem="binary", label="late"),
        project="p",
        region="us-east-1",
        owner="o",
        cost_center="c",
    )
    return Context(
        settings=settings,
        role_arn="arn:aws:iam::111122223333:role/p-dev-pipeline",
        artifacts_uri="s3://artifacts",
        code_uri="s3://code",
        functions=Functions(resolve_champion="a", select_captured="b", publish_monitoring="c"),
        source=root,
    )


def pipeline(ctx: Context, promoted: Promoted) -> Pipeline:
    """The pipeline that the lines to paste make."""
    p = Pipeline("training", ctx)
    names: dict[str, Any] = {"p": p, "ctx": ctx, "manifest": manifest}
    for step in ("clean", "split", "fit"):
        exec(promoted.promotions[step].line, names)
    return p
