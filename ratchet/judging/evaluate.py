"""The step script: judges the candidate and the champion on the same rows, and says how they
compare.

In:   <candidate>/*.tar.gz     the model just trained; without --candidate the champion is judged
                               alone
      <champion>/*.tar.gz      the model that serves now; none in the folder: there is no champion
      <eval>/eval.csv          the eval slice: the label and the raw columns, with a header
Out:  <report>/evaluation.json
      <predictions>/predictions.csv    the label of each row, and what the candidate answers for it
                               (or the champion when it is judged alone): label,probability for a
                               binary problem, label,prediction for others

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
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the root that holds `ratchet` is two folders up
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np
import pandas as pd

from ratchet.judging.answers import Answers, RefusedError, TrueLabels, read_labels
from ratchet.judging.comparison import Judging, UndefinedMetricError, check_labels, compare, judge
from ratchet.judging.copies import RegistryState
from ratchet.judging.models import ask_model
from ratchet.judging.own_metrics import OwnMetricError, own_metrics
from ratchet.loop.names import NONE
from ratchet.loop.problems import MULTICLASS, PROBLEMS, answer_column

_MISTAKES = (RefusedError, UndefinedMetricError, OwnMetricError)


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse_arguments(arguments)
    try:
        run(args)
    except _MISTAKES as mistake:
        raise SystemExit(str(mistake)) from None


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare a candidate with the champion.")
    parser.add_argument("--candidate", type=Path)
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
    parser.add_argument("--own-metrics", type=Path, help="a file with BETTER and functions")
    versions = parser.add_argument_group("the versions that there are, which a candidate may be")
    versions.add_argument("--champion-version", default=NONE)
    versions.add_argument("--newest-version", default=NONE)
    versions.add_argument("--newest-digest", default=NONE)
    versions.add_argument("--newest-approval", default=NONE)
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> None:
    own = own_metrics(args.own_metrics, args.problem) if args.own_metrics else {}
    judging = Judging(args.problem, args.metric or PROBLEMS[args.problem].default, own)
    labels, rows = read(args)
    check_labels(judging, labels)
    folders = [folder for folder in (args.champion, args.candidate) if folder]
    with ThreadPoolExecutor() as threads:  # the work is in processes, one for each model
        futures = [threads.submit(ask_model, folder, rows, labels) for folder in folders]
    champion, *candidates = (future.result() for future in futures)
    if candidates:
        answers = candidates[0].answers
        if answers is None:
            reason = candidates[0].reason or f"no *.tar.gz in {args.candidate}"
            raise SystemExit(f"the candidate cannot be scored: {reason}")
        report = compare(judging, labels, candidates[0], champion, registry_state(args))
    else:
        if champion.answers is None and champion.reason is None:
            raise SystemExit(
                f"nothing to judge: no --candidate, and no *.tar.gz in {args.champion}"
            )
        answers = champion.answers
        report = judge(judging, labels, champion)
    args.report.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    (args.report / "evaluation.json").write_text(text)
    args.predictions.mkdir(parents=True, exist_ok=True)
    predictions(labels, answers).to_csv(args.predictions / "predictions.csv", index=False)
    print(report["verdict"])


def registry_state(args: argparse.Namespace) -> RegistryState:
    return RegistryState(
        champion_version=args.champion_version,
        newest_version=args.newest_version,
        newest_digest=args.newest_digest,
        newest_approval=args.newest_approval,
    )


def read(args: argparse.Namespace) -> tuple[TrueLabels, bytes]:
    """The labels, and the rows without them as the CSV that each model is sent.

    Raises:
        RefusedError: there is no such column, or labels are not understood.
    """
    path: Path = args.eval / "eval.csv"
    if not path.is_file():
        raise SystemExit(f"no {path}; expected the eval slice that prepare.py wrote")
    try:  # cells stay as they are written
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise SystemExit(f"{path}: not a CSV file with a header: {error}") from None
    if args.label not in rows:
        near = difflib.get_close_matches(args.label, map(str, rows.columns), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise SystemExit(
            f"{path}: no column {args.label!r}, the label of [model]; {hint}"
            f"There are {', '.join(map(str, rows.columns))}"
        )
    column = rows.pop(args.label)
    try:
        labels = read_labels(
            args.problem, column, positive=args.positive, classes=tuple(args.classes)
        )
    except RefusedError as refused:
        raise SystemExit(f"{path}, column {args.label!r}: {refused}") from None
    return labels, rows.to_csv(index=False).encode()


def predictions(labels: TrueLabels, answers: Answers | None) -> pd.DataFrame:
    """A row for each label; no rows without answers. Classes have their names."""
    name = answer_column(labels.problem)
    if answers is None:
        return pd.DataFrame(columns=["label", name])
    answered = answers.values
    if labels.problem == MULTICLASS:
        answered = np.array(answers.classes, dtype=object)[answers.values]
    truth = labels.texts if labels.classes else labels.values
    return pd.DataFrame({"label": truth, name: answered})


if __name__ == "__main__":
    main()
