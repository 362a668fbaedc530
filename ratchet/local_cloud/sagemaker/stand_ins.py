"""Results that stand in for steps which cannot run here; StartPipelineExecution has no place for
them, so they are kept under the ClientRequestToken of the start that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker.errors import invalid
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

_KIND = "StandIns"


def keep(api: Api, scope: AccountScope, token: Any, results: Any) -> None:
    """Keep the properties of steps, by name, for the start with this token."""
    if not isinstance(token, str) or not token:
        raise invalid(f"token is {token!r}: expected the ClientRequestToken of the start.")
    if not isinstance(results, Mapping) or not all(
        isinstance(v, Mapping) for v in results.values()
    ):
        raise invalid('stand_ins: expected {"<step>": {the step\'s properties}}.')
    api.store.put(scope, _KIND, token, dict(results))


def of(api: Api, scope: AccountScope, token: str) -> dict[str, Any]:
    """What was kept for a token; nothing for most."""
    return api.store.get(scope, _KIND, token) or {}
