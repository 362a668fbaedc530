"""Every measurement, one after the other: `python -m tests.benchmarks [NAME …]`.

They take minutes and want a quiet machine. Each compares with a floor or a peer in the same run, so
that ratios mean something where absolute times do not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(file.stem for file in HERE.glob("*.py") if not file.stem.startswith("_"))


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    if unknown := [name for name in chosen if name not in NAMES]:
        sys.exit(f"no benchmark {', '.join(unknown)}; there is: {', '.join(NAMES)}")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    failed = []
    for name in chosen:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py"], env=environment).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed, or above its target: {', '.join(failed)}")


if __name__ == "__main__":
    main()
