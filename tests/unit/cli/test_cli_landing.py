from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.runs.landing import checksum, land, parcels
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import FACTS, FakeRun, World


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """`2013-01` with two files, one of them in a folder, and a hidden one."""
    folder = tmp_path / "2013-01"
    (folder / "more").mkdir(parents=True)
    (folder / "flights.csv").write_text("a\n")
    (folder / "more" / "planes + ü.csv").write_text("b\n")
    (folder / ".DS_Store").write_text("x")
    return folder


def keys(sources: list[Path], below: str = "") -> list[str]:
    return [parcel.key for parcel in parcels(sources, prefix="raw/", below=below)]


def test_a_folder_keeps_its_name_and_its_inner_folders_and_leaves_hidden_files(drop: Path) -> None:
    assert keys([drop]) == ["raw/2013-01/flights.csv", "raw/2013-01/more/planes + ü.csv"]


def test_a_file_lands_by_its_name(drop: Path) -> None:
    assert keys([drop / "flights.csv"]) == ["raw/flights.csv"]


def test_to_names_a_folder_below_the_prefix(drop: Path) -> None:
    assert keys([drop / "flights.csv"], below="/2013-02/") == ["raw/2013-02/flights.csv"]


def test_labelled_data_lands_below_the_prefix_of_the_evaluation(drop: Path, type_: Type) -> None:
    result = type_("land", str(drop / "flights.csv"), "--for", "evaluation")
    assert result.exit_code == 0, result.output
    assert f"s3://{FACTS['data_bucket']}/labelled/flights.csv" in result.stdout


def test_the_current_folder_lands_without_a_name(
    drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(drop.parent)
    assert keys([Path()]) == ["raw/2013-01/flights.csv", "raw/2013-01/more/planes + ü.csv"]


def test_two_files_for_one_key_are_refused(drop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "flights.csv"
    other.parent.mkdir()
    other.write_text("c\n")
    with pytest.raises(DeploymentError, match=r"both land as raw/flights\.csv"):
        keys([drop / "flights.csv", other])


def test_the_same_file_named_twice_lands_once(drop: Path) -> None:
    assert keys([drop / "flights.csv", drop / "flights.csv"]) == ["raw/flights.csv"]


def test_what_does_not_exist_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="no such file or folder"):
        keys([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeploymentError, match="holds no files"):
        keys([tmp_path / "empty"])


def test_unchanged_files_are_not_sent_again_and_changed_ones_are(drop: Path, world: World) -> None:
    def verdicts(*, again: bool = False) -> list[str]:
        world.s3.puts.clear()
        wanted = parcels([drop], prefix="raw/")
        answer = land(world.s3, bucket="data", parcels=wanted, again=again)
        assert [one.parcel for one in answer] == wanted
        return [one.verdict for one in answer]

    assert verdicts() == ["new", "new"]
    assert len(world.s3.puts) == 2
    (drop / "flights.csv").write_text("z\n")  # as long as before
    assert verdicts() == ["changed", "unchanged"]
    assert world.s3.puts == ["raw/2013-01/flights.csv"]
    assert verdicts(again=True) == ["unchanged", "unchanged"]
    assert len(world.s3.puts) == 2


def test_the_checksum_is_the_one_that_s3_keeps(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert checksum(file) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    file.write_bytes(b"abc")
    assert checksum(file) == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    # sha256(sha256(b"ab") + sha256(b"c")), two parts.
    assert checksum(file, part_bytes=2) == "EVMj5WLEpP33zqztymYNxLvhOJ2rkyOq0IRAkHx0JtA=-2"
    assert checksum(file, part_bytes=3).endswith("=-1"), "S3 sends a file of one full part in parts"


def test_following_shows_the_run_that_starts_on_what_has_landed(
    drop: Path, world: World, type_: Type, passed: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run before it is not taken for it."""
    world.sagemaker.runs.remove(passed)
    before = replace(passed, id="before123456", name="the run before")
    world.sagemaker.runs.append(before)
    looks: list[float] = []

    def look_later(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            world.sagemaker.runs.append(
                replace(passed, started=before.started + timedelta(hours=1))
            )

    monkeypatch.setattr("ratchet.cli.commands.land.time.sleep", look_later)
    result = type_("land", str(drop), "--follow")
    assert result.exit_code == 0, result.output
    assert passed.name in result.stdout
    assert before.name not in result.stdout
    assert len(looks) >= 3


def test_following_gives_up_with_what_to_look_at(
    drop: Path, world: World, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100_000, 60))
    monkeypatch.setattr("ratchet.cli.commands.land.time.sleep", lambda _: None)
    monkeypatch.setattr("ratchet.cli.commands.land.time.monotonic", lambda: float(next(clock)))
    result = type_("land", str(drop), "--follow")
    assert result.exit_code == 1
    assert "No run of flights-dev-training started" in result.stderr
    assert "ratchet status" in result.stderr


def test_following_files_that_are_there_already_starts_nothing(drop: Path, type_: Type) -> None:
    assert type_("land", str(drop)).exit_code == 0
    again = type_("land", str(drop), "--follow")
    assert again.exit_code == 0
    assert "Nothing is new, so no run starts." in again.stdout
