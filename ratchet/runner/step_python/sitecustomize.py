"""Hides the project from a step's Python, which runs this file as it starts.

A project that is installed for editing stands on `sys.path` (its .pth file in site-packages). No
container has it: a step sees its bundle and its image, for which this machine's site-packages stand
in. A folder is the project's when it, or the folder above it, has a cdk.json.
"""

import sys
from pathlib import Path

_PACKAGES = ("site-packages", "dist-packages")


def _is_of_a_project(entry: str) -> bool:
    folder = Path(entry)
    return folder.name not in _PACKAGES and any(
        (place / "cdk.json").is_file() for place in (folder, folder.parent)
    )


# Before the script's own folder is put in front.
sys.path[:] = [entry for entry in sys.path if not _is_of_a_project(entry)]
