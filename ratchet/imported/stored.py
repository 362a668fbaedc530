"""An imported pipeline as it lies in the project, in `pipelines/<model>/<name>/`:
`definition.json`, `code/`, and perhaps `permissions.json`.

The definition is free of accounts and regions (`placeholders.py`). Its code lies unpacked, one
folder a step and input, to be read and edited like any other; its digest is taken when it deploys.
Permissions are a list of statements, as IAM writes them, for what the definition leaves open.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.authoring.bundle import Bundle
from ratchet.authoring.errors import DefinitionError, Problem
from ratchet.imported.code import Files, read_files

FOLDER = "pipelines"
"""In the project; a folder in a model's folder there, with a definition.json, is a pipeline."""
_DEFINITION, _CODE, _PERMISSIONS = "definition.json", "code", "permissions.json"
NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")


@dataclass(frozen=True, kw_only=True)
class StoredPipeline:
    name: str
    model: str = ""
    """Whose it is; "" until it is read or written."""
    definition: Mapping[str, Any]
    folders: Mapping[str, Files]
    permissions: Sequence[Mapping[str, Any]] = ()

    @property
    def place(self) -> str:
        """Its folder in the project."""
        return f"{FOLDER}/{self.model}/{self.name}"

    def bundle(self, folder: str) -> Bundle:
        """The files of a folder below `code/`, and the digest they are named by."""
        if folder not in self.folders:
            raise DefinitionError(
                self.name,
                [
                    Problem(
                        argument="code",
                        value=folder,
                        expected=f"{self.place}/{_CODE}/{folder} is not there",
                        fix="bring it back from version control, or import the pipeline again",
                    )
                ],
            )
        files = self.folders[folder]
        return Bundle(name=folder, entry=min(files), files=files)


def names(root: Path, model: str) -> list[str]:
    """The imported pipelines of a model, sorted, without those whose import was cut short."""
    return sorted(file.parent.name for file in (root / FOLDER / model).glob(f"[!.]*/{_DEFINITION}"))


def read(root: Path, model: str, name: str) -> StoredPipeline:
    """Reads `pipelines/<model>/<name>`.

    Raises:
        DefinitionError: the definition is no JSON object, or the permissions are no list of
            statements.
    """
    folder = root / FOLDER / model / name
    file = folder / _DEFINITION
    try:
        definition = json.loads(file.read_text())
        if not isinstance(definition, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError) as problem:
        expected = f"{FOLDER}/{model}/{name}/{_DEFINITION} cannot be read: {problem}"
        raise DefinitionError(name, [Problem(expected=expected)]) from problem
    code = folder / _CODE
    inputs = sorted(path for path in code.glob("*/*") if path.is_dir())
    folders = {
        path.relative_to(code).as_posix(): read_files(path, archive=False) for path in inputs
    }
    return StoredPipeline(
        name=name,
        model=model,
        definition=definition,
        folders=folders,
        permissions=_permissions(folder),
    )


def _permissions(folder: Path) -> tuple[dict[str, Any], ...]:
    file = folder / _PERMISSIONS
    if not file.exists():
        return ()
    expected = "a list of statements, each with Sid, Action and Resource"
    try:
        statements = json.loads(file.read_text())
        if not isinstance(statements, list):
            raise ValueError(f"expected {expected}")
        for statement in statements:
            if not isinstance(statement, dict) or not {"Sid", "Action", "Resource"} <= set(
                statement
            ):
                raise ValueError(f"expected {expected}, not {statement!r}")
    except (OSError, ValueError) as problem:
        where = f"{FOLDER}/{folder.parent.name}/{folder.name}/{_PERMISSIONS}"
        raise DefinitionError(
            folder.name, [Problem(expected=f"{where} cannot be read: {problem}")]
        ) from problem
    return tuple(statements)


def write(root: Path, model: str, stored: StoredPipeline) -> Path:
    """Writes `pipelines/<model>/<name>` whole or not at all, in place of an earlier import, whose
    `permissions.json` stays."""
    parent = root / FOLDER / model
    parent.mkdir(parents=True, exist_ok=True)
    final = parent / stored.name
    draft = Path(tempfile.mkdtemp(dir=parent, prefix=f".{stored.name}."))
    try:
        draft.chmod(0o755)
        text = json.dumps(stored.definition, indent=2, ensure_ascii=False)
        (draft / _DEFINITION).write_text(f"{text}\n")
        for folder, files in stored.folders.items():
            for path, content in files.items():
                target = draft / _CODE / folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        if (final / _PERMISSIONS).exists():
            shutil.copy2(final / _PERMISSIONS, draft / _PERMISSIONS)
        if final.exists():
            old = Path(tempfile.mkdtemp(dir=parent, prefix=f".{stored.name}.old."))
            final.rename(old / "was")
            draft.rename(final)
            shutil.rmtree(old)
        else:
            draft.rename(final)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return final
