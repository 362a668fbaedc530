"""Explains an error that refuses a call, and how to get the missing permission."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ratchet.deployment.errors import DENIED, DeploymentError, explain

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


def refused(error: ClientError, action: str, *, hint: str = "") -> DeploymentError:
    """The error in words; if a permission is missing, with the statement that adds it.

    Args:
        action: what was called, as IAM names it: `ce:GetCostAndUsage`.
        hint: what else may be the reason that it is not allowed.
    """
    if error.response.get("Error", {}).get("Code") not in DENIED:
        return DeploymentError(str(explain(error)))
    message = error.response.get("Error", {}).get("Message", "")
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    lines = [
        f"{action} is not allowed{f' ({message})' if message else ''}. Add to the policy of "
        "whoever runs this:",
        f"  {json.dumps(statement)}",
        *([hint] if hint else []),
    ]
    return DeploymentError("\n".join(lines))
