"""A project and its template: which version wrote it, and what an upgrade of it changes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ratchet.project import Project
from ratchet.settings import loading
from ratchet.settings.toml_reader import SettingsError
from ratchet.template import releases, upgrading
from ratchet.template.files import Files, Tree, model_files, project_files
from ratchet.template.upgrading import FileChange
from ratchet.version import numbers, version


class TemplateVersionError(SettingsError):
    """The project says no version, or one that this Ratchet cannot work with."""


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade changes."""

    from_version: str
    to_version: str
    changes: list[FileChange]


def template_version(root: Path) -> str:
    """The version whose template wrote the project; "" where the project does not say.

    Raises:
        TemplateVersionError: pyproject.toml is not TOML.
    """
    file = root / "pyproject.toml"
    if not file.is_file():
        return ""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TemplateVersionError(f"{file}: this is not valid TOML: {error}") from None
    return str(table.get("tool", {}).get("ratchet", {}).get("template", ""))


def refuse_newer(root: Path) -> None:
    """Refuses a project that a newer version wrote.

    Raises:
        TemplateVersionError: with the way out.
    """
    wrote, installed = template_version(root), version()
    if wrote and numbers(wrote) > numbers(installed):
        raise TemplateVersionError(
            f"{root} was written for version {wrote} (pyproject.toml), and {installed} is "
            f"installed. Install the newer one: pip install 'sagemaker-ratchet>={wrote}'"
        )


def upgrade(
    project: Project, *, template: Tree | None = None, releases_in: Path | None = None
) -> Upgrade:
    """What this version would change in the project's own files.

    Raises:
        TemplateVersionError: the project says no version, a newer one, or one whose template this
            Ratchet has not.
        MergeError: git is not there.
    """
    refuse_newer(project.root)
    wrote, installed = template_version(project.root), version()
    if not wrote:
        raise TemplateVersionError(
            f"{project.root / 'pyproject.toml'} does not say which version wrote the project; "
            f'expected:\n[tool.ratchet]\ntemplate = "{installed}"'
        )
    if wrote == installed and template is None:
        return Upgrade(wrote, installed, [])
    before = releases.released(wrote, releases_in or releases.FOLDER)
    if before is None:
        raise TemplateVersionError(
            f"version {wrote} wrote {project.root}, and Ratchet {installed} has no template of it; "
            "upgrade step by step: install the version after it, and run ratchet upgrade again"
        )
    return Upgrade(
        wrote,
        installed,
        upgrading.changes(
            project.root,
            _files(project, wrote, before),
            _files(project, installed, template),
        ),
    )


def _files(project: Project, number: str, tree: Tree | None) -> Files:
    """What the template writes for this project and its models."""
    name = loading.project_name(project.config)
    files = project_files(name, version=number, tree=tree)
    for model in project.models:
        files |= model_files(model, tree=tree)
    return files
