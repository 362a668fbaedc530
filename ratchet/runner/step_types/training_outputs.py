"""What a training job leaves in S3: the model and the other outputs, packed as SageMaker does."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ratchet.runner.archives import pack
from ratchet.runner.container import Container
from ratchet.runner.staging import upload_folder
from ratchet.runner.step_types.contract import Attempt


class TrainingOutputs:
    """`model_uri` and `uris` are known before the job has run."""

    def __init__(self, attempt: Attempt) -> None:
        config = attempt.arguments["OutputDataConfig"]
        self._storage = attempt.storage
        self._packed = config.get("CompressionType", "GZIP") != "NONE"
        self._base = f"{config['S3OutputPath'].rstrip('/')}/{attempt.job_name}/output"
        self.model_uri = f"{self._base}/model.tar.gz" if self._packed else f"{self._base}/model/"
        self.uris = (self.model_uri,)

    def upload(self, containers: Sequence[Container]) -> None:
        """Upload /opt/ml/model, and /opt/ml/output/data if there is anything in it; several hosts'
        files together, the first host's where two have one of the same name."""
        container = containers[0]
        for other in containers[1:]:
            _add(other.path("/opt/ml/model"), container.path("/opt/ml/model"))
        model = container.path("/opt/ml/model")
        if self._packed:
            archive = container.temporary / "model.tar.gz"
            pack(model, archive)
            self._storage.upload(archive, self.model_uri)
        else:
            upload_folder(self._storage, model, self.model_uri)
        self.upload_data(containers)

    def upload_data(self, containers: Sequence[Container]) -> None:
        """Upload /opt/ml/output/data alone, as of a job that has failed."""
        container = containers[0]
        for other in containers[1:]:
            _add(other.path("/opt/ml/output/data"), container.path("/opt/ml/output/data"))
        data = container.path("/opt/ml/output/data")
        if not self._packed:
            upload_folder(self._storage, data, f"{self._base}/data")
        elif any(data.iterdir()):
            archive = container.temporary / "output.tar.gz"
            pack(data, archive)
            self._storage.upload(archive, f"{self._base}/output.tar.gz")


def _add(source: Path, target: Path) -> None:
    for file in sorted(source.rglob("*")):
        place = target / file.relative_to(source)
        if file.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
