"""The options of a training script, by its own argument parser.

A child process runs the script until it asks its parser (`asked_script.py`). The answer is kept by
the digest of the code, the interpreter and the packages that are installed, so it is asked once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.authoring import Bundle
from ratchet.runner import packages
from ratchet.runner.container import Container
from ratchet.runner.step_types.training_toolkit import Configuration

_ASKED = Path(__file__).with_name("asked_script.py")
_ASKS = re.compile(rb"\.parse_(known_|intermixed_)?args\(")
_CODE = "/opt/ml/code"
_PATIENCE_SECONDS = 30
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One argument of a parser, as `argparse` was told of it."""

    names: tuple[str, ...]
    """With their hyphens; none of a positional argument."""
    values: int | str | None
    """How many follow: `nargs`."""
    type: str
    """str, int, float, or other: a function of the script's own."""
    choices: tuple[str | int | float, ...] | None
    required: bool
    dest: str


@dataclass(frozen=True, kw_only=True)
class ScriptOptions:
    options: tuple[Option, ...]
    takes_any: bool
    """It leaves alone what it does not know."""


def of_script(bundle: Bundle, job: Mapping[str, Any], *, region: str) -> ScriptOptions | None:
    """What the script of a training job takes.

    Args:
        bundle: its code.
        job: the arguments of CreateTrainingJob; what is not known yet may stand for itself.

    Returns:
        None: it has no parser of `argparse`, or cannot be run on this machine as far as that.
    """
    if not bundle.entry.endswith(".py") or not any(map(_ASKS.search, bundle.files.values())):
        return None
    with (
        tempfile.TemporaryDirectory(prefix="ratchet-asked-") as folder,
        Container(Path(folder)) as container,
    ):
        code = container.folder(_CODE)
        for path, content in bundle.files.items():
            (code / path).parent.mkdir(parents=True, exist_ok=True)
            (code / path).write_bytes(content)
        image = str(job["AlgorithmSpecification"].get("TrainingImage") or "")
        python = packages.interpreter_at_hand(code, image=image)
        kept = _kept(bundle, python)
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _read(kept.read_text(encoding="utf-8"))
        answer = _ask(bundle, python, container, job, region=region)
    _keep(kept, answer)
    return _read(answer)


def _ask(
    bundle: Bundle, python: str, container: Container, job: Mapping[str, Any], *, region: str
) -> str:
    """The script's answer as JSON; `null` where it gave none."""
    configuration = _configuration(job, container)
    variables = configuration.variables(program=bundle.entry, directory=_CODE, container=container)
    for name in ("/opt/ml/model", "/opt/ml/output/data", *_channels(configuration)):
        container.folder(name)
    answer = container.temporary / "answer.json"
    try:
        ended = subprocess.run(
            [python, str(_ASKED), str(answer), bundle.entry],
            cwd=container.path(_CODE),
            env={**container.environment(host={}, region=region), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        words = f"it took longer than {_PATIENCE_SECONDS} s"
    else:
        words = ended.stderr.decode(errors="replace")[-400:]
    if answer.is_file():
        return answer.read_text(encoding="utf-8")
    _log.debug("%s was not asked for its options: %s", bundle.entry, words)
    return "null"


def _configuration(job: Mapping[str, Any], container: Container) -> Configuration:
    """What the script may ask its variables before it asks its parser."""
    return Configuration(
        hyperparameters={},
        channels={each["ChannelName"]: {} for each in job.get("InputDataConfig") or ()},
        instance_type="local",
        host=container.host,
        hosts=container.hosts,
    )


def _channels(configuration: Configuration) -> list[str]:
    return [f"/opt/ml/input/data/{name}" for name in configuration.channels]


def _read(answer: str) -> ScriptOptions | None:
    said = json.loads(answer)
    if said is None:
        return None
    options = tuple(
        Option(
            names=tuple(each["names"]),
            values=each["values"],
            type=each["type"],
            choices=None if each["choices"] is None else tuple(each["choices"]),
            required=each["required"],
            dest=each["dest"],
        )
        for each in said["options"]
    )
    return ScriptOptions(options=options, takes_any=said["takes_any"])


def _kept(bundle: Bundle, python: str) -> Path:
    """Where the answer is kept. What is installed is part of its name: without a package the
    script may have no answer."""
    site = Path(sys.prefix, "lib").glob("python*/site-packages/*.dist-info")
    about = [
        bundle.digest,
        python,
        sys.version,
        _ASKED.read_text(encoding="utf-8"),
        *sorted(folder.name for folder in site),
    ]
    name = hashlib.sha256("\n".join(about).encode()).hexdigest()[:32]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ratchet" / "script-options" / f"{name}.json"


def _keep(file: Path, answer: str) -> None:
    """Whole or not at all; without a folder to write to, it is asked again."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(answer, encoding="utf-8")
        draft.replace(file)
