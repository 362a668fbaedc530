"""What holds for every test."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import hypothesis
from botocore.loaders import JSONFileLoader

# Local clouds that tests start hold every answer against botocore's output shapes.
os.environ["RATCHET_CHECK_ANSWERS"] = "1"

# No test asserts how long an example takes: the machine may be busy.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

_load_file = JSONFileLoader.load_file


@cache
def _load_file_once(path: str) -> Any:
    return _load_file(JSONFileLoader(), path)


# Each session parses botocore's models anew, a quarter of a second for those of one command, and
# tests make thousands of sessions.
JSONFileLoader.load_file = lambda self, file_path: _load_file_once(file_path)  # type: ignore[method-assign]
