"""Projects in folders of a test's own, with what a team decides and nothing else; and this
repository's project with more pipelines."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from ratchet.pipelines.registry import Definable, pipelines

ROOT = Path(__file__).parents[1]
MODEL = "flights"
"""The model of this repository's project."""
PARTS = ("app.py", "cdk.json", "config", "pipeline_defs", "stacks", "steps")

REQUIRED = """
project = "flights"
region = "eu-west-1"
owner = "ml-platform"
cost_center = "ml-0001"
model = { problem = "binary", label = "late" }
"""
"""The settings without a default."""


def copy_of_project(folder: Path) -> Path:
    """This repository's own project: what a team would find in theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def small_project(folder: Path, *models: str, files: Mapping[str, str] | None = None) -> Path:
    """The files that make a folder a project, with the environment dev, and further `files` by
    their path."""
    settings = {f"config/{model}/base.toml": "" for model in models}
    texts = {
        "cdk.json": "{}",
        "config/base.toml": REQUIRED,
        "config/dev.toml": "",
        "pipeline_defs/__init__.py": "",
        **settings,
        **(files or {}),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def list_pipelines(patch: pytest.MonkeyPatch, more: Mapping[str, Definable]) -> None:
    """Lists more pipelines in this repository's project."""
    pipelines(ROOT, MODEL)  # imports the module from here, where another project's was imported
    module = importlib.import_module(f"pipeline_defs.{MODEL}")
    patch.setattr(module, "PIPELINES", {**module.PIPELINES, **more})


def add_model(folder: Path, name: str) -> Path:
    """Adds a model to a copy of this repository's project, made as its own is."""
    for part in ("config", "pipeline_defs", "steps"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part / MODEL, folder / part / name, ignore=ignored)
    for file in (folder / "pipeline_defs" / name).glob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(f"pipeline_defs.{MODEL}", f"pipeline_defs.{name}"))
    return folder
