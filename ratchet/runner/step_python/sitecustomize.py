"""What a step's Python runs as it starts: hides the project, and lets pip install for the step.

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


if "--user" in sys.argv and any("pip" in word for word in sys.orig_argv[:3]):
    # What a step installs goes to a folder of its own (PIP_TARGET), which pip takes no --user with.
    sys.argv.remove("--user")

# Before the script's own folder is put in front.
sys.path[:] = [entry for entry in sys.path if not _is_of_a_project(entry)]
