"""Every third row is judged by, or all of them."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--raw", type=Path)
parser.add_argument("--train", type=Path)
parser.add_argument("--eval", type=Path)
parser.add_argument("--judge", choices=["newest", "all"], default="newest")
args = parser.parse_args()

texts = [file.read_text().splitlines() for file in sorted(args.raw.rglob("*.csv"))]
header, rows = texts[0][0], [row for text in texts for row in text[1:]]


def write(folder: Path, name: str, chosen: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *chosen]) + "\n")


everything = args.judge == "all"
write(args.eval, "eval.csv", rows if everything else rows[::3])
if not everything:
    write(args.train, "train.csv", [row for n, row in enumerate(rows) if n % 3])
