"""The project that a command acts on: the nearest folder, from the working directory upward, that
is one.

A project is a folder with `cdk.json` and `config/base.toml`. Its environments are the other files
of `config/`, its models the folders there.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.settings import loading
from ratchet.settings.toml_reader import SettingsError

if TYPE_CHECKING:
    from ratchet.settings.schema import Settings

MODEL_VARIABLE = "RATCHET_MODEL"


class NoProjectError(SettingsError):
    """The working directory is in no project."""


@dataclass(frozen=True)
class Project:
    """A folder with a team's loop."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config"

    @cached_property
    def environments(self) -> list[str]:
        return loading.environments(self.config)

    @cached_property
    def models(self) -> list[str]:
        return loading.models(self.config)

    def model(self, name: str | None = None, *, folder: Path | None = None) -> str:
        """The model `name`; without a name that of `RATCHET_MODEL`, the one whose folder the
        working directory is in, such as `steps/<model>`, or the only one.

        Args:
            folder: in place of the working directory.

        Raises:
            SettingsError: there is no such model, or it is not clear which is meant.
        """
        name = name or os.environ.get(MODEL_VARIABLE) or self._model_around(folder or Path.cwd())
        if name is None and len(self.models) == 1:
            return self.models[0]
        if name is None:
            choices = " or ".join(f"-m {model}" for model in self.models)
            raise SettingsError(
                f"{self.root} has {len(self.models)} models; say which: {choices}"
                if self.models
                else f"{self.root} has no model; add one: ratchet init --model NAME"
            )
        if name not in self.models:
            raise SettingsError(
                f"{name!r} is no model of {self.root}, which has "
                f"{', '.join(self.models) or 'none'}; to add it: ratchet init --model {name}"
            )
        return name

    def chosen(self, name: str | None = None) -> list[str]:
        """The models that a command about all of them is for: the one that `model` would give, or
        every model where it is not said which is meant.

        Raises:
            SettingsError: there is no such model, or the project has none.
        """
        named = name or os.environ.get(MODEL_VARIABLE) or self._model_around(Path.cwd())
        return [self.model(named)] if named or len(self.models) < 2 else list(self.models)

    def _model_around(self, folder: Path) -> str | None:
        folder = folder.resolve()
        if not folder.is_relative_to(self.root):
            return None
        parts = folder.relative_to(self.root).parts
        return parts[1] if len(parts) > 1 and parts[1] in self.models else None

    def import_from_here(self) -> None:
        """Makes `stacks`, `pipeline_defs` and what is in `constructs/` importable."""
        first = [str(self.root), str(self.root / "constructs")]
        sys.path[:] = [*first, *(entry for entry in sys.path if entry not in first)]

    def settings(self, environment: str, model: str | None = None) -> Settings:
        """The settings of a model in an environment.

        Raises:
            SettingsError: there is no such environment or model, or a file holds a mistake.
        """
        return loading.load(self.config, environment=environment, model=self.model(model))


def is_project(folder: Path) -> bool:
    """Whether the folder itself is a project."""
    return (folder / "cdk.json").is_file() and (
        folder / "config" / f"{loading.BASE}.toml"
    ).is_file()


def find(start: Path) -> Project:
    """The project that `start` lies in.

    Raises:
        NoProjectError: neither it nor a folder above it is one.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if is_project(folder):
            return Project(folder)
    raise NoProjectError(
        f"{start} is in no project: neither it nor a folder above it holds cdk.json and "
        f"config/{loading.BASE}.toml. Go to your project's folder, or make one: ratchet init NAME"
    )


def current() -> Project:
    """The project of the working directory.

    Raises:
        NoProjectError: there is none.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        raise NoProjectError(
            "the working directory is not there any more; go to your project's folder: cd FOLDER"
        ) from None
    return find(folder)


def load(environment: str, model: str | None = None) -> Settings:
    """The settings of a model of the current project.

    Raises:
        SettingsError: as `Project.settings`, or there is no project.
    """
    return current().settings(environment, model)


def environments() -> list[str]:
    """The environments of the current project."""
    return current().environments
