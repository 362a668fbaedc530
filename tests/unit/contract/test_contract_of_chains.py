"""`ratchet check` of a model of two containers: what the one scales, the other answers by."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from ratchet.contract import ContractError
from ratchet.contract.serving import LoadedModel
from tests.late import Late
from tests.unit.contract.test_contract import INFERENCE, PREPARE, TRAIN, Make, make, the

__all__ = ["make"]

pytestmark = pytest.mark.jobs

PIPELINE = """
from ratchet.authoring import Context, Pipeline
from ratchet.loop import names
from ratchet.pipelines import judging


def training(ctx: Context) -> Pipeline:
    p = Pipeline("training", ctx)
    data = p.string(names.DATA_PARAMETER)
    tolerance = p.number(names.TOLERANCE_PARAMETER, default=ctx.settings.gate_max_regression)
    prepare = judging.prepare(p, data)
    channels = {"train": prepare.outputs["train"]}
    scale = p.training("scale", f"{ctx.steps}/scale.py", channels=channels)
    train = p.training("train", f"{ctx.steps}/train.py", channels=channels)
    chain = [scale.model, train.model]
    champion, rows = judging.champion(p), prepare.outputs["eval"]
    evaluate = judging.evaluate(p, candidate=chain, champion=champion, rows=rows)
    baselines = judging.baselines(p, rows=rows, evaluate=evaluate)
    register = p.register("register", chain, baselines=baselines)
    judging.gates(p, evaluate=evaluate, tolerance=tolerance, then=[*baselines, register])
    return p
"""
SCALE = """
import os, shutil
from pathlib import Path
import scaling
rows = [float(line.split(",")[0]) for line in
        Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv").read_text().split()[1:]]
mean = sum(rows) / len(rows)
spread = (sum((x - mean) ** 2 for x in rows) / len(rows)) ** 0.5
model = Path(os.environ["SM_MODEL_DIR"])
(model / "code").mkdir()
(model / "scale.txt").write_text(f"{mean!r} {spread!r}")
shutil.copy(scaling.__file__, model / "code" / "inference.py")
"""
SCALING = """
import csv, io, json
def model_fn(folder):
    return [float(word) for word in open(folder + "/scale.txt").read().split()]
def input_fn(body, kind):
    rows = json.loads(body) if kind == "application/json" else csv.DictReader(io.StringIO(body))
    return [float(row["area"]) for row in rows]
def predict_fn(data, scale):
    return [(x - scale[0]) / scale[1] for x in data]
def output_fn(scaled, accept):
    if accept != "text/csv":
        raise ValueError(accept)
    return "area\\n" + "".join(f"{value!r}\\n" for value in scaled), accept
"""
TRAIN_ON_SCALED = TRAIN.replace(
    "mx, my =", "m = sum(xs) / len(xs)\n"
    "spread = (sum((x - m) ** 2 for x in xs) / len(xs)) ** 0.5\n"
    "xs = [(x - m) / spread for x in xs]\nmx, my =",
)  # fmt: skip


@pytest.fixture
def scripts() -> dict[str, str]:
    return {
        "training": PIPELINE,
        "scale": SCALE,
        "scaling": SCALING,
        "train": TRAIN_ON_SCALED,
    }


def test_a_chain_passes_every_check_and_answers_as_one_process_would(
    make: Make, scripts: dict[str, str]
) -> None:
    made = make(**scripts)
    for check in made.values():
        check()

    trial = the(made, "the pipeline runs").trial
    prepared, evaluated = trial.first.step("prepare"), trial.first.step("evaluate")
    train, rows = (
        pd.read_csv(io.BytesIO(trial.storage.read_bytes(f"{uri}/{name}.csv")))
        for name, uri in trial.outputs(prepared).items()
    )
    scaler = Late("sklearn.preprocessing").StandardScaler().fit(train[["area"]].to_numpy())
    line = (
        Late("sklearn.linear_model")
        .LinearRegression()
        .fit(scaler.transform(train[["area"]].to_numpy()), train["price"])
    )
    expected = line.predict(scaler.transform(rows[["area"]].to_numpy()))

    assert len(trial.containers) == 2
    with LoadedModel(trial, trial.containers) as served:
        request = rows[["area"]].to_csv(index=False).encode()
        answers = [float(row) for row in served.ask(request, "text/csv").split()]
    np.testing.assert_allclose(answers, expected, rtol=1e-12)
    (_, judged), *_ = trial.below(trial.outputs(evaluated)["predictions"])
    predictions = csv.DictReader(io.StringIO(judged.decode()))
    assert [float(row["prediction"]) for row in predictions] == answers


AS_JSON = "as CSV and as JSON"
ONLY_FEATURES = "module is features and shutil.copy(module"


@pytest.mark.parametrize(
    ("container", "words", "broken", "reason"),
    [
        (
            "scaling",
            AS_JSON,
            ("json.loads(body)", "json.load(body)"),
            "with 500 by container-1: 's",
        ),
        ("inference", AS_JSON, ('if accept == "app', 'if accept == "x'), "is no JSON: Extra data"),
        ("scale", "carries the code", ('"inference.py")', '"scaling.py")'), "container-1: "),
        ("train", "carries the code", ("shutil.copy(module", ONLY_FEATURES), "container-2: "),
    ],
)
def test_what_a_container_lacks_is_said_by_its_name(
    make: Make,
    scripts: dict[str, str],
    container: str,
    words: str,
    broken: tuple[str, str],
    reason: str,
) -> None:
    texts = {"inference": INFERENCE, "prepare": PREPARE, **scripts}
    assert broken[0] in texts[container]
    made = make(**{**scripts, container: texts[container].replace(*broken)})
    with pytest.raises(ContractError) as caught:
        the(made, words)()
    assert reason in str(caught.value)
