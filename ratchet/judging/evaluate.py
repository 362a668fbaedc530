"""The step script: judges the candidate and the champion on the same rows, and says how they
compare.

In:   <candidate>/*.tar.gz     the model just trained; without --candidate the champion is judged
                               alone. A chain of containers has --candidate for each
      <champion>/*.tar.gz      the model that serves now; none in the folder: there is no champion.
                               Of a chain: 01-of-02.tar.gz, 02-of-02.tar.gz
      <eval>/eval.csv          the eval slice: the label and the raw columns, with a header
Out:  <report>/evaluation.json
      <predictions>/predictions.csv    the label of each row, and what the candidate answers for it
                               (or the champion when it is judged alone): label,probability,
                               prediction for a binary problem, label,prediction for others, and
                               for several classes the probability of each, if there are any

Each model answers through the code packed with it. A champion that cannot answer for these rows
is `unscorable`, with the reason; whether that may pass is the gate's decision, not this step's.
A candidate that cannot is an error.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the root that holds `ratchet` is two folders up
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np
import pandas as pd

from ratchet.judging.answers import (
    MOST_REFUSED,
    Answers,
    RefusedError,
    RefusedValues,
    TrueLabels,
    most_labels,
    read_weights,
)
from ratchet.judging.comparison import Judging, UndefinedMetricError, check_labels, compare, judge
from ratchet.judging.copies import RegistryState
from ratchet.judging.models import ask_model
from ratchet.judging.own_metrics import OwnMetricError, own_metrics
from ratchet.judging.responses import Reading, read_response
from ratchet.judging.slices import MOST_VALUES, Slices
from ratchet.loop import folders
from ratchet.loop.names import NONE
from ratchet.loop.problems import (
    BEST_F1,
    BINARY,
    MEDIAN,
    MULTICLASS,
    PROBLEMS,
    REGRESSION,
    THRESHOLD,
)

_MISTAKES = (RefusedError, UndefinedMetricError, OwnMetricError)


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse_arguments(arguments)
    try:
        run(args)
    except _MISTAKES as mistake:
        raise SystemExit(str(mistake)) from None


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare a candidate with the champion.")
    parser.add_argument(
        "--candidate",
        type=Path,
        action="append",
        default=[],
        help="a folder; one for each container of a chain, in their order",
    )
    parser.add_argument("--champion", type=Path, default="/opt/ml/processing/input/champion")
    parser.add_argument("--eval", type=Path, default="/opt/ml/processing/input/eval")
    parser.add_argument("--report", type=Path, default="/opt/ml/processing/output/report")
    parser.add_argument("--predictions", type=Path, default="/opt/ml/processing/output/predictions")
    parser.add_argument("--problem", choices=sorted(PROBLEMS), required=True)
    parser.add_argument("--label", required=True, help="the column of the eval slice")
    parser.add_argument("--metric", help="what decides; default: the problem's")
    parser.add_argument("--positive", default="", help="the label's value of the positive class")
    parser.add_argument(
        "--class", dest="classes", action="append", default=[], help="one of all, in their order"
    )
    threshold = parser.add_argument_group("what a binary model's probability means")
    threshold.add_argument(
        "--threshold",
        type=_threshold,
        default=str(THRESHOLD),
        help=f"from here on it is the positive class; {BEST_F1}: each model's own on these rows",
    )
    threshold.add_argument(
        "--champion-threshold",
        type=_registered,
        default=NONE,
        help=f"the one that the champion was registered with; {NONE}: as --threshold says",
    )
    parser.add_argument("--quantile", type=float, default=MEDIAN, help="of the metric pinball")
    parser.add_argument("--weights", help="the column that says how much a row counts")
    for part in ("prediction", "probability"):
        parser.add_argument(
            f"--{part}", type=_place, help="where it stands in an answer: position from 0 or name"
        )
    parser.add_argument(
        "--need",
        action="append",
        default=[],
        metavar="METRIC",
        help="fail where the candidate does not have it",
    )
    slices = parser.add_argument_group("rows that are compared by themselves")
    slices.add_argument(
        "--slice",
        dest="slices",
        action="append",
        default=[],
        metavar="COLUMN",
        help="the rows of each of its values",
    )
    slices.add_argument(
        "--slice-tolerance", type=float, default=0.0, help="how much worse is no harm there"
    )
    parser.add_argument("--own-metrics", type=Path, help="a file with BETTER and functions")
    versions = parser.add_argument_group("the versions that there are, which a candidate may be")
    versions.add_argument("--champion-version", default=NONE)
    versions.add_argument("--newest-version", default=NONE)
    versions.add_argument("--newest-digest", default=NONE)
    versions.add_argument("--newest-approval", default=NONE)
    return parser.parse_args(arguments)


def _threshold(text: str) -> float | None:
    """None: the best of a model's own answers."""
    return None if text == BEST_F1 else float(text)


def _registered(text: str) -> float | None:
    """None: there is none."""
    return None if text in ("", NONE) else float(text)


def _place(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def readings(args: argparse.Namespace) -> tuple[Reading, Reading]:
    """How the candidate's answers are read, and the champion's: each at its own threshold."""
    reading = Reading(args.prediction, args.probability, args.threshold, args.quantile)
    registered = args.champion_threshold
    return reading, reading if registered is None else replace(reading, threshold=registered)


def run(args: argparse.Namespace) -> None:
    own = own_metrics(args.own_metrics, args.problem) if args.own_metrics else {}
    judging = Judging(args.problem, args.metric or PROBLEMS[args.problem].default, own, args.need)
    labels, rows, slices, refused = read(args)
    check_labels(judging, labels)
    of_candidate, of_champion = readings(args)
    models = [([args.champion], of_champion), (args.candidate, of_candidate)]
    with ThreadPoolExecutor() as threads:  # the work is in processes, of both models at once
        futures = [
            threads.submit(
                ask_model, folders, rows, partial(read_response, labels=labels, reading=reading)
            )
            for folders, reading in models
            if folders
        ]
    champion, *candidates = (future.result() for future in futures)
    if candidates:
        answers = candidates[0].answers
        if answers is None:
            missing = f"no *.tar.gz in {', '.join(map(str, args.candidate))}"
            reason = candidates[0].reason or missing
            raise SystemExit(f"the candidate cannot be scored: {reason}")
        report = compare(judging, labels, candidates[0], champion, registry_state(args), slices)
    else:
        if champion.answers is None and champion.reason is None:
            raise SystemExit(
                f"nothing to judge: no --candidate, and no *.tar.gz in {args.champion}"
            )
        answers = champion.answers
        report = judge(judging, labels, champion)
    report |= {"weights": args.weights, "refused": _as_report(refused)}
    if refused.count:
        report["verdict"] += f"; left out: {refused.message('labels', labels.rows + refused.count)}"
    args.report.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    (args.report / folders.EVALUATION_REPORT).write_text(text)
    args.predictions.mkdir(parents=True, exist_ok=True)
    predictions(labels, answers).to_csv(args.predictions / "predictions.csv", index=False)
    print(report["verdict"])


def _as_report(refused: RefusedValues) -> dict[str, object]:
    return {"labels": refused.count, "examples": refused.examples, "expected": refused.expected}


def registry_state(args: argparse.Namespace) -> RegistryState:
    return RegistryState(
        champion_version=args.champion_version,
        newest_version=args.newest_version,
        newest_digest=args.newest_digest,
        newest_approval=args.newest_approval,
    )


def read(args: argparse.Namespace) -> tuple[TrueLabels, bytes, Slices, RefusedValues]:
    """The labels, the rows without them as the CSV that each model is sent, the columns by which
    they are taken apart, and the labels that are not understood: their rows are left out."""
    path: Path = args.eval / "eval.csv"
    if not path.is_file():
        raise SystemExit(f"no {path}; expected the eval slice that prepare.py wrote")
    try:  # cells stay as they are written
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise SystemExit(f"{path}: not a CSV file with a header: {error}") from None
    roles = {"label": args.label, "weights": args.weights}
    columns = {role: name for role, name in roles.items() if name}
    places = {name: f"the {role} of [model]" for role, name in columns.items()}
    for name, what in (*places.items(), *((name, "a slice of [gate]") for name in args.slices)):
        if name not in rows:
            near = difflib.get_close_matches(name, map(str, rows.columns), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise SystemExit(
                f"{path}: no column {name!r}, {what}; {hint}"
                f"There are {', '.join(map(str, rows.columns))}"
            )
    for name in args.slices:
        if (values := rows[name].nunique()) > MOST_VALUES:
            raise SystemExit(
                f"{path}, column {name!r}, a slice of [gate]: {values:,} values; expected at most "
                f"{MOST_VALUES}. Let prepare.py write a column with a few groups of them"
            )
    texts = {role: rows.pop(name) for role, name in columns.items()}
    role = "label"
    try:
        labels, understood, refused = most_labels(
            args.problem,
            texts[role],
            positive=args.positive,
            classes=tuple(args.classes),
            most=MOST_REFUSED,
        )
        if args.weights:
            role = "weights"
            labels = replace(labels, weights=read_weights(texts[role][understood]))
    except RefusedError as error:
        raise SystemExit(f"{path}, column {columns[role]!r}: {error}") from None
    rows = rows[understood]
    slices = Slices(
        columns={name: rows[name].to_numpy(dtype=str) for name in args.slices},
        tolerance=args.slice_tolerance,
    )
    return labels, rows.to_csv(index=False).encode(), slices, refused


def predictions(labels: TrueLabels, answers: Answers | None) -> pd.DataFrame:
    """A row for each label; no rows without answers. Classes have their names."""
    if answers is None:
        binary = ["probability"] if labels.problem == BINARY else []
        return pd.DataFrame(columns=["label", *binary, "prediction"])
    if labels.problem == REGRESSION:
        return pd.DataFrame({"label": labels.values, "prediction": answers.values})
    names = np.array(answers.classes or labels.classes, dtype=object)
    frame = pd.DataFrame({"label": labels.texts, "prediction": names[answers.positions]})
    if labels.problem == BINARY and not answers.no_probabilities:
        frame.insert(1, "probability", answers.values)
    if labels.problem == MULTICLASS and answers.probabilities is not None:
        for name, share in zip(labels.classes, answers.probabilities.T, strict=True):
            frame[f"probability_{name}"] = share
    return frame


if __name__ == "__main__":
    main()
