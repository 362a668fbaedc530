"""What holds for every test."""

from __future__ import annotations

import os

import hypothesis

# Local clouds that tests start hold every answer against botocore's output shapes.
os.environ["RATCHET_CHECK_ANSWERS"] = "1"

# No test asserts how long an example takes: the machine may be busy.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")
