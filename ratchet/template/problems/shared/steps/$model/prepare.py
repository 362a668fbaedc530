"""Landed files to training rows and an eval slice.

In:   <raw>/**/*.csv, *.csv.gz, *.parquet
Out:  <train>/train.csv, <eval>/eval.csv

The eval slice is the newest folder of files, by name. Where there is one folder only, it is a fifth
of the rows, chosen by their content: the same rows in every run. With --judge all, all rows are.
"""

import argparse
from pathlib import Path

import pandas as pd

from features import COLUMNS, LABEL, SEPARATOR


def main():
    parser = argparse.ArgumentParser(description="Make training rows and an eval slice.")
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--judge", choices=["newest", "all"], default="newest")
    args = parser.parse_args()

    rows = pd.concat([read(path, args.raw) for path in files(args.raw)], ignore_index=True)
    rows = labelled(rows)
    judged = chosen(rows) if args.judge == "newest" else pd.Series(True, index=rows.index)
    write(rows[judged], args.eval, "eval")
    if args.judge == "newest":
        write(rows[~judged], args.train, "train")


def files(folder):
    found = [path for ending in ("*.csv", "*.csv.gz", "*.parquet") for path in folder.rglob(ending)]
    if not found:
        raise SystemExit(f"no CSV or Parquet file below {folder}")
    return sorted(found)


def read(path, root):
    """The rows of a file as text, and the folder that they lie in."""
    if path.suffix == ".parquet":
        rows = pd.read_parquet(path)
    else:
        rows = pd.read_csv(path, dtype=str, sep=SEPARATOR, encoding="utf-8-sig")
    if missing := [column for column in [*COLUMNS, LABEL] if column not in rows]:
        raise SystemExit(f"{path}: no column {', '.join(missing)}")
    return (
        rows[[*COLUMNS, LABEL]].astype("string").assign(folder=str(path.parent.relative_to(root)))
    )


def labelled(rows):
    """Rows without a label teach nothing and judge nothing."""
    empty = rows[LABEL].isna() | (rows[LABEL].str.strip() == "")
    if empty.any():
        print(f"left out {empty.sum():,} rows without a label")
    if empty.all():
        raise SystemExit(f"no row has a label in column {LABEL}")
    return rows[~empty].reset_index(drop=True)


def chosen(rows):
    """Which rows are the eval slice."""
    folders = rows["folder"].unique()
    if len(folders) > 1:
        return rows["folder"] == max(folders)
    content = pd.util.hash_pandas_object(rows.fillna(""), index=False)
    return content % 5 == 0


def write(rows, folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    rows.drop(columns="folder").to_csv(folder / f"{name}.csv", index=False)
    print(f"{name}: {len(rows):,} rows")


if __name__ == "__main__":
    main()
