"""A kill at every point of commit of every operation on a stack loses nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from ratchet.local_cloud import control
from tests.local_cloud.sagemaker_calls import RunningCloud, until
from tests.local_cloud.test_serving_templates import BAD_SCRIPT
from tests.storm.images import Image, place, recording, started
from tests.storm.small_stack import BUCKET, GOOD, NAME, Stack, counts, missing, version, woken

pytestmark = pytest.mark.cloud

ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"


@dataclass
class Story:
    """What was done in one cloud, with the images of each operation and what it led to."""

    folder: Path
    port: int
    champions: dict[str, str] = field(default_factory=dict)
    images: dict[str, list[Image]] = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    answered: int = 0
    """The last point before the answer to the PUT of an object."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("storm")
    with recording(folder / "cloud", folder / "images") as record:
        cloud = record.cloud
        told = Story(cloud.folder, int(cloud.endpoint.url.rpartition(":")[2]))
        stack = Stack(cloud)

        def recorded(name: str, *, before: int) -> None:
            cloud.admin("POST", "save")
            told.images[name] = record.images()[before:]
            told.counts[name] = counts(cloud)

        for name, script in (("v1", None), ("v2", None), ("bad", BAD_SCRIPT)):
            told.champions[name] = version(cloud, name, script)
        cloud.admin("POST", "save")
        with record.armed():
            told.counts["nothing"] = counts(cloud)
            assert stack.deploy(told.champions["bad"]) == "ROLLBACK_COMPLETE"
            recorded("failed creation", before=0)
            assert stack.delete() is None
            before = record.count()
            assert stack.deploy("none") == "CREATE_COMPLETE"
            recorded("creation", before=before)
            for operation, champion, end in (
                ("first promotion", "v1", "UPDATE_COMPLETE"),
                ("second promotion", "v2", "UPDATE_COMPLETE"),
                ("rollback", "bad", ROLLED_BACK),
            ):
                before = record.count()
                assert stack.deploy(told.champions[champion]) == end, operation
                recorded(operation, before=before)
            before = record.count()
            cloud.client("s3").put_object(Bucket=BUCKET, Key="raw/a.csv", Body=b"1")
            told.answered = record.count()
            woken(cloud)
            recorded("landing", before=before)
            before = record.count()
            cloud.client("sagemaker").update_model_package(
                ModelPackageArn=told.champions["bad"], ModelApprovalStatus="Rejected"
            )
            recorded("decision", before=before)
            cloud.client("s3").delete_objects(Bucket=BUCKET, Delete={"Objects": _versions(cloud)})
            cloud.admin("POST", "save")
            before = record.count()
            assert stack.delete() is None
            recorded("deletion", before=before)
    return told


def _versions(cloud: RunningCloud) -> list[dict[str, str]]:
    listed = cloud.client("s3").list_object_versions(Bucket=BUCKET)
    return [
        {"Key": item["Key"], "VersionId": item["VersionId"]}
        for item in listed.get("Versions", []) + listed.get("DeleteMarkers", [])
    ]


def neighbour(images: Sequence[Image]) -> Image:
    """An image beside a commit of SageMaker, in the middle: there two files can disagree."""
    near = [
        image
        for index, image in enumerate(images)
        if any("sagemaker" in other.what for other in images[max(0, index - 1) : index + 2])
    ]
    return near[len(near) // 2]


def judge_deployment(
    story: Story,
    image: Image,
    operation: str,
    *,
    champion: str,
    answer: str | None,
    without_adoption: bool = False,
) -> None:
    """The operation goes on by itself, and deploying again finds everything, and nothing else."""
    ablation = {"without_adoption": without_adoption}
    with started(image, story.folder, port=story.port, **ablation) as cloud:
        stack = Stack(cloud)
        status = stack.settled()
        assert status in (None, *GOOD), f"{image}: {status}"
        assert stack.deploy(champion) in GOOD, image
        assert missing(cloud, NAME) == [], image
        assert counts(cloud) == story.counts[operation], image
        assert stack.champion() == champion, image
        assert until(lambda: stack.answer() == answer, 20), image
        assert not any("ROLLBACK" in status for status in stack.events()), image


def judge_rollback(story: Story, image: Image) -> None:
    """What was before the update is there again, whatever had been done by the kill and since."""
    with started(image, story.folder, port=story.port) as cloud:
        stack = Stack(cloud)
        status = stack.settled()
        assert status in ("UPDATE_COMPLETE", ROLLED_BACK), f"{image}: {status}"
        assert missing(cloud, NAME) == [], image
        assert counts(cloud) == story.counts["rollback"], image
        assert stack.champion() == story.champions["v2"], image
        assert until(lambda: stack.answer() == "v2:1", 20), image


def judge_failed_creation(story: Story, image: Image) -> None:
    """The stack ends as the CDK expects it in order to make it anew."""
    with started(image, story.folder, port=story.port) as cloud:
        stack = Stack(cloud)
        status = stack.settled()
        assert status in (None, "ROLLBACK_COMPLETE"), f"{image}: {status}"
        assert counts(cloud) == story.counts["nothing"], image
        assert stack.deploy("none") == "CREATE_COMPLETE", image
        assert counts(cloud) == story.counts["creation"], image


def judge_deletion(story: Story, image: Image) -> None:
    """Nothing is left, and nothing else has gone."""
    with started(image, story.folder, port=story.port) as cloud:
        stack = Stack(cloud)
        status = stack.settled()
        assert status in (None, ROLLED_BACK), f"{image}: {status}"
        if status is not None:
            assert stack.delete() is None, image
        assert counts(cloud) == story.counts["nothing"], image


def judge_landing(story: Story, image: Image) -> None:
    """An object that is there has woken, or wakes, the function."""
    with started(image, story.folder, port=story.port) as cloud:
        there = cloud.client("s3").list_objects_v2(Bucket=BUCKET).get("KeyCount", 0)
        assert there or image.number <= story.answered, f"{image}: answered, and lost"
        if there:
            woken(cloud)


def judge_decision(story: Story, image: Image) -> None:
    """A decision that is made is told."""
    with started(image, story.folder, port=story.port) as cloud:
        package = cloud.client("sagemaker").describe_model_package(
            ModelPackageName=story.champions["bad"]
        )
        if package["ModelApprovalStatus"] == "Rejected":
            until(lambda: _decisions(cloud), 20)


def _decisions(cloud: RunningCloud) -> list[str]:
    sqs = cloud.client("sqs")
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "Decided" in url)
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
    bodies = [json.loads(message["Body"]) for message in received.get("Messages", [])]
    return [
        body["detail"]["ModelApprovalStatus"]
        for body in bodies
        if body["detail"]["ModelApprovalStatus"] == "Rejected"
    ]


def judge(story: Story, operation: str, image: Image) -> None:
    """Start an image, and hold it against what an undisturbed operation leads to."""
    if operation == "creation":
        judge_deployment(story, image, operation, champion="none", answer=None)
    elif operation == "failed creation":
        judge_failed_creation(story, image)
    elif operation.endswith("promotion"):
        name = "v1" if operation.startswith("first") else "v2"
        champion = story.champions[name]
        judge_deployment(story, image, operation, champion=champion, answer=f"{name}:1")
    elif operation == "rollback":
        judge_rollback(story, image)
    elif operation == "deletion":
        judge_deletion(story, image)
    elif operation == "landing":
        judge_landing(story, image)
    else:
        judge_decision(story, image)


OPERATIONS = (
    "failed creation",
    "creation",
    "first promotion",
    "second promotion",
    "rollback",
    "landing",
    "decision",
    "deletion",
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_beside_a_commit_of_sagemaker_loses_nothing(story: Story, operation: str) -> None:
    judge(story, operation, neighbour(story.images[operation]))


def test_a_second_kill_while_an_operation_is_resumed_loses_nothing(
    story: Story, tmp_path: Path
) -> None:
    place(neighbour(story.images["second promotion"]), story.folder, port=story.port)
    with recording(story.folder, tmp_path / "images", from_the_start=True) as record:
        Stack(record.cloud).settled()
    seconds = record.images()
    assert len(seconds) >= 3
    judge(story, "second promotion", seconds[len(seconds) // 2])


@pytest.mark.storm
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("operation", ["creation", "second promotion", "rollback"])
def test_a_second_kill_at_any_point_of_a_resumed_operation_loses_nothing(
    story: Story, tmp_path: Path, operation: str
) -> None:
    place(neighbour(story.images[operation]), story.folder, port=story.port)
    with recording(story.folder, tmp_path / "images", from_the_start=True) as record:
        Stack(record.cloud).settled()
    judge_all(story, operation, record.images(), f"{operation}, killed twice")


def test_a_killed_process_is_as_its_image(story: Story, tmp_path: Path) -> None:
    """SIGKILL for real, at a point in the middle of a promotion."""
    kill_for_real(story, tmp_path, 8)


@pytest.mark.storm
@pytest.mark.parametrize("point", [2, 4, 6, 10, 12])
def test_a_killed_process_is_as_its_image_at_other_points(
    story: Story, tmp_path: Path, point: int
) -> None:
    kill_for_real(story, tmp_path, point)


def kill_for_real(story: Story, tmp_path: Path, point: int) -> None:
    """Kill a first promotion at its nth point of commit, and judge what is left."""
    before = story.images["first promotion"][0]
    place(before, story.folder, port=story.port)
    images = tmp_path / "images"
    with recording(story.folder, images, kill_at=point) as record, record.armed():
        with pytest.raises(BotoCoreError):
            Stack(record.cloud).deploy(story.champions["v1"])
        assert control.status(story.folder) is None
    killed = Image(point, "SIGKILL", tmp_path / "killed")
    story.folder.rename(killed.folder)
    judge(story, "first promotion", killed)


def test_without_adoption_a_resumed_promotion_fails(story: Story) -> None:
    """What the other tests hold is not held by chance."""
    images = story.images["first promotion"]
    image = next(
        image
        for image, other in zip(images[1:], images, strict=False)
        if "sagemaker" in image.what and "sagemaker" in other.what
    )
    v1 = story.champions["v1"]
    with pytest.raises(AssertionError, match="ROLLBACK"):
        judge_deployment(
            story, image, "first promotion", champion=v1, answer="v1:1", without_adoption=True
        )


@pytest.mark.storm
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_at_any_point_of_commit_loses_nothing(story: Story, operation: str) -> None:
    judge_all(story, operation, story.images[operation], operation)


def judge_all(story: Story, operation: str, images: Sequence[Image], title: str) -> None:
    """Judge every image, then tell of the bad ones."""
    bad = []
    for image in images:
        try:
            judge(story, operation, image)
        except Exception as error:
            bad.append(f"{image}: {str(error)[:600]}")
    print(f"{title}: {len(images) - len(bad)} of {len(images)} images are good")
    assert not bad, "\n".join(bad)
