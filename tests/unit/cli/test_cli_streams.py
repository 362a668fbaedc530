"""Where text goes: a locale without UTF-8, a closed stdout, a full disk, a reader that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
RATCHET = [sys.executable, "-m", "ratchet.cli.main"]


def run(words: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A line of the shell, in which `ratchet` is ours."""
    program = " ".join(RATCHET)
    return subprocess.run(
        ["sh", "-c", words.replace("ratchet", program)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        timeout=120,
    )


def assert_no_trace(done: subprocess.CompletedProcess[Any]) -> None:
    for text in (done.stdout, done.stderr):
        assert b"Traceback" not in text
        assert b"Exception ignored" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_locale_without_the_characters_loses_them_and_nothing_else(encoding: str) -> None:
    done = run("ratchet graph", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert b"prepare" in done.stdout
    assert_no_trace(done)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
def test_a_full_disk_is_said_in_a_line() -> None:
    done = run("ratchet graph > /dev/full")
    assert done.returncode == 1
    assert b"error stdout takes no more: No space left on device" in done.stderr
    assert_no_trace(done)


def test_a_closed_stdout_is_no_mistake() -> None:
    done = run("ratchet graph >&-")
    assert done.returncode == 0, done.stderr
    assert_no_trace(done)


def test_a_reader_that_has_gone_ends_the_command_without_a_word() -> None:
    done = run("(ratchet graph; echo $? >&2) | true")
    assert_no_trace(done)
    assert done.stderr.strip() in (b"0", b"1")


def test_an_endpoint_that_is_no_address_is_said_in_a_line() -> None:
    done = run("ratchet --no-local runs", AWS_ENDPOINT_URL="nonsense", RATCHET_LOCAL="")
    assert done.returncode == 1
    assert done.stderr.startswith(b"error AWS_ENDPOINT_URL is 'nonsense'; expected an address")
    assert_no_trace(done)
