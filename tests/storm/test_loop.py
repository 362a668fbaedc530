"""A kill at every point of commit of the real loop: its deployment and two promotions."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ratchet.deployment.registry import versions as registry
from ratchet.deployment.target import cdk
from ratchet.loop import packages
from ratchet.project import load
from tests.local_cloud.sagemaker_calls import RunningCloud
from tests.loop import deployed_loop
from tests.loop.deployed_loop import Loop, deploy, write_drop
from tests.storm.images import Image, recording, started
from tests.storm.small_stack import counts, missing

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.synth,
    pytest.mark.storm,
    pytest.mark.timeout(3600),
]

_EVERY = int(os.environ.get("STORM_EVERY", "1"))
"""Judge every nth image only."""
_PATIENCE = 60.0
"""Less than the schedule that would wake the reconciler anyway."""


@dataclass
class Story:
    """What was done in one cloud, with the images of each operation."""

    folder: Path
    port: int
    images: dict[str, list[Image]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    base = tmp_path_factory.mktemp("loop-storm")
    write_drop(1, base / "drops")
    write_drop(2, base / "drops")
    with recording(base / "cloud", base / "images") as record:
        cloud = record.cloud
        told = Story(cloud.folder, int(cloud.endpoint.url.rpartition(":")[2]))

        def recorded(name: str, act: Callable[[], object]) -> None:
            cloud.admin("POST", "save")
            before = record.count()
            with record.armed():
                act()
                cloud.admin("POST", "save")
            told.images[name] = record.images()[before:]
            told.counts[name] = counts(cloud)

        recorded("deployment", lambda: deploy(cloud.folder))
        loop = Loop(cloud.folder, load("dev"))
        for month in ("2013-01", "2013-02"):
            loop.land(base / "drops" / month)
        assert loop.finished(loop.next_run(0)).run.status == "Succeeded"
        started_again = loop.start(parameters={"MaxRegression": "1"}, seed=7)
        assert loop.finished(started_again).run.status == "Succeeded"
        for number in (1, 2):
            recorded(f"promotion {number}", functools.partial(_promote, loop, number))
    return told


def _promote(loop: Loop, number: int) -> None:
    loop.decide(number, packages.APPROVED)
    loop.settled(number)


def judge_deployment(story: Story, image: Image) -> None:
    """Deploying again ends well, and everything is there and nothing else."""
    with started(image, story.folder, port=story.port) as cloud:
        loop = Loop(story.folder, load("dev"))
        lines: list[str] = []
        if not cdk.bootstrapped(loop.target):
            cdk.run(loop.target, cdk.bootstrap_command(loop.target), line=lines.append)
        output = ["--output", str(story.folder.parent / "cdk.out")]
        cdk.run(loop.target, cdk.deploy_command(loop.target, output), line=lines.append)
        check(story, cloud, "deployment")


def judge_promotion(story: Story, image: Image, number: int) -> None:
    """The version serves without a wake of the schedule, and no version is marked as failed."""
    with started(image, story.folder, port=story.port) as cloud:
        loop = Loop(story.folder, load("dev"))
        versions = registry.versions(loop.target, loop.deployed.model_package_group)
        if not next(version for version in versions if version.version == number).approved:
            loop.decide(number, packages.APPROVED)  # the kill came before the decision
        loop.settled(number)
        versions = registry.versions(loop.target, loop.deployed.model_package_group)
        assert not [version.version for version in versions if version.failed]
        check(story, cloud, f"promotion {number}")


def check(story: Story, cloud: RunningCloud, operation: str) -> None:
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    for stack in stacks:
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack["StackName"]
        assert missing(cloud, stack["StackName"]) == []
    kinds = set(story.counts[operation]) - {"AWS::SSM::Parameter"}  # the functions keep some too
    now = counts(cloud)
    assert {kind: now[kind] for kind in kinds} == {
        kind: story.counts[operation][kind] for kind in kinds
    }


@pytest.mark.parametrize("operation", ["deployment", "promotion 1", "promotion 2"])
def test_a_kill_at_any_point_of_commit_loses_nothing(
    story: Story, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployed_loop, "PATIENCE", _PATIENCE)
    images = story.images[operation]
    assert len(images) >= 10
    bad = []
    for image in images[::_EVERY]:
        try:
            if operation == "deployment":
                judge_deployment(story, image)
            else:
                judge_promotion(story, image, int(operation[-1]))
        except (Exception, pytest.fail.Exception) as error:  # all are judged, then told of
            bad.append(f"{image}: {str(error)[:1500]}")
    judged = len(images[::_EVERY])
    print(f"{operation}: {judged - len(bad)} of {judged} images are good, {len(images)} points")
    assert not bad, "\n".join(bad)
