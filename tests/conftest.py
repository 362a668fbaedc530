"""What holds for every test."""

from __future__ import annotations

import os

# Local clouds that tests start hold every answer against botocore's output shapes.
os.environ["RATCHET_CHECK_ANSWERS"] = "1"
