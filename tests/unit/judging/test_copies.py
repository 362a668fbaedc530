"""Whether a candidate is a model that is there already."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from ratchet.judging.copies import RegistryState, model_digest, status_of
from tests.unit.judging.conftest import Job, archive

FILES = {"code/inference.py": "import json", "model.bin": "bytes"}
GOOD = "def answer(x): return x"
BETTER = "def answer(x): return x  # and nothing else"


def packed(path: Path, *members: tuple[str, str], mtime: float = 0, level: int = 9) -> Path:
    """Members in this order, packed at some time."""
    with (
        gzip.open(path, "wb", compresslevel=level) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content.encode()), mtime
            tar.addfile(member, io.BytesIO(content.encode()))
    return path


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return packed(tmp_path / "first.tar.gz", *FILES.items())


def test_who_packed_a_model_when_and_in_which_order_does_not_matter(
    tmp_path: Path, first: Path
) -> None:
    again = packed(
        tmp_path / "again.tar.gz",
        ("./model.bin", "bytes"),
        ("code/inference.py", "import json"),
        mtime=1e9,
        level=1,
    )
    folder = tmp_path / "folder"
    (folder / "code").mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_text(content)
    with tarfile.open(tmp_path / "of-folder.tar.gz", "w:gz") as tar:
        tar.add(folder, ".")
    assert first.read_bytes() != again.read_bytes()
    assert model_digest([first]) == model_digest([again])
    assert model_digest([first]) == model_digest([tmp_path / "of-folder.tar.gz"])


@pytest.mark.parametrize(
    "members",
    [
        [("code/inference.py", "import json"), ("model.bin", "other")],
        [("code/inference.py", "import json"), ("model.dat", "bytes")],
        [("code/inference.py", "import json")],
        [*FILES.items(), ("more", "")],
        [("code/inference.py", "bytes"), ("model.bin", "import json")],
        [*FILES.items(), ("model.bin", "the last one counts")],
    ],
)
def test_another_name_or_another_byte_is_another_model(
    tmp_path: Path, first: Path, members: list[tuple[str, str]]
) -> None:
    assert model_digest([first]) != model_digest([packed(tmp_path / "o.tar.gz", *members)])


def test_a_link_is_not_the_file_beside_it(tmp_path: Path) -> None:
    digests = set()
    for target in ("a", "b"):
        with tarfile.open(tmp_path / f"{target}.tar.gz", "w:gz") as tar:
            member = tarfile.TarInfo("model")
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
        digests.add(model_digest([tmp_path / f"{target}.tar.gz"]))
    assert len(digests) == 2


def test_of_several_archives_the_order_counts(tmp_path: Path, first: Path) -> None:
    second = archive(tmp_path / "second.tar.gz", {"x": "y"})
    digests = {model_digest(a) for a in ([first], [first, second], [second, first], [second])}
    assert len(digests) == 4
    both = archive(tmp_path / "both.tar.gz", {**FILES, "x": "y"})
    assert model_digest([both]) != model_digest([first, second])


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00truncated"])
def test_what_is_no_archive_has_no_digest(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "model.tar.gz"
    broken.write_bytes(content)
    assert model_digest([broken]) == "none"
    assert model_digest([]) == "none"


NEWEST = {"newest_version": "4", "newest_digest": "b"}


@pytest.mark.parametrize(
    ("candidate", "champion", "registry", "status", "words"),
    [
        (
            "a",
            "a",
            {"champion_version": "3"},
            "champion",
            "champion itself (version 3): no new",
        ),
        ("a", "a", {}, "champion", "it is the champion itself: no new model"),
        ("b", "b", NEWEST, "champion", "the champion itself"),
        (
            "b",
            "a",
            {**NEWEST, "newest_approval": "PendingManualApproval"},
            "registered",
            "it is version 4 already, which waits for approval: no new model",
        ),
        (
            "b",
            "none",
            {**NEWEST, "newest_approval": "Rejected"},
            "registered",
            "version 4 already, which was rejected",
        ),
        ("b", "a", {**NEWEST, "newest_approval": "Approved"}, "registered", "which is approved"),
        ("b", "a", NEWEST, "registered", "it is version 4 already: no new model"),
        ("c", "a", NEWEST, "new", ""),
        ("c", "none", {}, "new", ""),
        ("none", "none", {}, "new", ""),
    ],
)
def test_the_candidate_is_new_or_some_version_already(
    candidate: str, champion: str, registry: dict[str, str], status: str, words: str
) -> None:
    got, said = status_of(candidate, champion, RegistryState(**registry))
    assert got == status
    assert words in said
    assert bool(words) == bool(said)


def test_the_champion_packed_anew_is_no_new_model(job: Job) -> None:
    job.model("candidate", GOOD)
    job.model("champion", GOOD)
    report = job.report("--champion-version", "3")
    assert report["candidate"]["status"] == "champion"
    assert report["candidate"]["digest"] == report["champion"]["digest"]
    assert report["verdict"].endswith(
        "on 300 rows: it is the champion itself (version 3): no new model"
    )


def test_a_new_run_of_what_waits_for_approval_is_no_new_model(job: Job) -> None:
    job.model("candidate", BETTER)
    job.model("champion", GOOD)
    before = job.report()
    assert before["candidate"]["status"] == "new"
    assert before["regression"] == 0.0
    newest = ["--newest-version", "4", "--newest-digest", before["candidate"]["digest"]]
    after = job.report(*newest, "--newest-approval", "PendingManualApproval")
    assert after["candidate"]["status"] == "registered"
    assert "it is version 4 already, which waits for approval: no new model" in after["verdict"]


def test_the_first_model_of_all_is_new(job: Job) -> None:
    job.model("candidate", GOOD)
    report = job.report()
    assert report["candidate"]["status"] == "new"
    assert report["champion"]["digest"] == "none"
