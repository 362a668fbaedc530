"""What a step's Python runs as it starts: hides what no container has, and lets pip install for the
step.

A step sees its bundle and its image, for which this machine's site-packages stand in. Ratchet is
installed there too, or a finder leads to it: both are hidden. A project that is installed for
editing stands on `sys.path` (its .pth file in site-packages). A folder is the project's when it, or
the folder above it, has a cdk.json.
"""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_RATCHET = ("ratchet", "ratchet_cdk")
_PACKAGES = ("site-packages", "dist-packages")


def _is_of_a_project(entry: str) -> bool:
    folder = Path(entry)
    return folder.name not in _PACKAGES and any(
        (place / "cdk.json").is_file() for place in (folder, folder.parent)
    )


class _BundledRatchet:
    """Finds Ratchet in the step's bundle, or where pip installed it for the step: nowhere else."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        if name not in _RATCHET:
            return None
        # The first entry is the folder of the script that runs, or what it has put there.
        entries = [*sys.path[:1], *(entry for entry in sys.path[1:] if entry not in _MACHINE)]
        spec = PathFinder.find_spec(name, entries)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec


if "--user" in sys.argv and any("pip" in word for word in sys.orig_argv[:3]):
    # What a step installs goes to a folder of its own (PIP_TARGET), which pip takes no --user with.
    sys.argv.remove("--user")

# Before the script's own folder is put in front.
sys.path[:] = [entry for entry in sys.path if not _is_of_a_project(entry)]
_MACHINE = set(sys.path) - set(os.environ.get("PYTHONPATH", "").split(os.pathsep))
sys.meta_path.insert(0, _BundledRatchet)  # type: ignore[arg-type]
