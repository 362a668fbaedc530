"""What one who installs Ratchet does first, with the wheel alone: from an empty folder to a
registered version, with neither this checkout nor a project of it at hand."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import tests.distributions as dist
from tests.distributions import Installed
from tests.loop.deployed_loop import until

pytestmark = [pytest.mark.cloud, pytest.mark.synth]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return dist.installed(tmp_path_factory)


def write_houses(folder: Path) -> None:
    rows = random.Random(1)
    for month in ("2024-01", "2024-02"):
        (folder / month).mkdir(parents=True)
        lines = ["sold,district,rooms,area,price"]
        for number in range(400):
            rooms, district = rows.randint(1, 6), rows.choice("ABC")
            area = 20 * rooms + rows.gauss(0, 8)
            price = 1000 * area + 20_000 * "ABC".index(district) + rows.gauss(0, 5000)
            day = 1 + number % 28
            lines.append(f"{month}-{day:02d},{district},{rooms},{area:.1f},{price:.0f}")
        (folder / month / "houses.csv").write_text("\n".join(lines) + "\n")


def test_a_new_project_deploys_and_registers_a_version(
    installed: Installed, tmp_path: Path
) -> None:
    write_houses(tmp_path / "data")
    project = tmp_path / "prices"

    def ratchet(*words: str, cwd: Path = project) -> str:
        ended = installed.run("ratchet", *words, cwd=cwd)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def outcome() -> str | None:
        ended = [run["outcome"] for run in json.loads(ratchet("runs", "--json")) if run["ended"]]
        return str(ended[0]) if ended else None

    ratchet("init", "prices", "--data", "data", "--label", "price", cwd=tmp_path)
    try:
        ratchet("deploy")
        ratchet("land", "../data/2024-01", "../data/2024-02")
        assert until(outcome, "no run ended", every=2.0) == "registered version 1"
    finally:
        installed.run("ratchet", "cloud", "down", cwd=project)
    assert not (tmp_path / ".ratchet").exists()
