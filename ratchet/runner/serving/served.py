"""A model that is served: its containers, each a process of its own, asked one after the other.

Developer guide, "Inference pipelines in Amazon SageMaker AI" and "Invoke a multi-container endpoint
with direct invocation".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ratchet.runner.serving.prepared import Image, Prepared
from ratchet.runner.serving.process import (
    ModelProcess,
    NoAnswerError,
    ServerAnswer,
    UnhealthyModelError,
)

_ANYTHING = "*/*"

Emit = Callable[[str, str], None]  # (name of the container, line)


class UnknownContainerError(Exception):
    """A request names a container that cannot answer it alone; the message says why."""


def is_direct(model: Mapping[str, Any]) -> bool:
    """Whether each request to a model (DescribeModel) names the one container that answers it."""
    return (model.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"


@dataclass(frozen=True, kw_only=True)
class _Container:
    process: ModelProcess
    prepared: Prepared

    def end(self) -> None:
        self.process.stop()
        self.prepared.remove()


class ServedContainers:
    """Started and healthy once ``serve`` has returned it; ``stop`` ends it."""

    def __init__(self, containers: Sequence[_Container], *, direct: bool) -> None:
        self._containers = containers
        self._direct = direct

    @property
    def names(self) -> list[str]:
        return [container.process.name for container in self._containers]

    @property
    def model_dirs(self) -> list[Path]:
        """The folder of each container's unpacked model."""
        return [container.prepared.model_dir for container in self._containers]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The process groups, as ``recovery.end_group`` takes them, each with its folder."""
        return [
            {**group, "folder": str(container.prepared.folder)}
            for container in self._containers
            if (group := container.process.group)
        ]

    def invoke(
        self, body: bytes, headers: Mapping[str, str], *, container: str | None = None
    ) -> ServerAnswer:
        """Ask the model.

        Each container gets the answer of the one before, as what that says it is, and only the last
        is asked for what the caller accepts. The first answer that is an error is the answer.

        Args:
            container: the one that answers alone, of a model that is asked that way.

        Raises:
            NoAnswerError: a container does not answer.
            UnknownContainerError: it is not to be named, or has to be, or is not there.
        """
        chain = self._chosen(container)
        sent, seconds = dict(headers), 0.0
        for process in chain:
            accept = headers.get("Accept", _ANYTHING) if process is chain[-1] else _ANYTHING
            try:
                answer = process.invoke(body, {**sent, "Accept": accept})
            except NoAnswerError as error:
                alone = len(self._containers) == 1
                raise NoAnswerError(error.reason, "" if alone else process.name) from None
            seconds += answer.seconds
            if answer.status != 200:
                break
            body, sent["Content-Type"] = answer.body, answer.content_type
        return replace(answer, seconds=seconds)

    def stop(self) -> None:
        """End the processes and remove their folders."""
        for container in self._containers:
            container.end()

    def _chosen(self, name: str | None) -> list[ModelProcess]:
        processes = [container.process for container in self._containers]
        if not self._direct:
            if name is not None:
                raise UnknownContainerError(
                    f"TargetContainerHostname is {name}, and the model is not configured for "
                    "direct invocation: its InferenceExecutionConfig has no Mode Direct"
                )
            return processes
        if name is None:
            raise UnknownContainerError(
                "TargetContainerHostname is missing: the model is configured for direct "
                f"invocation of one of {', '.join(self.names)}"
            )
        chosen = [process for process in processes if process.name == name]
        if not chosen:
            raise UnknownContainerError(
                f"TargetContainerHostname is {name}; the model has {', '.join(self.names)}"
            )
        return chosen


def serve(
    images: Sequence[Image],
    folder: Path,
    *,
    prepare: Callable[[Image, Path], Prepared],
    emit: Emit,
    seconds: float,
    direct: bool = False,
    on_process: Callable[[ModelProcess], object] = lambda _: None,
) -> ServedContainers:
    """Starts a model's containers, all at once.

    Args:
        images: in the order in which they are asked.
        folder: of the model's container; of several, of the first, and the others are beside it.
        prepare: unpacks a container's model below a folder.
        emit: gets each line that a container writes.
        seconds: that each has to load its model.
        direct: a request names the container that answers it.
        on_process: gets each process before it starts.

    Raises:
        UnhealthyModelError: a container cannot be served; nothing is left running.
    """
    if not images:
        raise UnhealthyModelError("the model has no container")

    def start(image: Image) -> _Container:
        place = folder if image is images[0] else folder.with_name(f"{folder.name}-{image.name}")
        prepared = prepare(image, place)
        process = ModelProcess(
            folder=prepared.folder,
            model_dir=prepared.model_dir,
            environment=prepared.environment,
            emit=lambda line: emit(image.name, line),
            python=prepared.python,
            name=image.name,
        )
        try:
            on_process(process)
            process.start(seconds=seconds)
        except UnhealthyModelError:
            prepared.remove()
            raise
        return _Container(process=process, prepared=prepared)

    containers: list[_Container] = []
    failures: list[Exception] = []
    with ThreadPoolExecutor(len(images)) as threads:
        for image, future in [(image, threads.submit(start, image)) for image in images]:
            try:
                containers.append(future.result())
            except UnhealthyModelError as error:
                name = "" if len(images) == 1 else image.name
                failures.append(UnhealthyModelError(error.reason, name))
            except Exception as error:
                failures.append(error)
    if failures:
        ServedContainers(containers, direct=direct).stop()
        raise failures[0]
    return ServedContainers(containers, direct=direct)
