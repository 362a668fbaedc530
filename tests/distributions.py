"""What people install: the distributions of this repository, and an environment with the wheel.

They are built once per session. The environment has this one's packages beside Ratchet, as after
`pip install`, and nothing that leads to this checkout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from ratchet.machinery import PACKAGES as PROJECT
from ratchet.version import DISTRIBUTION
from tests.shared_folders import shared_folder

CDK_CLI = PROJECT / "node_modules" / "aws-cdk" / "bin" / "cdk"
PROJECT_FILES = ("app.py", "cdk.json", "config", "pipeline_defs", "stacks", "steps")
_OURS = DISTRIBUTION.replace("-", "_")


@dataclass(frozen=True)
class Installed:
    """An environment that the wheel is installed in."""

    bin: Path

    def run(self, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment as on a machine that has no other. The pinned CDK CLI
        is this checkout's, so that nothing is downloaded."""
        environment = {
            "PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(Path.home()),  # where jsii unpacks the CDK, once
            "RATCHET_CDK": str(CDK_CLI),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
            **variables,
        }
        return subprocess.run(
            [str(self.bin / words[0]), *words[1:]],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


def distributions(factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the source distribution."""
    return shared_folder(factory, "distributions", _build)


def wheel(factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that is built from this checkout."""
    (file,) = distributions(factory).glob("*.whl")
    return zipfile.ZipFile(file)


def _build(folder: Path, source: Path = PROJECT) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


def rebuilt(factory: pytest.TempPathFactory, folder: Path) -> zipfile.ZipFile:
    """The wheel that is built from the source distribution."""
    (archive,) = distributions(factory).glob("*.tar.gz")
    shutil.unpack_archive(archive, folder, filter="data")
    (source,) = folder.iterdir()
    _build(folder / "dist", source)
    (file,) = (folder / "dist").glob("*.whl")
    return zipfile.ZipFile(file)


def installed(factory: pytest.TempPathFactory) -> Installed:
    """The environment that the wheel is installed in."""
    (built,) = distributions(factory).glob("*.whl")

    def make(folder: Path) -> None:
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        python = folder / "venv" / "bin" / "python"
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--python", str(python)]
        options = ["--no-deps", "--no-index", "--offline", "--quiet"]
        subprocess.run([*uv, *options, str(built)], check=True)
        for name in ("ratchet", "cdk"):  # their first line names the interpreter: it moves along
            script = folder / "venv" / "bin" / name
            script.write_text(_at_its_place(script.read_text(), folder))
        (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
        for path in sys.path:
            if Path(path).name == "site-packages":
                _link(Path(path), packages)

    return Installed(shared_folder(factory, "installed", make) / "venv" / "bin")


def _at_its_place(script: str, draft: Path) -> str:
    return script.replace(str(draft), str(draft.with_suffix("")))


def _link(source: Path, target: Path) -> None:
    """Every package of a site-packages folder, but what makes this checkout importable."""
    for entry in source.iterdir():
        if _OURS not in entry.name and not (target / entry.name).exists():
            (target / entry.name).symlink_to(entry)


def copy_project(folder: Path) -> Path:
    """This repository's own project alone, as a team's repository holds one."""
    for name in PROJECT_FILES:
        if (PROJECT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder)
    return folder
