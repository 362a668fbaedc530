"""A model of a trial behind the server that endpoints of the local cloud have."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.contract.errors import ContractError
from ratchet.runner.serving import prepared
from ratchet.runner.serving.process import ModelProcess, NoAnswerError, UnhealthyModelError

if TYPE_CHECKING:
    from ratchet.contract.trial import Trial

_START_SECONDS = 120.0


class LoadedModel:
    """A context: the model is loaded inside it."""

    def __init__(self, trial: Trial, artifact: str) -> None:
        self._trial, self._artifact = trial, artifact
        self._lines: list[str] = []

    def __enter__(self) -> LoadedModel:
        folder = Path(tempfile.mkdtemp(dir=self._trial.folder, prefix="model-"))
        image = prepared.Image(
            uri=self._trial.settings.image, archive=self._artifact, environment={}
        )
        try:
            self._prepared = prepared.prepare(
                image,
                folder / "container",
                fetch=self._trial.storage.download,
                region=self._trial.settings.region,
            )
        except UnhealthyModelError as problem:
            raise ContractError(f"there is no model to serve: {problem}") from None
        self.model_dir = self._prepared.model_dir
        self._process = ModelProcess(
            folder=self._prepared.folder,
            model_dir=self.model_dir,
            environment=self._prepared.environment,
            python=self._prepared.python,
            emit=self._lines.append,
        )
        try:
            self._process.start(seconds=_START_SECONDS)
        except UnhealthyModelError as problem:
            self._prepared.remove()
            raise ContractError(f"the model cannot be served: {problem}") from None
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.stop()
        self._prepared.remove()

    def ask(self, body: bytes, content_type: str) -> bytes:
        """The answer to a request, in the same format.

        Raises:
            ContractError: there is none, or it is an error.
        """
        headers = {"Content-Type": content_type, "Accept": content_type}
        try:
            answer = self._process.invoke(body, headers)
        except NoAnswerError as problem:
            raise ContractError(f"no answer to a request as {content_type}: {problem}") from None
        if answer.status != 200:
            words = answer.body.decode(errors="replace").strip().splitlines() or [""]
            raise ContractError(
                f"a request as {content_type} is answered with {answer.status}: {words[0][:300]}"
            )
        return answer.body
