"""A model of a trial behind the server that endpoints of the local cloud have."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.contract.errors import ContractError
from ratchet.runner.serving import prepared
from ratchet.runner.serving.prepared import Image, Prepared
from ratchet.runner.serving.process import NoAnswerError, UnhealthyModelError
from ratchet.runner.serving.served import serve

if TYPE_CHECKING:
    from ratchet.contract.trial import Trial

_START_SECONDS = 120.0

Container = Mapping[str, Any]
"""One of a version's `InferenceSpecification.Containers`."""


class LoadedModel:
    """A context: the model is loaded inside it."""

    def __init__(self, trial: Trial, containers: Sequence[Container]) -> None:
        """`containers`: as a version is registered with them."""
        self._trial, self._containers = trial, containers
        self._lines: list[str] = []

    def __enter__(self) -> LoadedModel:
        folder = Path(tempfile.mkdtemp(dir=self._trial.folder, prefix="model-"))
        try:
            self._served = serve(
                prepared.images_of({"Containers": self._containers}, _no_package),
                folder / "container",
                prepare=self._prepare,
                emit=lambda _, line: self._lines.append(line),
                seconds=_START_SECONDS,
            )
        except UnhealthyModelError as problem:
            raise ContractError(f"the model cannot be served: {problem}") from None
        return self

    def __exit__(self, *_: Any) -> None:
        self._served.stop()

    @property
    def model_dirs(self) -> Mapping[str, Path]:
        """Each container's name → the folder of its unpacked model."""
        return dict(zip(self._served.names, self._served.model_dirs, strict=True))

    def _prepare(self, image: Image, folder: Path) -> Prepared:
        return prepared.prepare(
            image,
            folder,
            fetch=self._trial.storage.download,
            region=self._trial.settings.region,
        )

    def ask(self, body: bytes, content_type: str) -> bytes:
        """The answer to a request, in the same format.

        Raises:
            ContractError: there is none, or it is an error.
        """
        headers = {"Content-Type": content_type, "Accept": content_type}
        try:
            answer = self._served.invoke(body, headers)
        except NoAnswerError as problem:
            raise ContractError(f"no answer to a request as {content_type}: {problem}") from None
        if answer.status != 200:
            words = answer.body.decode(errors="replace").strip().splitlines() or [""]
            by = f" by {answer.container}" if len(self._served.names) > 1 else ""
            raise ContractError(
                f"a request as {content_type} is answered with {answer.status}{by}: "
                f"{words[0][:300]}"
            )
        return answer.body


def _no_package(name_or_arn: str) -> Container:
    raise LookupError(name_or_arn)
