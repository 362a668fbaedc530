"""A SageMaker of its own for each test, in process; and one local cloud for tests that need one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore.model import ServiceModel

from ratchet.local_cloud import control
from ratchet.local_cloud.sagemaker.service import open_sagemaker
from ratchet.local_cloud.sagemaker.switches import Switches
from tests.local_cloud.openai_stub import OpenAIStub, running_stub
from tests.local_cloud.sagemaker_calls import REGION, Caller, FakeCloud, RunningCloud, make_role


@pytest.fixture(scope="session", autouse=True)
def enforced() -> None:
    """No test runs without enforcement, whatever the shell that it was started in."""
    os.environ.pop("RATCHET_UNAUTHORISED", None)


@pytest.fixture(scope="session")
def service_model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


@pytest.fixture
def call(tmp_path: Path, service_model: ServiceModel) -> Iterator[Caller]:
    fake = FakeCloud()
    sagemaker = open_sagemaker(
        tmp_path / "cloud",
        cloud=fake,
        model=service_model,
        switches=Switches(check_answers=True),
    )
    yield Caller(sagemaker, fake, service_model)
    sagemaker.close()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A local cloud for every test of this worker that leaves it running."""
    folder = tmp_path_factory.mktemp("cloud")
    running = RunningCloud(control.up(folder, region=REGION), folder)
    make_role(running)
    yield running
    unfit = running.admin("GET", "status")["unfit_answers"]
    control.down(folder)
    assert unfit == []


@pytest.fixture
def own_cloud(tmp_path: Path) -> Iterator[Callable[[], RunningCloud]]:
    """Starts a local cloud that one test may kill, and starts it again."""
    folder = tmp_path / "cloud"

    def up() -> RunningCloud:
        running = RunningCloud(control.up(folder, region=REGION), folder)
        make_role(running)
        return running

    yield up
    control.down(folder)


@pytest.fixture
def stub(cloud: RunningCloud) -> Iterator[OpenAIStub]:
    """A server that answers for the foundation models of ``cloud``."""
    with running_stub(lambda prompt: f"heard {prompt}") as stub:
        settings = {"bedrock_url": stub.url, "bedrock_model": "", "bedrock_timeout_seconds": 5.0}
        cloud.admin("POST", "settings", settings)
        yield stub
    cloud.admin("POST", "settings", {**settings, "bedrock_url": ""})
