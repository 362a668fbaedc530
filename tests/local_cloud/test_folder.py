"""Which folders a local cloud takes, and that it leaves every other one as it is."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ratchet.local_cloud import control, folder
from ratchet.local_cloud.folder import FolderRefusedError
from ratchet.local_cloud.layout import Layout, LocalCloudError
from tests.local_cloud.sagemaker_calls import REGION


def test_a_new_folder_is_for_its_owner_alone_and_gets_a_key_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    keys = layout.read_keys()
    assert stat.S_IMODE(layout.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.keys.stat().st_mode) == 0o600
    assert keys["key"].startswith("AKIA")
    assert len(keys["secret"]) == 40
    folder.claim(layout)
    assert layout.read_keys() == keys
    assert folder.is_cloud(layout.folder)


def test_two_folders_have_different_keys(tmp_path: Path) -> None:
    first, second = Layout(tmp_path / "one"), Layout(tmp_path / "other")
    folder.claim(first)
    folder.claim(second)
    assert first.read_keys()["secret"] != second.read_keys()["secret"]


def test_a_key_that_others_can_read_becomes_the_owners_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    layout.keys.chmod(0o644)
    folder.claim(layout)
    assert stat.S_IMODE(layout.keys.stat().st_mode) == 0o600


def test_half_a_key_is_named_and_what_to_do(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    layout.keys.write_text("{")
    with pytest.raises(LocalCloudError, match=r"keys.json does not hold .* delete the file"):
        layout.read_keys()


@pytest.mark.parametrize("act", ["up", "reset"])
def test_a_folder_of_yours_is_refused_by_name_and_not_touched(tmp_path: Path, act: str) -> None:
    yours = tmp_path / "thesis"
    (yours / "s3").mkdir(parents=True)
    (yours / "s3" / "chapter.txt").write_text("years of work")
    (yours / "runs").mkdir()
    before = sorted(yours.rglob("*"))
    with pytest.raises(FolderRefusedError, match=r"thesis holds runs, s3 and is not a local"):
        control.up(yours, region=REGION) if act == "up" else control.reset(yours)
    assert sorted(yours.rglob("*")) == before
    assert control.status(yours) is None
    control.down(yours)
    assert sorted(yours.rglob("*")) == before


def test_a_symbolic_link_is_refused_and_what_it_names_stays(tmp_path: Path) -> None:
    cloud = Layout(tmp_path / "real")
    folder.claim(cloud)
    cloud.log.write_text("log")
    link = tmp_path / "link"
    link.symlink_to(cloud.folder)
    with pytest.raises(FolderRefusedError, match=r"link cannot be .* a symbolic link \(to .*real"):
        control.reset(link)
    assert cloud.log.exists()


def test_home_its_parents_and_a_projects_root_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "users" / "me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    project = tmp_path / "project"
    project.mkdir()
    (project / "cdk.json").touch()
    for place, reason in (
        (home, "it is your home directory"),
        (home.parent, "your home directory is below it"),
        (Path("/"), "your home directory is below it"),
        (project, r"it is the root of a project \(it has cdk.json\)"),
        (project / "cdk.json", "it is a file"),
    ):
        with pytest.raises(FolderRefusedError, match=reason):
            control.reset(place)
        with pytest.raises(FolderRefusedError, match=reason):
            control.up(place, region=REGION)
        assert not folder.is_cloud(place)


def test_a_marker_does_not_make_a_projects_root_a_cloud(tmp_path: Path) -> None:
    folder.claim(Layout(tmp_path))
    (tmp_path / ".git").mkdir()
    (tmp_path / "s3").mkdir()
    with pytest.raises(FolderRefusedError, match="root of a project"):
        control.reset(tmp_path)
    assert (tmp_path / "s3").is_dir()


def test_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    layout.marker.write_text(json.dumps({"version": folder.VERSION + 1}))
    layout.log.write_text("log")
    for act in (
        lambda: control.reset(layout.folder),
        lambda: control.up(layout.folder, region="x"),
    ):
        with pytest.raises(FolderRefusedError, match="is a local cloud of version 2, but this"):
            act()
    assert layout.log.exists()


@pytest.mark.parametrize("text", ["[]", "{", '{"version": "new"}'])
def test_a_marker_without_a_version_is_refused(tmp_path: Path, text: str) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    layout.marker.write_text(text)
    with pytest.raises(FolderRefusedError, match="does not name a version of a local cloud"):
        control.reset(layout.folder)


def test_reset_deletes_a_clouds_content_and_says_what_else_is_there(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    (layout.objects / "bucket").mkdir(parents=True)
    layout.database.touch()
    (layout.folder / "notes").mkdir()
    (layout.folder / "notes" / "mine.txt").write_text("mine")
    assert control.reset(layout.folder) == ["notes"]
    assert (layout.folder / "notes" / "mine.txt").read_text() == "mine"
    left = {entry.name for entry in layout.folder.iterdir()}
    assert left == {"notes", "ratchet-cloud.json", "starting.lock", "server.lock"}


def test_reset_does_not_follow_a_link_out_of_the_folder(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    folder.claim(layout)
    yours = tmp_path / "yours"
    yours.mkdir()
    (yours / "a.txt").touch()
    layout.objects.symlink_to(yours)
    control.reset(layout.folder)
    assert (yours / "a.txt").exists()
    assert not layout.objects.is_symlink()


def test_a_cloud_of_before_there_were_markers_is_recognised(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "cloud")
    layout.folder.mkdir()
    layout.write_endpoint({"up": False})
    layout.database.touch()
    assert folder.is_cloud(layout.folder)
    assert control.reset(layout.folder) == []
    assert layout.marker.is_file()
    assert not layout.database.exists()


def test_an_empty_folder_and_one_with_locks_alone_may_become_a_cloud(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert control.reset(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    layout.starting.touch()
    folder.check(layout)
