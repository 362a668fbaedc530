"""The code that the SDK uploaded: which URIs are code, and the files that take their place."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ratchet.authoring.errors import BundleError
from ratchet.definition.document import DefinedStep
from ratchet.definition.expressions import Leaf, value_at
from ratchet.imported.placeholders import written
from ratchet.imported.uris import SDK_BUCKET, bucket, parts

_CODE_NAMES = ("code", "sm_drivers", "entrypoint", "sourcedir", "jars", "py-files", "conf")
_SUBMIT = re.compile(r"sagemaker_submit_directory", re.IGNORECASE)
_IGNORED = ("__pycache__", ".git", ".DS_Store")
Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class CodeSource:
    """`--code KEY=PATH`: a URI (or a folder above it), a step, or `<step>/<input>`."""

    key: str
    path: Path


@dataclass
class ReplacedCode:
    """What replaced code URIs so far: folder below `code/` → its files."""

    sources: Sequence[CodeSource]
    folders: dict[str, Files] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _by_uri: dict[str, str] = field(default_factory=dict)

    def replacement(self, uri: str, *, step: str, role: str, alone: bool) -> str | None:
        """What stands for a URI now; None when no `--code` is for it.

        Args:
            role: the input or channel, which names the folder.
            alone: the step has no other code, so its name is enough.

        Raises:
            BundleError: the path is not there, or not what the URI says.
        """
        if uri in self._by_uri:
            return self._by_uri[uri]
        path = self._path(uri, step=step, role=role, alone=alone)
        if path is None:
            return None
        files = read_files(path, archive=uri.endswith(".tar.gz"))
        folder = f"{step}/{role}"
        self.folders[folder] = files
        if uri.endswith(".tar.gz"):
            after = written("archive", folder)
        elif path.is_file():
            name = uri.rsplit("/", 1)[-1]
            self.folders[folder] = {name: next(iter(files.values()))}
            after = f"{written('code', folder)}/{name}"
        else:
            after = written("code", folder)
        self._by_uri[uri] = after
        return after

    def _path(self, uri: str, *, step: str, role: str, alone: bool) -> Path | None:
        for source in self.sources:
            key = source.key.rstrip("/")
            if key == f"{step}/{role}" or (key == step and alone) or key == uri.rstrip("/"):
                self.used.add(source.key)
                return source.path
        for source in self.sources:  # a copy of the folder above, as `aws s3 sync` makes
            key = source.key.rstrip("/")
            if key.startswith("s3://") and uri.startswith(f"{key}/"):
                path = source.path / uri.removeprefix(f"{key}/")
                if path.exists():
                    self.used.add(source.key)
                    return path
        return None


def role(leaf: Leaf, step: DefinedStep, uri: str) -> str | None:
    """The input that brings a step its code, or None: the URI is data."""
    if _SUBMIT.search(leaf.name.partition("[")[0]):
        return "source"
    if leaf.name == "ModelDataUrl":
        return None
    name = _input_name(leaf, step)
    if name is None:
        return None
    if name in _CODE_NAMES or _is_started(leaf, step):
        return name
    return name if SDK_BUCKET.fullmatch(bucket((uri,))) else None


def _input_name(leaf: Leaf, step: DefinedStep) -> str | None:
    match leaf.keys:
        case ("Arguments", "ProcessingInputs", int(index), "S3Input", _):
            return str(step.arguments["ProcessingInputs"][index].get("InputName"))
        case ("Arguments", "InputDataConfig", int(index), "DataSource", "S3DataSource", _):
            return str(step.arguments["InputDataConfig"][index].get("ChannelName"))
    return None


def _is_started(leaf: Leaf, step: DefinedStep) -> bool:
    """Whether the container's command names a file below the folder where the input lands."""
    container = step.arguments.get("AppSpecification") or {}
    words = [*(container.get("ContainerEntrypoint") or ())]
    words += container.get("ContainerArguments") or ()
    folder = value_at(step.body, leaf.keys[:-1]).get("LocalPath")
    return isinstance(folder, str) and any(
        isinstance(word, str) and word.startswith(f"{folder}/") for word in words
    )


def literal(leaf: Leaf) -> tuple[str, bool] | None:
    """(URI, quoted) of a literal S3 URI; hyperparameters hold it as JSON text, in quotes."""
    texts = parts(leaf.value)
    if texts is None or len(texts) != 1 or not isinstance(texts[0], str):
        return None
    quoted = texts[0].startswith('"s3://') and texts[0].endswith('"')
    uri = texts[0].strip('"') if quoted else texts[0]
    return (uri, quoted) if uri.startswith("s3://") else None


def read_files(path: Path, *, archive: bool) -> Files:
    """The files of a folder, a file, or (`archive`) what a tar.gz holds; paths as in the folder.

    Raises:
        BundleError: it is not there, empty, or no archive where one is expected.
    """
    if path.is_dir():
        contents = {
            file.relative_to(path).as_posix(): file.read_bytes()
            for file in sorted(path.rglob("*"))
            if file.is_file() and not set(file.relative_to(path).parts) & set(_IGNORED)
        }
        if not contents:
            raise BundleError(f"{path} is an empty folder; expected the code that was uploaded")
        return contents
    if not path.is_file():
        raise BundleError(f"{path} is not there; expected a file or a folder with the code")
    if not archive:
        return {path.name: path.read_bytes()}
    if not tarfile.is_tarfile(path):
        raise BundleError(f"{path} is no tar.gz, and the definition names one; give its folder")
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        unpacked: dict[str, bytes] = {}
        for member in members:
            name = member.name.removeprefix("./")
            if name.startswith("/") or ".." in Path(name).parts:
                raise BundleError(f"{path} holds {member.name!r}, which lies outside of it")
            content = tar.extractfile(member)
            assert content is not None
            unpacked[name] = content.read()
    return unpacked
