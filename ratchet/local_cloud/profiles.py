"""What keeps a person's own configuration of AWS out of a session of botocore's."""

from __future__ import annotations

import os

NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""For ``Session(session_vars=…)``: setting, variable of the environment, default, conversion.

AWS_PROFILE may name a profile that is not there, and a profile may name proxies, retries and
endpoints of its own.
"""
