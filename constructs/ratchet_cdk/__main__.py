"""`python -m ratchet_cdk`, which cdk.json runs: the project's `app.py`, with the project's modules
and its own constructs importable."""

import runpy
import sys

from ratchet.project import NoProjectError, current


def main() -> None:
    try:
        project = current()
    except NoProjectError as problem:
        sys.exit(str(problem))
    project.import_from_here()
    runpy.run_path(str(project.root / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
