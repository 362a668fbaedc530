"""What a distribution holds beside its packages: this repository's own top level, as data.

Ratchet's functions, the pinned CDK CLI and the files of a project's template each stand once, where
they are worked on. Not by `force-include` in pyproject.toml: that counts for editable installs too,
and a folder `ratchet` in site-packages would hide the package, which reads them in place there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CDK_CLI = ("package.json", "package-lock.json")
COPIED = "ratchet/template/copied.txt"
"""Names the files of this repository that a new project gets as they are: a path or a glob a
line."""
_MADE = ("__pycache__", "*.pyc")


class Data(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the data to a wheel below its packages, and to a source distribution in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        wheel = self.target_name == "wheel"
        files = {} if not wheel else {**functions(root), **cdk_cli()}
        files |= {
            file: f"ratchet/template/copied/{file}" if wheel else file for file in copied(root)
        }
        build_data["force_include"].update(files)


def functions(root: Path) -> dict[str, str]:
    """Source → place in the wheel."""
    return {file: f"ratchet_cdk/{file}" for file in _files(root, "lambdas")}


def cdk_cli() -> dict[str, str]:
    """Source → place in the wheel."""
    return {file: f"ratchet/npm/{file}" for file in CDK_CLI}


def copied(root: Path) -> list[str]:
    """The files that COPIED names.

    Raises:
        FileNotFoundError: a line names nothing.
    """
    listed = root / COPIED
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    files: dict[str, None] = {}
    for pattern in patterns:
        found = _files(root, pattern)
        if not found:
            raise FileNotFoundError(f"{COPIED} names {pattern}, and there is no such file")
        files |= dict.fromkeys(found)
    return list(files)


def _files(root: Path, pattern: str) -> list[str]:
    """Paths below `root` of the files that match, or lie in folders that do, in a fixed order."""
    matches = [*root.glob(pattern)]
    files = {
        file
        for match in matches
        for file in ([match] if match.is_file() else match.rglob("*"))
        if file.is_file() and not any(part in _MADE or file.match("*.pyc") for part in file.parts)
    }
    return sorted(file.relative_to(root).as_posix() for file in files)
