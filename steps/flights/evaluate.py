"""Judge the candidate and the champion on the same rows, and say how they compare.

In:   <candidate>/*.tar.gz     the model just trained; without --candidate the champion is judged
                               alone
      <champion>/*.tar.gz      the model that serves now; none in the folder: there is no champion
      <eval>/eval.csv          the eval slice: a label and the raw columns, with a header
Out:  <report>/evaluation.json
      <predictions>/predictions.csv    label,probability: what the candidate answers for each row,
                               or the champion when it is judged alone

Each model answers through the code packed with it. A champion that cannot answer for these rows
is `unscorable`, with the reason; whether that may pass is the gate's decision, not this step's.
A candidate that cannot is an error.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import metrics
import score

LABEL = "late"
CONFIDENCE = 0.95
RESAMPLES = 1000

Array = np.ndarray[Any, Any]


class Answer(NamedTuple):
    """What asking a model gave: scores, or the reason why not, or neither (there is no model)."""

    scores: Array | None = None
    reason: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare a candidate with the champion.")
    parser.add_argument("--candidate", type=Path)
    parser.add_argument("--champion", type=Path, default="/opt/ml/processing/input/champion")
    parser.add_argument("--eval", type=Path, default="/opt/ml/processing/input/eval")
    parser.add_argument("--report", type=Path, default="/opt/ml/processing/output/report")
    parser.add_argument("--predictions", type=Path, default="/opt/ml/processing/output/predictions")
    args = parser.parse_args()

    labels, rows = read(args.eval / "eval.csv")
    folders = [folder for folder in (args.champion, args.candidate) if folder]
    with ThreadPoolExecutor() as threads:  # the work is in processes, one for each model
        futures = [threads.submit(ask, folder, rows, len(labels)) for folder in folders]
    champion, *challengers = (future.result() for future in futures)
    if challengers:
        scores = challengers[0].scores
        if scores is None:
            reason = challengers[0].reason or f"no *.tar.gz in {args.candidate}"
            raise SystemExit(f"the candidate cannot be scored: {reason}")
        report = compare(labels, scores, champion)
    else:
        if champion.scores is None and champion.reason is None:
            raise SystemExit(
                f"nothing to judge: no --candidate, and no *.tar.gz in {args.champion}"
            )
        scores = champion.scores
        report = judge(labels, champion)

    args.report.mkdir(parents=True, exist_ok=True)
    (args.report / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
    args.predictions.mkdir(parents=True, exist_ok=True)
    answered = {"label": labels, "probability": scores} if scores is not None else None
    answers = pd.DataFrame(answered, columns=["label", "probability"])
    answers.to_csv(args.predictions / "predictions.csv", index=False)
    print(report["verdict"])


def read(path: Path) -> tuple[Array, bytes]:
    """The labels, and the rows without them as the CSV that each model is sent."""
    if not path.is_file():
        raise SystemExit(f"no {path}; expected the eval slice that prepare.py wrote")
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)  # cells stay as they are written
    if LABEL not in rows or not set(rows[LABEL]) == {"0", "1"}:
        raise SystemExit(f"{path}: expected a column {LABEL} that holds both 0 and 1")
    labels = rows.pop(LABEL).to_numpy(dtype=int)
    return labels, rows.to_csv(index=False).encode()


def ask(folder: Path, rows: bytes, expected: int) -> Answer:
    """The scores of the model archive in `folder` for these rows."""
    archives = sorted(folder.glob("*.tar.gz"))
    if not archives:
        return Answer()
    if len(archives) > 1:
        return Answer(reason=f"{len(archives)} archives, expected one model.tar.gz")
    with tempfile.TemporaryDirectory() as work:
        model, request, response = Path(work, "model"), Path(work, "rows.csv"), Path(work, "scores")
        try:
            unpack(archives[0], model)
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            why = " ".join(str(error).split())
            return Answer(reason=f"{archives[0].name} cannot be unpacked: {why}"[:300])
        request.write_bytes(rows)
        scoring = [sys.executable, score.__file__, str(model), str(request), str(response)]
        done = subprocess.run(scoring, stderr=subprocess.PIPE, text=True, errors="replace")
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            return Answer(reason=" ".join(lines[-1].split())[:300])
        return parse(response.read_text(), expected)


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
            return
        for member in tar:  # before Python 3.10.12: take plain files that stay inside, only
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
                raise tarfile.TarError(f"{member.name} would be written outside of the model")
            tar.extract(member, folder)


def parse(response: str, expected: int) -> Answer:
    """One probability a row, apart by commas or newlines."""
    try:
        scores = np.array(response.replace(",", "\n").split(), dtype=float)
    except ValueError as error:
        return Answer(reason=f"expected one probability a row: {error}")
    if len(scores) != expected:
        return Answer(reason=f"{len(scores)} scores for {expected} rows")
    if not ((scores >= 0) & (scores <= 1)).all():  # a NaN is not
        return Answer(reason="scores are not all probabilities between 0 and 1")
    return Answer(scores=scores)


def compare(labels: Array, candidate: Array, champion: Answer) -> dict[str, Any]:
    """The report. `regression` is how much worse the candidate is: what the gate looks at."""
    ours = {"auc": metrics.auc(labels, candidate), "log_loss": metrics.log_loss(labels, candidate)}
    theirs: dict[str, Any] = {"status": "none", "auc": None, "log_loss": None, "reason": None}
    regression, interval = 0.0, None
    ending = f"on {len(labels):,} rows"
    if champion.scores is not None:
        theirs["status"] = "scored"
        theirs["auc"] = metrics.auc(labels, champion.scores)
        theirs["log_loss"] = metrics.log_loss(labels, champion.scores)
        regression = theirs["auc"] - ours["auc"]
        low, high = metrics.regression_interval(
            labels, candidate, champion.scores, resamples=RESAMPLES, confidence=CONFIDENCE
        )
        interval = {"low": low, "high": high, "confidence": CONFIDENCE, "resamples": RESAMPLES}
        comparison = f"against the champion's {theirs['auc']:.4f} {ending}"
        verdict = (
            f"{comparison}: regression {regression:+.4f}, 95 % within {low:+.4f} to {high:+.4f}"
        )
    elif champion.reason:
        theirs.update(status="unscorable", reason=champion.reason)
        verdict = f"{ending}; the champion cannot be scored: {champion.reason}"
    else:
        verdict = f"{ending}; there is no champion to compare with"
    return {
        "metric": "auc",
        "rows": len(labels),
        "positives": int(labels.sum()),
        "candidate": ours,
        "champion": theirs,
        "regression": regression,
        "interval": interval,
        "verdict": f"candidate AUC {ours['auc']:.4f} {verdict}",
    }


def judge(labels: Array, champion: Answer) -> dict[str, Any]:
    """The report on the champion alone, in the same shape. `regression` is null, so no gate takes
    it for that of a candidate; `interval` is of the champion's own score."""
    theirs: dict[str, Any] = {"status": "unscorable", "auc": None, "log_loss": None}
    interval, ending = None, f"on {len(labels):,} rows"
    if champion.scores is None:
        verdict = f"the champion cannot be scored {ending}: {champion.reason}"
    else:
        auc = metrics.auc(labels, champion.scores)
        theirs = {
            "status": "scored",
            "auc": auc,
            "log_loss": metrics.log_loss(labels, champion.scores),
        }
        low, high = metrics.auc_interval(
            labels, champion.scores, resamples=RESAMPLES, confidence=CONFIDENCE
        )
        interval = {"low": low, "high": high, "confidence": CONFIDENCE, "resamples": RESAMPLES}
        verdict = f"champion AUC {auc:.4f}, 95 % within {low:.4f} to {high:.4f}, {ending}"
    return {
        "metric": "auc",
        "rows": len(labels),
        "positives": int(labels.sum()),
        "candidate": None,
        "champion": {**theirs, "reason": champion.reason},
        "regression": None,
        "interval": interval,
        "verdict": verdict,
    }


if __name__ == "__main__":
    main()
