"""The scripts of a new model on data as it is in the world."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ratchet.template import data as template_data
from ratchet.template.data import columns
from tests.unit.steps.test_steps_in_the_container import NEWER_THAN_PYTHON_3_10, PACKAGES, imported
from tests.unit.template.conftest import MODEL, Made, TeamModel

SCRIPTS = ("features", "prepare", "train", "inference")
OF_SCIKIT_LEARN = {"joblib", "threadpoolctl"}  # what it depends on itself
ROWS = 120

LABEL = "is it 'good'? \"$yes\" {no}"
ODD_NAMES = [
    "größe (m²)",
    "it's",
    'a "quote"',
    "class",
    "import",
    "$price",
    "${names}",
    "a, b",
    "back\\slash\\n",
    " spaces ",
    "{brace}",
    "#comment",
    "日付",
    "zero\u200bwidth",
    "0",
    "x" * 150,
]


def odd_rows(seed: int = 0, *, categories: str = "abc") -> pd.DataFrame:
    """Numbers in columns of odd names, and one column of each kind that is no plain number."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({name: rng.normal(size=ROWS).round(3) for name in ODD_NAMES})
    rows["grade"] = rng.choice([*categories], ROWS)
    rows["flag"] = rng.random(ROWS) < 0.5
    rows["big"] = rng.integers(2**60, 2**62, ROWS)
    rows["code_id"] = rng.choice(["007", "08", "9"], ROWS)
    rows["seen"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, ROWS), unit="D")
    rows.loc[::7, ["class", "grade", "seen"]] = None
    rows["flag"] = rows["flag"].astype(object).mask(rng.random(ROWS) < 0.1)
    rows["never"] = None
    rows[LABEL] = np.where(rows["import"] + rows["flag"].eq(True) > 0.4, "ja", "nein")
    return rows


def with_label(rows: pd.DataFrame, problem: str) -> pd.DataFrame:
    if problem == "regression":
        rows[LABEL] = (rows["import"].clip(-1, 1) * 10 + 5).round(2)
    if problem == "multiclass":
        rows[LABEL] = np.select(
            [rows["import"] < -0.5, rows["import"] < 0.5], ['a "b"', "ü, c"], "import"
        )
    return rows


@pytest.fixture(params=["binary", "multiclass", "regression"])
def problem(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.jobs
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_odd_names_and_cells_train_a_model_that_answers(
    kind: str, problem: str, made: Made, tmp_path: Path
) -> None:
    rows = with_label(odd_rows(), problem)
    rows.loc[3:5, LABEL] = None
    newer = with_label(odd_rows(1, categories="cde"), problem)
    model = made({"1": rows, "2": newer}, kind=kind, label=LABEL)
    assert set(model.plan.left_out) == {"never"}
    said = model.prepare(tmp_path / "work")
    assert "3 have no label" in said
    model.train(tmp_path / "work")
    report = model.evaluate(tmp_path / "work")
    assert report["rows"] == ROWS
    # One column tells the label, that of a name out of Python's grammar.
    scores = report["candidate"]["metrics"]
    assert scores[{"binary": "auc", "multiclass": "macro_f1"}.get(problem, "r2")] > 0.8


def test_the_settings_that_are_written_are_read(problem: str, made: Made) -> None:
    model = made({"": with_label(odd_rows(), problem)}, label=LABEL)
    settings = model.settings
    assert settings.model.label == LABEL
    assert settings.model.problem == problem
    assert settings.model.classes == (
        ('a "b"', "import", "ü, c") if problem == "multiclass" else ()
    )
    assert settings.monitor.exclude == ("seen", "never"), "a date, and a column without a value"
    assert settings.hyperparameters["max_iter"] == (100 if problem == "multiclass" else 200)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_tolerances_of_a_regression_have_the_scale_of_its_label(scale: float, made: Made) -> None:
    rows = pd.DataFrame({"x": np.arange(ROWS) % 17, "price": np.arange(ROWS) * 1.0 * scale})
    settings = made({"": rows}, label="price").settings
    deviation = rows["price"].std()
    assert settings.gate.max_regression == pytest.approx(deviation / 100, rel=0.05)
    assert settings.evaluation.floor == pytest.approx(deviation, rel=0.05)
    assert settings.evaluation.max_regression == pytest.approx(deviation / 10, rel=0.05)


def test_scripts_are_written_for_the_image(problem: str, made: Made) -> None:
    model = made({"": with_label(odd_rows(), problem)}, label=LABEL)
    for name in SCRIPTS:
        tree = ast.parse((model.steps / f"{name}.py").read_text(), feature_version=(3, 10))
        allowed = sys.stdlib_module_names - NEWER_THAN_PYTHON_3_10
        allowed |= {*PACKAGES, *OF_SCIKIT_LEARN, *SCRIPTS}
        assert {module.split(".")[0] for module in imported(tree)} <= allowed


def test_files_are_those_of_the_model_and_a_second_time_the_same(problem: str, made: Made) -> None:
    from ratchet.template.problem_files import problem_files

    model = made({"1": with_label(odd_rows(), problem)}, label=LABEL)
    files = problem_files(model.plan, MODEL)
    assert set(files) == {
        *(f"steps/{MODEL}/{name}.py" for name in SCRIPTS),
        f"config/{MODEL}/base.toml",
        f"tests/{MODEL}/data/1/rows.csv",
    }
    again = template_data.read_data(model.raw).plan(label=LABEL)
    assert problem_files(again, MODEL) == files
    assert tomllib.loads(files[f"config/{MODEL}/base.toml"].decode())


def test_no_column_that_is_left_out_gets_into_the_repository(made: Made) -> None:
    rows = pd.DataFrame(
        {
            "email": [f"person{i}@example.com" for i in range(ROWS)],
            "x": np.arange(ROWS) % 17,
            "y": np.arange(ROWS) % 3,
        }
    )
    model = made({"": rows}, label="y")
    sample = (model.root / "tests" / MODEL / "data" / "rows.csv").read_text()
    assert sample.splitlines()[0] == "y,x"
    assert "@" not in sample


def test_a_sample_of_wide_rows_is_small_and_keeps_every_class(made: Made) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(400, 100)), columns=[f"c{i}" for i in range(100)])
    rows["y"] = ["rare" if i < 12 else "common" for i in range(400)]
    model = made({"1": rows, "2": rows}, label="y")
    files = [*(model.root / "tests" / MODEL / "data").rglob("*.csv")]
    assert 100_000 < sum(file.stat().st_size for file in files) <= 200_000
    for file in files:
        assert (pd.read_csv(file)["y"] == "rare").sum() == 10


def simple(rows: int = ROWS, *, start: int = 0) -> pd.DataFrame:
    counted = np.arange(start, start + rows)
    return pd.DataFrame({"x": counted % 17, "c": counted % 5, "y": np.where(counted % 3, "a", "b")})


def prepared(model: TeamModel, work: Path, raw: Path, *, judge: str = "newest") -> None:
    """Runs prepare.py in this process."""
    with model.module("prepare") as prepare, pytest.MonkeyPatch.context() as patched:
        folders = ["--raw", str(raw), "--train", str(work / "train"), "--eval", str(work / "eval")]
        patched.setattr(sys, "argv", ["prepare.py", *folders, "--judge", judge])
        prepare.main()


def eval_rows(work: Path) -> pd.DataFrame:
    rows = pd.read_csv(work / "eval" / "eval.csv", dtype=str)
    return rows.sort_values(list(map(str, rows)), ignore_index=True)


def test_a_fifth_of_a_single_folder_is_judged_whatever_the_order_of_its_rows(
    made: Made, tmp_path: Path
) -> None:
    rows = simple(1000).assign(x=np.random.default_rng(0).normal(size=1000))
    model = made({"": rows}, label="y")
    prepared(model, tmp_path / "one", model.raw)
    rows.sample(frac=1, random_state=1).to_csv(model.raw / "rows.csv", index=False)
    prepared(model, tmp_path / "two", model.raw)
    judged = eval_rows(tmp_path / "one")
    assert 150 < len(judged) < 250
    pd.testing.assert_frame_equal(judged, eval_rows(tmp_path / "two"))


def test_a_row_stays_on_its_side_when_others_come(made: Made, tmp_path: Path) -> None:
    rows = simple(1000).assign(x=np.random.default_rng(0).normal(size=1000))
    model = made({"": rows.head(500)}, label="y")
    prepared(model, tmp_path / "one", model.raw)
    rows.to_csv(model.raw / "rows.csv", index=False)
    prepared(model, tmp_path / "two", model.raw)
    before, after = (set(eval_rows(tmp_path / name)["x"]) for name in ("one", "two"))
    assert before < after


def test_the_newest_folder_that_has_labels_is_judged(made: Made, tmp_path: Path) -> None:
    model = made({"1": simple(), "2": simple(start=7), "3": simple(start=9)}, label="y")
    simple().assign(y=None).to_csv(model.raw / "3" / "rows.csv", index=False)
    prepared(model, tmp_path, model.raw)
    expected = pd.read_csv(model.raw / "2" / "rows.csv", dtype=str)
    assert sorted(eval_rows(tmp_path)["x"]) == sorted(expected["x"])


@pytest.mark.parametrize("judge", ["newest", "all"])
@pytest.mark.parametrize(
    ("drop", "message"),
    [
        (
            "x,c,y\n1,2,maybe\n1,2,a\n",
            "column 'y': 1 of 2 values are not expected, such as 'maybe'",
        ),
        ("x,c\n1,2\n", "no column 'y'; it has 'x', 'c'"),
        ("c,y\n1,a\n", "no column 'x'"),
        ("", "not a CSV file with a header"),
        ("x,c,y\n1,2,a\n1,2,a,4\n", "not a CSV file with a header"),
        ("x,c,y\n1,2,a\n?,2,a\n", "column 'x': 1 of 2 values are not expected, such as '?'"),
    ],
)
def test_prepare_refuses_a_drop_by_file_and_column(
    drop: str, message: str, judge: str, made: Made, tmp_path: Path
) -> None:
    model = made({"1": simple()}, label="y")
    (model.raw / "2").mkdir()
    (model.raw / "2" / "new.csv").write_text(drop)
    with pytest.raises(SystemExit) as refused:
        prepared(model, tmp_path, model.raw, judge=judge)
    assert str(refused.value).startswith(str(model.raw / "2" / "new.csv"))
    assert message in str(refused.value)


def test_prepare_refuses_data_without_rows_or_labels(made: Made, tmp_path: Path) -> None:
    model = made({"1": simple()}, label="y")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SystemExit, match=r"no .csv, .csv.gz or .parquet file below"):
        prepared(model, tmp_path, empty)
    simple().assign(y="").to_csv(empty / "rows.csv", index=False)
    with pytest.raises(SystemExit, match=r"no row below .* has a label"):
        prepared(model, tmp_path, empty)
    simple(1).to_csv(empty / "rows.csv", index=False)
    with pytest.raises(SystemExit, match="expected more, to train and to judge"):
        prepared(model, tmp_path, empty)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_without_rows_and_a_label_of_any_name_are_no_trouble(
    kind: str, made: Made, tmp_path: Path
) -> None:
    rows = simple().rename(columns={"y": "self"})
    model = made({"1": rows, "2": rows, "3": rows.head(0)}, kind=kind, label="self")
    prepared(model, tmp_path / "work", model.raw)
    assert len(eval_rows(tmp_path / "work")) == ROWS


def test_parquet_gives_the_same_rows_as_csv(made: Made, tmp_path: Path) -> None:
    rows = simple(300).assign(
        n=pd.array([None if i % 4 == 0 else i for i in range(300)], dtype="Int64"),
        f=[None if i % 5 == 0 else i / 7 for i in range(300)],  # type: ignore[misc]
        b=[None if i % 6 == 0 else i % 2 == 0 for i in range(300)],  # type: ignore[misc]
        t=["NA" if i % 3 == 0 else " text " for i in range(300)],
        t2=[["NA", "u", "v"][i % 3] for i in range(300)],
        d=pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(300), unit="D"),
        q=pd.Categorical([["p", "q"][i % 2] for i in range(300)]),
    )
    model = made({"1": rows, "2": rows}, kind="parquet", label="y")
    prepared(model, tmp_path / "parquet", model.raw)
    (tmp_path / "csv").mkdir()
    for name in ("1", "2"):
        (tmp_path / "csv" / name).mkdir()
        rows.to_csv(tmp_path / "csv" / name / "rows.csv", index=False)
    prepared(model, tmp_path / "of-csv", tmp_path / "csv")
    with model.module("features") as features:
        of_parquet, of_csv = (
            features.features(pd.read_csv(tmp_path / name / "eval" / "eval.csv", dtype=str))
            for name in ("parquet", "of-csv")
        )
        trained = features.features(pd.read_parquet(tmp_path / "parquet" / "train/train.parquet"))
    pd.testing.assert_frame_equal(of_parquet, of_csv)
    pd.testing.assert_frame_equal(of_parquet, trained)


CELLS: list[Any] = [
    3,
    3.0,
    "3.0",
    " 3 ",
    "007",
    "1e3",
    True,
    "true",
    "",
    " ",
    "NA",
    None,
    np.nan,
    "é",
]


def test_a_category_is_one_text_in_the_data_and_in_every_request(made: Made) -> None:
    model = made({"": simple()}, label="y")
    values = pd.Series(CELLS, dtype=object)
    with model.module("features") as features:
        texts = features.texts(values)
        assert texts.tolist()[:4] == ["3"] * 4
        assert texts.isna().sum() == 5
        pd.testing.assert_series_equal(texts, columns.texts(values))
        assert features.MISSING == columns.MISSING


def test_numbers_are_read_from_text_and_from_json_alike(made: Made) -> None:
    model = made({"": simple()}, label="y")
    with model.module("features") as features:
        cells = pd.Series([1, "1.5", True, "False", "", None, "NA", 2**60], dtype=object)
        numbers = features.numbers(cells).tolist()
        assert numbers[:4] == [1.0, 1.5, 1.0, 0.0]
        assert np.isnan(numbers[4:7]).all()
        assert numbers[7] == 2**60
        with pytest.raises(
            ValueError, match=r"column 'x': 2 of 3 values .* 'many' \(2\); expected"
        ):
            features.numbers(pd.Series(["many", "many", 1], name="x"))
        assert features.numbers(pd.Series([None, None], dtype=object)).isna().all()


def test_dates_become_parts_and_what_is_none_is_refused(made: Made) -> None:
    rows = simple().assign(sold="31/12/2023")
    rows.loc[::2, "sold"] = "01/02/2024"
    model = made({"": rows}, label="y")
    with model.module("features") as features:
        made_of = features.features(rows.assign(sold=["31/12/2023", "", *rows["sold"][2:]]))
        assert made_of["year of sold"].iloc[0] == 2023
        assert made_of["dayofweek of sold"].iloc[0] == 6
        assert made_of["month of sold"].isna().tolist()[:3] == [False, True, False]
        with pytest.raises(ValueError, match="column 'sold': 120 of 120 values"):
            features.features(rows.assign(sold="yesterday"))


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("", "text/csv", "the request is empty; expected rows with 'x', 'c'"),
        ("[]", "application/json", "no column 'x', 'c'"),
        ("{", "application/json", "not valid JSON"),
        ('{"rows": 1}', "application/json", "expected records such as"),
        ("[[1, 2]]", "application/json", "expected records such as"),
        ("x\n1\n", "text/csv", "no column 'c'; expected 'x', 'c'"),
        ("x,c\n1,2\n", "text/plain", "content type 'text/plain'; expected text/csv"),
    ],
)
def test_a_bad_request_is_told_what_is_expected(
    body: str, kind: str, message: str, made: Made
) -> None:
    model = made({"": simple()}, label="y")
    with model.module("inference") as inference, pytest.raises(ValueError) as refused:  # noqa: PT011
        inference.input_fn(body.encode(), kind)
    assert message in str(refused.value)


def test_every_literal_is_the_name_it_was() -> None:
    from ratchet.template.problem_files import python_literal, toml_literal

    for name in [*ODD_NAMES, LABEL, "'\"", "tab\there", "\x7f", "\u2028", "\ud7ff", "\\", "\\'"]:
        assert ast.literal_eval(python_literal(name)) == name
        assert tomllib.loads(f"name = {toml_literal(name)}")["name"] == name
        assert "\n" not in python_literal(name)
