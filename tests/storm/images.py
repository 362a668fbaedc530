"""Images of every kill: recorded during one operation, then started and judged one by one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ratchet.local_cloud import control
from tests.local_cloud.sagemaker_calls import REGION, RunningCloud, make_role
from tests.projects import ROOT
from tests.storm import recorder

_SITE = "import tests.storm.recorder\n"


@dataclass(frozen=True)
class Image:
    """A copy of a cloud's folder as a kill right after a commit leaves it."""

    number: int
    what: str
    folder: Path

    def __str__(self) -> str:
        return f"point {self.number} ({self.what})"


@dataclass(frozen=True)
class Recording:
    """A cloud whose points of commit are recorded while it is armed."""

    cloud: RunningCloud
    images_folder: Path

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """Record from here on."""
        armed = self.images_folder / recorder.ARMED
        armed.touch()
        try:
            yield
        finally:
            armed.unlink(missing_ok=True)

    def count(self) -> int:
        """How many points there were until now."""
        return len(list(self.images_folder.glob("*.txt")))

    def images(self) -> list[Image]:
        """The images so far, in the order of their points."""
        return [
            Image(int(text.stem), text.read_text(), text.with_suffix(""))
            for text in sorted(self.images_folder.glob("*.txt"))
        ]


@contextlib.contextmanager
def recording(
    folder: Path, images: Path, *, kill_at: int = 0, from_the_start: bool = False
) -> Iterator[Recording]:
    """The cloud of ``folder``, started so that its points of commit can be recorded.

    With ``kill_at`` it is killed for good at that point instead.
    """
    images.mkdir(parents=True, exist_ok=True)
    variables = {
        recorder.IMAGES: str(images),
        recorder.CLOUD: str(folder),
        recorder.KILL_AT: str(kill_at),
    }
    if from_the_start:
        (images / recorder.ARMED).touch()
    cloud = _up(folder, images, variables)
    make_role(cloud)
    cloud.admin("POST", "save")
    try:
        yield Recording(cloud, images)
    finally:
        control.down(folder)


@contextlib.contextmanager
def started(
    image: Image, folder: Path, *, port: int, without_adoption: bool = False
) -> Iterator[RunningCloud]:
    """A cloud that goes on from an image, in the folder that was killed."""
    place(image, folder, port=port)
    variables = {recorder.WITHOUT_ADOPTION: "1"} if without_adoption else {}
    try:
        yield _up(folder, folder.parent, variables)
    finally:
        control.down(folder)


def _up(folder: Path, beside: Path, variables: Mapping[str, str]) -> RunningCloud:
    site = beside / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(_SITE)  # Python imports it at its start
    path = os.pathsep.join([str(site), str(ROOT)])  # the module there is one of the tests
    with mock.patch.dict(os.environ, {"PYTHONPATH": path, **variables}):
        return RunningCloud(control.up(folder, region=REGION), folder)


def place(image: Image, folder: Path, *, port: int) -> None:
    """Put an image where its cloud was, with the port that its queues' URLs name."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(image.folder, folder)
    (folder / "endpoint.json").write_text(json.dumps({"port": port}))
