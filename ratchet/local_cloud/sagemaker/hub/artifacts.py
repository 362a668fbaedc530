"""JumpStart's buckets, as far as the local cloud has them: the folders of the stand-ins."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

from ratchet.local_cloud.sagemaker.hub.documents import StandInModel, is_of_hub, model_at
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.switches import Switches
from ratchet.runner import Storage, StoredObject


def with_hub(storage: Storage, scope: AccountScope, switches: Switches) -> Storage:
    """The same storage, in which JumpStart's buckets have the files of the stand-ins."""
    return _HubStorage(storage, scope.region, switches)


def files_of(model: StandInModel, switches: Switches) -> dict[str, bytes]:
    """A stand-in's files by their paths: its script, and the server that it may ask."""
    spec = importlib.util.find_spec(f"ratchet.local_cloud.sagemaker.hub.scripts.{model.script}")
    assert spec is not None
    assert spec.origin is not None
    server = {
        "url": switches.bedrock_url,
        "model": switches.server_model(model.name),
        "seconds": switches.bedrock_timeout_seconds,
    }
    return {
        "code/inference.py": Path(spec.origin).read_bytes(),
        "server.json": json.dumps(server).encode(),
    }


class _HubStorage:
    """Reads of JumpStart's buckets are answered here; all else is the storage's."""

    def __init__(self, storage: Storage, region: str, switches: Switches) -> None:
        self._storage = storage
        self._region = region
        self._switches = switches

    def list(self, uri: str) -> list[StoredObject]:
        if not is_of_hub(uri):
            return self._storage.list(uri)
        model = model_at(uri, self._region)
        files = files_of(model, self._switches) if model else {}
        return [
            StoredObject(
                uri=f"{uri.rstrip('/')}/{path}",
                size=len(content),
                digest=hashlib.sha256(content).hexdigest(),
            )
            for path, content in sorted(files.items())
        ]

    def download(self, uri: str, path: Path) -> None:
        self.download_all([(uri, path)])

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None:
        self._storage.download_all([pair for pair in pairs if not is_of_hub(pair[0])])
        for uri, path in pairs:
            if is_of_hub(uri):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._content(uri))

    def upload(self, path: Path, uri: str) -> None:
        self._storage.upload(path, uri)

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None:
        self._storage.upload_all(pairs)

    def read_bytes(self, uri: str) -> bytes:
        return self._content(uri) if is_of_hub(uri) else self._storage.read_bytes(uri)

    def write_bytes(self, uri: str, data: bytes) -> None:
        self._storage.write_bytes(uri, data)

    def exists(self, uri: str) -> bool:
        return self._storage.exists(uri)

    def _content(self, uri: str) -> bytes:
        for path in ("code/inference.py", "server.json"):
            model = model_at(uri.removesuffix(path), self._region)
            if uri.endswith(f"/{path}") and model is not None:
                return files_of(model, self._switches)[path]
        raise FileNotFoundError(f"no object {uri}")
