"""Splits the rows, by the paths of a SageMaker processing container."""

import csv
from pathlib import Path

RAW, TRAIN, TEST = (Path(f"/opt/ml/processing/{name}") for name in ("raw", "train", "test"))

rows = []
for file in sorted(RAW.rglob("*.csv")):
    with file.open(newline="") as text:
        header, *body = csv.reader(text)
    rows += body
for folder, part in ((TRAIN, rows[::2]), (TEST, rows[1::2])):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rows.csv").open("w", newline="") as text:
        csv.writer(text).writerows([header, *part])
print(f"{len(rows)} rows")
