"""The evaluate step: candidate and champion on the same rows, each through its own code."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ratchet.judging import models
from ratchet.loop.problems import PROBLEMS
from tests.unit.judging.conftest import INFERENCE, Job, archive

pytestmark = pytest.mark.jobs

GOOD = "def answer(x): return x"
WEAK = "def answer(x): return round(x)"
BACKWARDS = "def answer(x): return 1 - x"


def test_each_model_is_scored_through_the_code_packed_with_it(job: Job) -> None:
    job.model("candidate", BACKWARDS)
    job.model("champion", GOOD)
    report = job.report()
    assert report["champion"]["status"] == "scored"
    assert report["champion"]["score"] > 0.7
    assert report["candidate"]["score"] == pytest.approx(1 - report["champion"]["score"])


def test_what_the_candidate_answers_is_kept_beside_the_labels(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", BACKWARDS)
    job.report()
    header, *answers = job.predictions
    _, *rows = (job.root / "eval/eval.csv").read_text().splitlines()
    assert header == "label,probability,prediction"
    cells = [tuple(map(float, line.split(","))) for line in answers]
    pairs = [tuple(map(float, line.split(","))) for line in rows]
    assert cells == [(label, x, x >= 0.5) for label, x in pairs]


def test_the_report_has_every_field_of_a_comparison(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", WEAK)
    report = job.report()
    ours, theirs = report["candidate"]["score"], report["champion"]["score"]
    assert report["metric"] == "auc"
    assert (report["problem"], report["better"], report["rows"]) == ("binary", "higher", 300)
    late = [line.partition(",")[0] for line in job.predictions[1:]].count("1")
    assert report["classes"] == {"0": 300 - late, "1": late}
    part = {"status", "digest", "score", "metrics", "undefined", "threshold", "confusion_matrix"}
    assert set(report["candidate"]) == part
    assert set(report["champion"]) == {*part, "reason"}
    metrics = report["candidate"]["metrics"]
    assert set(metrics) == set(PROBLEMS["binary"].reported)
    assert 0 < metrics["latency_ms"] < 1000
    assert metrics["size_mb"] == (job.root / "candidate/model.tar.gz").stat().st_size / 1e6
    assert metrics["auc"] == ours
    assert report["regression"] == theirs - ours
    assert report["interval"]["low"] <= report["regression"] <= report["interval"]["high"]
    assert (report["interval"]["confidence"], report["interval"]["resamples"]) == (0.95, 1000)
    assert f"{ours:.4f}" in report["verdict"]
    assert f"{theirs:.4f}" in report["verdict"]


@pytest.mark.parametrize(("candidate", "champion", "sign"), [(GOOD, WEAK, -1), (WEAK, GOOD, 1)])
def test_a_worse_candidate_has_a_positive_regression(
    job: Job, candidate: str, champion: str, sign: int
) -> None:
    job.model("candidate", candidate)
    job.model("champion", champion)
    assert np.sign(job.report()["regression"]) == sign


def test_an_equal_champion_has_a_regression_of_exactly_zero(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", GOOD)
    report = job.report()
    assert report["regression"] == 0.0
    assert (report["interval"]["low"], report["interval"]["high"]) == (0.0, 0.0)


def test_a_folder_without_an_archive_means_that_there_is_no_champion(job: Job) -> None:
    job.model("candidate", GOOD)
    (job.root / "champion" / "README").write_text("nothing serves yet")
    report = job.report()
    champion = report["champion"]
    assert (champion["status"], champion["score"], champion["reason"]) == ("none", None, None)
    assert set(champion["metrics"].values()) == {None}
    assert champion["metrics"].keys() == report["candidate"]["metrics"].keys()
    assert (report["regression"], report["interval"]) == (0.0, None)
    assert "no champion" in report["verdict"]


@pytest.mark.parametrize(
    ("features", "inference", "reason"),
    [
        ("def answer(x): raise KeyError('y')", INFERENCE, "KeyError: 'y'"),
        ("def answer(x): raise ValueError('one\\ntwo')", INFERENCE, "ValueError: one"),
        ("def answer(x): return 2", INFERENCE, "300 of 300 answers are not understood"),
        (
            "def answer(x): return float('nan')",
            INFERENCE,
            "300 of 300 answers are not understood: 'nan' (300); expected finite",
        ),
        (
            "def answer(x): return 'yes'",
            INFERENCE,
            "300 of 300 answers are not understood: 'yes' (300)",
        ),
        (GOOD, INFERENCE.replace("in rows]", "in rows[1:]]"), "299 answers for 300 rows"),
        (GOOD, "import comparison", "ModuleNotFoundError: No module named 'comparison'"),
        (
            GOOD,
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "its process was ended by SIGKILL; this is",
        ),
    ],
)
def test_a_champion_that_cannot_answer_is_unscorable_with_the_reason(
    job: Job, features: str, inference: str, reason: str
) -> None:
    job.model("candidate", GOOD)
    job.model("champion", features, inference)
    report = job.report()
    assert report["champion"]["status"] == "unscorable"
    assert report["champion"]["reason"].startswith(reason)
    assert report["champion"]["score"] is None
    assert (report["regression"], report["interval"]) == (0.0, None)
    assert reason in report["verdict"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00truncated"])
def test_a_champion_archive_that_is_broken_is_unscorable(job: Job, content: bytes) -> None:
    job.model("candidate", GOOD)
    (job.root / "champion" / "model.tar.gz").write_bytes(content)
    report = job.report()
    assert report["champion"]["status"] == "unscorable"
    assert "model.tar.gz cannot be unpacked" in report["champion"]["reason"]


def test_a_champion_without_code_is_unscorable(job: Job) -> None:
    job.model("candidate", GOOD)
    archive(job.root / "champion" / "model.tar.gz", {"model.ubj": "…"})
    report = job.report()
    assert report["champion"]["reason"] == "ModuleNotFoundError: No module named 'inference'"


def test_two_archives_are_not_a_champion(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", GOOD)
    archive(job.root / "champion" / "other.tar.gz", {})
    assert "2 archives, expected one" in job.report()["champion"]["reason"]


def test_a_candidate_that_cannot_answer_fails_the_step(job: Job) -> None:
    job.model("candidate", "def answer(x): raise KeyError('y')")
    job.model("champion", GOOD)
    with pytest.raises(SystemExit, match="the candidate cannot be scored: KeyError: 'y'"):
        job.report()
    assert not (job.root / "report").exists()


def test_a_missing_candidate_fails_the_step(job: Job) -> None:
    with pytest.raises(SystemExit, match=r"cannot be scored: no \*\.tar\.gz in .*candidate"):
        job.report()


@pytest.mark.parametrize("with_filter", [True, False])
@pytest.mark.parametrize("name", ["../evil.py", "code/../../evil.py"])
def test_an_archive_cannot_write_outside_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, with_filter: bool
) -> None:
    if not with_filter:  # as on a Python that does not have it yet
        monkeypatch.delattr(tarfile, "data_filter")
    path = archive(tmp_path / "model.tar.gz", {name: "evil"})
    with pytest.raises(tarfile.TarError):
        models.unpack(path, tmp_path / "inside" / "model")
    assert not list(tmp_path.rglob("evil.py"))


def test_an_archive_unpacks_without_the_filter_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tarfile, "data_filter")
    path = archive(tmp_path / "model.tar.gz", {"./code/inference.py": GOOD})
    models.unpack(path, tmp_path / "model")
    assert (tmp_path / "model/code/inference.py").read_text() == GOOD


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,lat\n1,0\n", "no column 'late', the label of .model.; did you mean 'lat'?"),
        ("late,x\n1,0.5\n1,0.6\n", "the eval slice has no auc: all 2 labels are '1'"),
        ("late,x\nyes,1\n0,1\nno,1\nno,1", "3 of 4 labels are not understood: 'no' .2."),
        ("late,x\n", "there are no rows"),
        ("", "not a CSV file with a header"),
    ],
)
def test_an_eval_slice_that_no_model_can_be_judged_by_fails_the_step(
    job: Job, content: str, message: str
) -> None:
    job.model("candidate", GOOD)
    job.rows(content)
    with pytest.raises(SystemExit, match=message):
        job.report()
    assert not (job.root / "report").exists()


def test_answers_may_come_on_one_line_as_sagemakers_own_algorithm_sends_them(job: Job) -> None:
    one_line = INFERENCE.replace('f"{answer}\\n"', 'f"{answer},"')
    assert one_line != INFERENCE
    job.model("candidate", GOOD)
    job.model("champion", GOOD, one_line)
    assert job.report()["champion"]["status"] == "scored"


def test_without_a_candidate_the_champion_is_judged_alone_with_its_own_interval(job: Job) -> None:
    job.model("champion", GOOD)
    report = job.report(alone=True)
    champion, interval = report["champion"], report["interval"]
    assert report["candidate"] is None
    assert champion["status"] == "scored"
    assert interval["low"] < champion["score"] < interval["high"]
    assert report["verdict"].startswith(f"champion auc {champion['score']:.4f}, 95 % within")


def test_a_champion_judged_alone_has_no_regression_that_a_gate_could_pass(job: Job) -> None:
    job.model("champion", GOOD)
    assert job.report(alone=True)["regression"] is None


def test_the_answers_of_a_champion_judged_alone_are_kept(job: Job) -> None:
    job.model("champion", GOOD)
    job.report(alone=True)
    header, *answers = job.predictions
    assert header == "label,probability,prediction"
    assert len(answers) == 300


def test_a_champion_judged_alone_that_cannot_answer_says_why(job: Job) -> None:
    job.model("champion", "def answer(x): raise KeyError('plane_seats')")
    report = job.report(alone=True)
    assert report["champion"]["status"] == "unscorable"
    assert report["champion"]["score"] is None
    assert "plane_seats" in report["verdict"]
    assert job.predictions == ["label,probability,prediction"]


def test_neither_candidate_nor_champion_is_an_error(job: Job) -> None:
    with pytest.raises(SystemExit, match="nothing to judge: no --candidate, and no"):
        job.report(alone=True)


# -- the metric that decides ---------------------------------------------------------------------


def test_another_metric_decides_in_its_own_direction(job: Job) -> None:
    job.model("candidate", "def answer(x): return 0.5")
    job.model("champion", GOOD)
    report = job.report("--metric", "log_loss")
    assert (report["metric"], report["better"]) == ("log_loss", "lower")
    ours, theirs = report["candidate"]["score"], report["champion"]["score"]
    assert report["regression"] == ours - theirs > 0
    assert f"{report['regression']:.4f} worse, 95 % within" in report["verdict"]


def test_labels_may_be_words_of_which_one_is_the_positive_class(job: Job) -> None:
    job.model("candidate", GOOD)
    numbers = job.report()
    text = (job.root / "eval" / "eval.csv").read_text()
    lines = [line.replace("1,", "yes,", 1).replace("0,", "no,", 1) for line in text.splitlines()]
    job.rows("\n".join(["late,x", *lines[1:]]))
    words = job.report("--positive=yes")
    for report in (words, numbers):
        del report["candidate"]["metrics"]["latency_ms"]  # is measured anew
    assert words["candidate"]["metrics"] == numbers["candidate"]["metrics"]
    assert set(words["candidate"]["confusion_matrix"]) == {"no", "yes"}
    assert words["classes"] == {"no": numbers["classes"]["0"], "yes": numbers["classes"]["1"]}
    assert {line.partition(",")[0] for line in job.predictions[1:]} == {"no", "yes"}


def test_a_regression_is_judged_by_its_error(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    price.model("champion", "def answer(x): return 90 * x")
    report = price.report()
    ours, theirs = report["candidate"]["score"], report["champion"]["score"]
    about = [report[key] for key in ("problem", "metric", "better")]
    assert about == ["regression", "rmse", "lower"]
    assert ours < theirs
    assert report["regression"] == ours - theirs
    assert report["interval"]["low"] < report["regression"] < report["interval"]["high"] < 0
    assert (
        f"against the champion's {theirs:.4f} on 300 rows: {theirs - ours:.4f} better, 95 %"
        in report["verdict"]
    )
    assert set(report["candidate"]["metrics"]) == set(PROBLEMS["regression"].reported)
    assert report["classes"] == {}
    assert price.predictions[0] == "label,prediction"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("float('nan')", "300 of 300 answers are not understood: 'nan' (300)"),
        ("x / 0 if x > 2 else float('inf') if x > 0.5 else 1", "answers are not understood: 'inf'"),
        ("'cheap'", "300 of 300 answers are not understood: 'cheap' (300)"),
        ("f'{x},{x}'", "300 of 300 answers have several values"),
    ],
)
def test_an_answer_that_is_no_number_makes_a_champion_unscorable_with_the_count(
    price: Job, answer: str, reason: str
) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    price.model("champion", f"def answer(x): return {answer}")
    champion = price.report()["champion"]
    assert champion["status"] == "unscorable"
    assert reason in champion["reason"]


def test_a_metric_that_the_labels_do_not_have_is_left_out_with_the_reason(price: Job) -> None:
    rows = (price.root / "eval" / "eval.csv").read_text()
    price.rows(rows + "0.001,0\n")
    price.model("candidate", "def answer(x): return 100 * x")
    candidate = price.report()["candidate"]
    assert candidate["metrics"]["mape"] is None
    reason = "mape divides by the label, which is 0 in 1 of 301 rows"
    assert candidate["undefined"] == {"mape": reason}
    with pytest.raises(SystemExit, match=f"the eval slice has no mape: {reason}"):
        price.report("--metric", "mape")


def test_classes_are_judged_by_their_names(kind: Job) -> None:
    kind.model("candidate", "def answer(x): return ['ant', 'bee', 'cat'][int(3 * x)]")
    kind.model("champion", "def answer(x): return 'ant' if x < 0.5 else 'cat'")
    report = kind.report()
    assert (report["metric"], report["better"]) == ("macro_f1", "higher")
    assert report["regression"] < 0
    assert report["candidate"]["metrics"]["accuracy"] > 0.8
    assert set(report["classes"]) == {"ant", "bee", "cat"}
    assert "log_loss" in report["candidate"]["undefined"]
    assert kind.predictions[0] == "label,prediction"
    assert kind.predictions[1].split(",")[1] in ("ant", "bee", "cat")


def test_probabilities_of_classes_are_taken_behind_the_class(kind: Job) -> None:
    sure = "['ant,0.8,0.1,0.1', 'bee,0.1,0.8,0.1', 'cat,0.1,0.1,0.8'][int(3 * x)]"
    kind.model("candidate", f"def answer(x): return {sure}")
    report = kind.report()
    accuracy = report["candidate"]["metrics"]["accuracy"]
    expected = -(accuracy * np.log(0.8) + (1 - accuracy) * np.log(0.1))
    assert report["candidate"]["metrics"]["log_loss"] == pytest.approx(expected)


def test_a_class_that_no_label_has_is_a_wrong_answer(kind: Job) -> None:
    kind.model("candidate", "def answer(x): return 'dog'")
    report = kind.report()
    assert report["candidate"]["metrics"]["accuracy"] == 0
    assert kind.predictions[1].endswith(",dog")


@pytest.mark.parametrize("job_of", ["job", "price", "kind"])
def test_a_report_has_no_value_that_json_lacks(job_of: str, request: pytest.FixtureRequest) -> None:
    job: Job = request.getfixturevalue(job_of)
    job.model("candidate", GOOD)
    job.model("champion", "def answer(x): return 1 / (x - x)")
    job.report()
    text = (job.root / "report" / "evaluation.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text


# -- a team's own metric -------------------------------------------------------------------------

OWN = """
import numpy as np

BETTER = {"cost": "lower"}

def cost(labels, answers):
    return np.where(answers < labels, 3 * (labels - answers), answers - labels).mean()
"""


def own(job: Job, source: str) -> list[str]:
    file = job.root / "metrics.py"
    file.write_text(source)
    return ["--own-metrics", str(file), "--metric", "cost"]


def test_a_teams_own_metric_decides_in_the_direction_that_it_says(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x + 2")
    price.model("champion", "def answer(x): return 100 * x - 2")
    report = price.report(*own(price, OWN))
    assert (report["metric"], report["better"]) == ("cost", "lower")
    assert report["candidate"]["score"] < report["champion"]["score"]
    assert report["regression"] < 0
    assert report["interval"]["low"] <= report["regression"] <= report["interval"]["high"]
    assert {"cost", "rmse"} <= set(report["candidate"]["metrics"])


def test_a_teams_own_metric_of_classes_gets_their_names(kind: Job) -> None:
    source = "BETTER = {'cost': 'lower'}\ndef cost(labels, answers): return (labels == 'bee').sum()"
    kind.model("candidate", "def answer(x): return 'bee'")
    report = kind.report(*own(kind, source))
    assert report["candidate"]["score"] == report["classes"]["bee"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def cost(a, b): ...", "has no BETTER; expected a dictionary such as BETTER"),
        ("BETTER = {'cost': 'less'}", r"BETTER\['cost'\] = 'less'"),
        ("BETTER = {'cost': 'lower'}", "there is no function of this name"),
        ("BETTER = {'rmse': 'lower'}\ndef rmse(a, b): ...", "call yours by another name"),
        ("import nothing_of_the_kind", "cannot be loaded: ModuleNotFoundError"),
        (OWN.replace("return", "return 1 / 0 +"), "cost of metrics.py fails: ZeroDivisionError"),
        (OWN.replace("return", "return np.nan *"), "cost of metrics.py is nan, no number"),
        (OWN.replace("cost", "price"), "'cost' is no metric of a regression problem"),
    ],
)
def test_a_teams_own_metric_that_cannot_be_used_fails_the_step(
    price: Job, source: str, message: str
) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    with pytest.raises(SystemExit, match=message):
        price.report(*own(price, source))


# -- the threshold ---------------------------------------------------------------------------------

LOW = "def answer(x): return x / 4"  # as good as GOOD, and never above 0.25


@pytest.mark.parametrize("metric", ["f1", "accuracy"])
def test_each_model_is_judged_at_a_threshold_of_its_own(job: Job, metric: str) -> None:
    job.model("candidate", LOW)
    job.model("champion", GOOD)
    fixed = job.report("--metric", metric)
    assert fixed["regression"] > 0.2
    assert [fixed[role]["threshold"] for role in ("candidate", "champion")] == [0.5, 0.5]
    best = job.report("--metric", metric, "--threshold", "best-f1")
    assert best["regression"] == 0
    ours, theirs = (best[role]["threshold"] for role in ("candidate", "champion"))
    assert ours == pytest.approx(theirs / 4, rel=1e-9)
    assert 0 < ours < 0.25


def test_the_champion_is_judged_at_the_threshold_that_it_was_registered_with(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", GOOD)
    at = ["--metric=recall", "--threshold=0.6"]
    report = job.report(*at, "--champion-threshold=0.3")
    assert [report[role]["threshold"] for role in ("candidate", "champion")] == [0.6, 0.3]
    assert report["regression"] > 0
    for text in ("none", ""):
        assert job.report(*at, f"--champion-threshold={text}")["champion"]["threshold"] == 0.6
    alone = job.report(*at, "--champion-threshold=0.3", alone=True)
    assert alone["champion"]["score"] == report["champion"]["score"]


def test_predictions_are_of_the_threshold(job: Job) -> None:
    job.model("candidate", GOOD)
    job.report("--threshold=0.25")
    cells = [line.split(",") for line in job.predictions[1:]]
    assert all(taken == str(int(float(p) >= 0.25)) for _, p, taken in cells)


def test_a_model_that_answers_classes_is_judged_by_them(job: Job) -> None:
    job.model("candidate", "def answer(x): return int(x > 0.4)")
    report = job.report("--metric=f1", "--prediction=0")
    assert report["candidate"]["threshold"] is None
    reason = "auc needs probabilities: the model answers a class alone"
    assert report["candidate"]["undefined"]["auc"] == reason
    assert job.predictions[0] == "label,prediction"
    with pytest.raises(SystemExit, match=reason):
        job.report("--metric=auc", "--prediction=0")


# -- weights ---------------------------------------------------------------------------------------


def weighted(job: Job, weight: Callable[[int], object] = lambda n: 1 + n % 3) -> Job:
    header, *lines = (job.root / "eval/eval.csv").read_text().splitlines()
    rows = [f"{line},{weight(n)}" for n, line in enumerate(lines)]
    job.rows("\n".join([f"{header},mass", *rows]) + "\n")
    return job


def test_rows_count_by_their_weight(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    plain = price.report()
    weighted(price, lambda _: 2.5)
    assert price.report("--weights=mass")["candidate"]["score"] == pytest.approx(
        plain["candidate"]["score"], rel=1e-12
    )
    report = price.report("--weights=mass")
    assert report["weights"] == "mass"
    assert plain["weights"] is None


def test_a_model_is_not_sent_the_weights(price: Job) -> None:
    nosy = INFERENCE.replace("return [", "assert list(rows[0]) == ['x']; return [")
    price.model("candidate", "def answer(x): return 100 * x", nosy)
    weighted(price)
    assert price.report("--weights=mass")["candidate"]["score"] > 0


def test_the_interval_is_of_weighted_rows(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    price.model("champion", "def answer(x): return 90 * x")
    weighted(price, lambda n: int(n < 30))  # thirty rows of three hundred count
    report = price.report("--weights=mass")
    interval = report["interval"]
    assert interval["low"] < report["regression"] < interval["high"]
    all_rows = price.report()["interval"]
    assert interval["high"] - interval["low"] > 2 * (all_rows["high"] - all_rows["low"])


@pytest.mark.parametrize(
    ("weight", "column", "message"),
    [
        (lambda _: 1, "mas", "no column 'mas', the weights of .model.; did you mean 'mass'?"),
        (
            lambda n: -1 if n < 3 else 1,
            "mass",
            "column 'mass': 3 of 300 weights are not understood: '-1'",
        ),
        (lambda _: 0, "mass", "column 'mass': all 300 weights are 0"),
        (lambda n: "inf" if n else "nan", "mass", "300 of 300 weights are not understood: 'inf'"),
    ],
)
def test_weights_that_decide_nothing_fail_the_step(
    price: Job, weight: Callable[[int], object], column: str, message: str
) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    with pytest.raises(SystemExit, match=message):
        weighted(price, weight).report(f"--weights={column}")


def test_a_teams_own_metric_gets_the_weights_as_its_third_argument(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    price.model("champion", "def answer(x): return 90 * x")
    source = (
        "import numpy as np\nBETTER = {'cost': 'lower', 'plain': 'lower'}\n"
        "def cost(labels, answers, weights):\n"
        "    return np.average(abs(labels - answers), weights=weights)\n"
        "def plain(labels, answers): return 1.0\n"
    )
    arguments = own(price, source)
    report = weighted(price).report(*arguments, "--weights=mass")
    metrics = report["candidate"]["metrics"]
    assert metrics["cost"] == pytest.approx(metrics["mae"], rel=1e-12)
    assert report["interval"]["low"] < report["regression"] < report["interval"]["high"] < 0
    assert metrics["plain"] is None
    assert "def plain(labels, answers, weights)" in report["candidate"]["undefined"]["plain"]
    assert price.report(*arguments)["candidate"]["metrics"]["cost"] > 0
    with pytest.raises(SystemExit, match="the candidate has no plain: it takes no weights"):
        price.report(*own(price, source)[:2], "--metric=plain", "--weights=mass")


# -- what is left out ------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [1, 3])
def test_few_labels_that_are_not_understood_are_left_out_and_told(price: Job, wrong: int) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    whole = price.report()
    assert whole["refused"] == {"labels": 0, "examples": {}, "expected": "finite numbers"}
    price.rows((price.root / "eval/eval.csv").read_text() + "0.5,n/a\n" * wrong)
    report = price.report()
    assert report["rows"] == 300
    assert report["candidate"]["score"] == whole["candidate"]["score"]
    assert report["refused"] == {
        "labels": wrong,
        "examples": {"n/a": wrong},
        "expected": "finite numbers",
    }
    assert (
        f"left out: {wrong} of {300 + wrong} labels are not understood: 'n/a'" in report["verdict"]
    )
    assert len(price.predictions) == 301


def test_more_labels_that_are_not_understood_fail_the_step(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    price.rows((price.root / "eval/eval.csv").read_text() + "0.5,n/a\n" * 4)
    with pytest.raises(
        SystemExit, match=r"'price': 4 of 304 labels are not understood: 'n/a' \(4\)"
    ):
        price.report()


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("log_loss", "the candidate has no log_loss, for which there is a limit: log_loss needs"),
        ("macro_recal", "is no metric of a multiclass problem; did you mean 'macro_recall'"),
        ("latency", "did you mean 'latency_ms'"),
    ],
)
def test_a_metric_that_is_needed_and_not_there_fails_the_step(
    kind: Job, metric: str, message: str
) -> None:
    kind.model("candidate", "def answer(x): return 'ant'")
    assert kind.report("--need=accuracy", "--need=macro_f1")["candidate"]["score"] > 0
    with pytest.raises(SystemExit, match=message):
        kind.report("--need=accuracy", f"--need={metric}")


# -- the confusion matrix --------------------------------------------------------------------------


def test_the_report_says_what_each_class_was_taken_for(kind: Job) -> None:
    kind.model("candidate", "def answer(x): return 'bee' if x < 0.5 else 'dog'")
    kind.model("champion", "def answer(x): return 'cat'")
    report = kind.report()
    matrix = report["candidate"]["confusion_matrix"]
    assert {name: sum(row.values()) for name, row in matrix.items()} == {
        **report["classes"],
        "dog": 0,
    }
    assert all(row["ant"] == 0 for row in matrix.values())
    rows = report["champion"]["confusion_matrix"].values()
    assert sum(row["cat"] for row in rows) == report["rows"]


def test_a_confusion_matrix_of_very_many_classes_is_left_out_with_the_reason(
    tmp_path: Path,
) -> None:
    job = Job(tmp_path, "--problem", "multiclass", "--label", "kind")
    job.rows("x,kind\n" + "".join(f"{n / 100},{n % 51}\n" for n in range(102)))
    job.model("candidate", "def answer(x): return round(x * 100) % 51")
    candidate = job.report()["candidate"]
    assert candidate["score"] == 1
    assert candidate["confusion_matrix"] is None
    assert candidate["undefined"]["confusion_matrix"] == "51 classes; at most 50 are shown"


def test_a_regression_has_neither_threshold_nor_confusion_matrix(price: Job) -> None:
    price.model("candidate", "def answer(x): return 100 * x")
    candidate = price.report("--quantile=0.9")["candidate"]
    assert (candidate["threshold"], candidate["confusion_matrix"]) == (None, None)
    assert "confusion_matrix" not in candidate["undefined"]
    assert candidate["metrics"]["pinball"] != price.report()["candidate"]["metrics"]["pinball"]


def test_probabilities_of_classes_are_kept_beside_the_answers(kind: Job) -> None:
    kind.model("candidate", "def answer(x): return 'cat,0.1,0.2,0.7'")
    kind.report()
    assert kind.predictions[0] == "label,prediction,probability_ant,probability_bee,probability_cat"
    assert kind.predictions[1].endswith(",cat,0.1,0.2,0.7")
