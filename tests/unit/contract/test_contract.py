"""`ratchet check` notices what a script does otherwise than the loop relies on.

The scripts here are the smallest that keep the contract; each test breaks one of them in one way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratchet.contract import Check, ContractError, checks
from ratchet.contract.trial import Trial
from ratchet.project import Project
from ratchet.template.files import model_files
from tests.projects import small_project

pytestmark = pytest.mark.jobs

MODEL = "prices"
FEATURES = """
LABEL = "price"
"""
PREPARE = """
import argparse
from pathlib import Path
from features import LABEL
parser = argparse.ArgumentParser()
for name in ("--raw", "--train", "--eval"):
    parser.add_argument(name, type=Path)
parser.add_argument("--judge")
args = parser.parse_args()
lines = [line for file in sorted(args.raw.rglob("*.csv")) for line in file.read_text().split()[1:]]
cut = 0 if args.judge else len(lines) // 2
for folder, rows in ((args.train, lines[cut:]), (args.eval, lines[:cut] or lines)):
    if folder and not (args.judge and folder == args.train):
        folder.mkdir(parents=True, exist_ok=True)
        name = "train" if folder == args.train else "eval"
        (folder / f"{name}.csv").write_text("\\n".join(["area," + LABEL, *rows]) + "\\n")
"""
UNSTEADY = PREPARE.replace("import argparse", "import argparse, time", 1).replace(
    "*rows]", "*rows[:-1], rows[-1] + str(time.time_ns())]"
)
TRAIN = """
import argparse, os, shutil
from pathlib import Path
import features, inference
parser = argparse.ArgumentParser()
parser.add_argument("--slope", type=float, default=1.0)
args = parser.parse_args()
rows = [line.split(",") for line in
        Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv").read_text().split()[1:]]
model = Path(os.environ["SM_MODEL_DIR"])
(model / "code").mkdir()
xs, ys = zip(*((float(x), float(y)) for x, y in rows))
mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
slope = sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)
(model / "model.txt").write_text(f"{slope!r} {my - slope * mx!r}")
for module in (inference, features):
    shutil.copy(module.__file__, model / "code")
"""
UNSEEDED = TRAIN.replace("import argparse", "import argparse, time", 1).replace(
    "{slope!r} ", "{slope + time.time_ns() % 1000003!r} "
)
INFERENCE = """
import csv, io, json
def model_fn(folder):
    return [float(word) for word in open(folder + "/model.txt").read().split()]
def input_fn(body, kind):
    text = body.decode() if isinstance(body, bytes) else body
    rows = json.loads(text) if kind == "application/json" else csv.DictReader(io.StringIO(text))
    return [float(row["area"]) for row in rows]
def predict_fn(data, model):
    return [model[0] * x + model[1] for x in data]
def output_fn(answers, accept):
    if accept == "application/json":
        return json.dumps({"predictions": answers}), accept
    return "".join(f"{answer!r}\\n" for answer in answers), accept
"""
SETTINGS = """
[model]
problem = "regression"
label = "price"
[gate]
max_regression = 5.0
[evaluation]
max_regression = 5.0
"""
Make = Callable[..., dict[str, Check]]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """The checks of a project whose scripts differ as given, by what they say."""
    trials: list[Trial] = []

    def make(**scripts: str) -> dict[str, Check]:
        texts = {"features": FEATURES, "prepare": PREPARE, "train": TRAIN, "inference": INFERENCE}
        settings = scripts.pop("settings", SETTINGS)
        training = scripts.pop("training", "")
        rows = "".join(f"{area},{area * 3 + area % 7}\n" for area in range(40, 120))
        files = {
            **{path: content.decode() for path, content in model_files(MODEL).items()},
            **{f"steps/{MODEL}/{name}.py": text for name, text in {**texts, **scripts}.items()},
            **({f"pipeline_defs/{MODEL}/training.py": training} if training else {}),
            f"config/{MODEL}/base.toml": settings,
            f"tests/{MODEL}/data/2024-01/rows.csv": "area,price\n" + rows,
        }
        root = small_project(tmp_path / "project", MODEL, files=files)
        base = root / "config" / "base.toml"
        base.write_text("\n".join(
            line for line in base.read_text().splitlines() if not line.startswith("model")
        ))  # fmt: skip
        monkeypatch.chdir(root)
        made = {check.sentence: check for check in checks(Project(root))}
        trials.extend({id(check.trial): check.trial for check in made.values()}.values())
        return made

    yield make
    for trial in trials:
        trial.close()


def the(made: dict[str, Check], words: str) -> Check:
    """The check whose sentence has these words."""
    (check,) = (check for sentence, check in made.items() if words in sentence)
    return check


def test_scripts_that_keep_the_contract_pass_every_check(make: Make) -> None:
    for check in make().values():
        check()


def test_a_sample_that_is_missing_is_asked_for(make: Make, tmp_path: Path) -> None:
    made = make()
    (tmp_path / "project" / "tests" / MODEL / "data" / "2024-01" / "rows.csv").unlink()
    with pytest.raises(ContractError, match="holds no file; put a small drop of data there"):
        the(made, "there are rows")()


@pytest.mark.parametrize(
    ("words", "changed", "message"),
    [
        pytest.param(
            "the same data makes the same rows",
            {"prepare": UNSTEADY},
            "wrote other bytes",
            id="rows that differ from run to run",
        ),
        pytest.param(
            "the same rows train the same model",
            {"train": UNSEEDED},
            "answer otherwise",
            id="a training that is not seeded",
        ),
        pytest.param(
            "the pipeline runs",
            {"train": TRAIN.replace("(inference, features)", "(features,)")},
            "the candidate cannot",
            id="no inference code in the model",
        ),
        pytest.param(
            "an endpoint answers",
            {"inference": INFERENCE.replace('json.loads(text) if kind', "1 / 0 if kind")},
            "as application/json is answered with 500",
            id="JSON that is not answered",
        ),
        pytest.param(
            "an endpoint answers",
            {"inference": INFERENCE.replace('": answers', '": answers[1:]')},
            "expected 20 predictions",
            id="an answer too few",
        ),
        pytest.param(
            "a model that is worse",
            {"settings": SETTINGS.replace("5.0", "1e9", 1)},
            "passes the gate",
            id="a gate that nothing fails",
        ),
        pytest.param(
            "the pipeline runs",
            {"prepare": PREPARE.replace("import argparse", "import argparse, no_such_package", 1)},
            "no_such_package",
            id="a package that the image lacks",
        ),
    ],
)  # fmt: skip
def test_a_script_that_breaks_the_contract_is_noticed(
    make: Make, words: str, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        the(make(**changed), words)()


def test_a_label_that_the_eval_slice_lacks_is_said_with_the_nearest(make: Make) -> None:
    made = make(settings=SETTINGS.replace('label = "price"', 'label = "prise"'))
    with pytest.raises(ContractError, match="price"):
        the(made, "the pipeline runs")()


def test_no_check_breaks_over_a_label_that_the_eval_slice_lacks(make: Make) -> None:
    messages = {}
    for words, check in make(
        settings=SETTINGS.replace('label = "price"', 'label = "prise"')
    ).items():
        try:
            check()
        except ContractError as broken:
            messages[words] = str(broken)
    (said,) = (message for words, message in messages.items() if words.startswith("the eval slice"))
    assert "label = 'prise' in dev, and the eval slice has the columns" in said
    assert "did you mean price?" in said


def test_an_answer_that_has_no_prediction_where_the_settings_say_is_said(make: Make) -> None:
    settings = SETTINGS.replace("[gate]", "prediction = 1\n[gate]")
    with pytest.raises(ContractError, match=r"as text/csv is not understood: .*prediction"):
        the(make(settings=settings), "as CSV and as JSON")()
