"""What SageMaker needs of the cloud around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.runner import Storage


class Cloud(Protocol):
    """The other services of the same cloud, as SageMaker calls them."""

    def read_object(
        self, scope: AccountScope, bucket: str, key: str, version_id: str | None
    ) -> bytes:
        """An S3 object's content; raises ``KeyError`` when there is none."""
        ...

    def write_object(
        self, scope: AccountScope, role: str, bucket: str, key: str, body: bytes
    ) -> None:
        """Put an S3 object as a role; raises ``OSError`` when it is refused."""
        ...

    def storage(self, scope: AccountScope, role: str | None, *, key: str | None = None) -> Storage:
        """S3's objects as a role, or as the account's root without one.

        ``key``: the KMS key of what is written. What the role may not do raises the runner's
        ``Refused``, in AWS's words.
        """
        ...

    def put_metrics(
        self, scope: AccountScope, *, namespace: str, data: Sequence[Mapping[str, Any]]
    ) -> None:
        """Put metric data (members as PutMetricData's) into CloudWatch."""
        ...

    def alarm_states(self, scope: AccountScope, names: Sequence[str]) -> dict[str, str]:
        """State of each of these CloudWatch alarms; one that does not exist is left out."""
        ...

    def deliver(
        self, scope: AccountScope, event: Mapping[str, Any], delivered: Callable[[], None]
    ) -> None:
        """Hand an event (an entry of PutEvents) to EventBridge soon, then call ``delivered``."""
        ...

    def put_log_lines(
        self, scope: AccountScope, *, group: str, stream: str, lines: Sequence[tuple[float, str]]
    ) -> None:
        """Append (epoch seconds, line) to a log stream, made where there is none."""
        ...

    def check(self, scope: AccountScope, access_key: str, needs: Iterable[Need]) -> None:
        """Raise `Denied` unless the key's owner may do all of it."""
        ...

    def session(
        self, scope: AccountScope, role_arn: str, name: str, *, source_arn: str = ""
    ) -> dict[str, str]:
        """Variables with credentials of a role's session, as SageMaker assumes it.

        ``source_arn``: what SageMaker does it for, which the role's trust policy may ask for;
        without one, anything of SageMaker's in the account. Raises `Denied` unless the role exists
        and trusts SageMaker. The same role and name have the same credentials, also after a
        restart.
        """
        ...

    def identity(self, scope: AccountScope, access_key: str) -> dict[str, str]:
        """``Arn`` and ``PrincipalId`` of a key's owner, as ``CreatedBy`` shows them."""
        ...

    def root(self, scope: AccountScope) -> dict[str, str]:
        """Variables with credentials of the account's root, for what is this machine's own."""
        ...

    def endpoint(self) -> str:
        """The URL that every service of this cloud answers at."""
        ...
