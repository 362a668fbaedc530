"""A project's folder `config` with what a test writes there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `<environment>.toml`, beside it files of other paths, and gives the folder. Its model
    is flights, which says nothing of its own unless a test does."""
    config = tmp_path / "config"

    def write(text: str, environment: str = "dev", **others: str) -> Path:
        files = {f"{environment}.toml": text, "flights/base.toml": "", **others}
        for name, content in files.items():
            (config / name).parent.mkdir(parents=True, exist_ok=True)
            (config / name).write_text(content, encoding="utf-8")
        return config

    return write
