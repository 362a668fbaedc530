"""What SageMaker does as a role: its session, clients that use it, and a container's way to it."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.profiles import NO_PROFILE
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.ports import Cloud

SESSION_NAME = "SageMaker"
CREDENTIALS_PATH = "/_ratchet/credentials/"
"""Where containers ask for their role's session."""
SESSION_SECONDS = 3600
_LAMBDA_TIMEOUT_SECONDS = 660  # a Lambda step may take ten minutes
_POOL = 16


class Roles:
    """The roles of one local cloud, as SageMaker uses them. Safe from any thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._secret = secrets.token_bytes(32)
        self._clients: dict[tuple[str, AccountScope, str | None], Any] = {}
        self._lock = threading.Lock()

    def check(self, scope: AccountScope, role: str, needs: Iterable[Need]) -> None:
        """Raise ``Denied`` unless SageMaker may take the role, and the role may do all of it."""
        key = self._cloud.session(scope, role, SESSION_NAME)["AWS_ACCESS_KEY_ID"]
        self._cloud.check(scope, key, needs)

    def lacks(self, scope: AccountScope, role: str, needs: Iterable[Need]) -> str | None:
        """AWS's sentence for the first of the needs that the role may not do; None for none."""
        try:
            self.check(scope, role, needs)
        except Denied as denied:
            return str(denied)
        return None

    def client(self, service: str, scope: AccountScope, role: str | None) -> Any:
        """A client of boto3 that acts as the role, or as the account's root without one.

        There is one of each: a client is slow to make, and safe to share. Its session is renewed
        before it expires.
        """
        place = (service, scope, role)
        with self._lock:
            if place not in self._clients:
                session = functools.partial(self._session, scope, role)
                self._clients[place] = _client(service, self._cloud.endpoint(), scope, session)
            return self._clients[place]

    def environment(self, scope: AccountScope, role: str) -> dict[str, str]:
        """The variables by which a program finds this cloud, and the role's session.

        The session is asked for as in a container of SageMaker's, so that a program that runs for
        longer than a session lasts gets the next one.
        """
        holder = json.dumps([scope.account, scope.region, role]).encode()
        name = base64.urlsafe_b64encode(holder).decode().rstrip("=")
        endpoint = self._cloud.endpoint()
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint}{CREDENTIALS_PATH}{name}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token(name),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": scope.region,
            "AWS_DEFAULT_REGION": scope.region,
        }

    def credentials(self, name: str, token: str) -> dict[str, str]:
        """What ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` answers; ``name`` is the end of its path.

        Raises ``ApiError`` for a token that is not the one that was given out with it.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
        """
        if not hmac.compare_digest(token.encode(), self._token(name).encode()):
            raise ApiError("AccessDenied", "This is not the token of these credentials.")
        account, region, role = json.loads(base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)))
        session = self._session(AccountScope(account=account, region=region), role)
        return {
            "RoleArn": role,
            "AccessKeyId": session["access_key"],
            "SecretAccessKey": session["secret_key"],
            "Token": session["token"] or "",
            "Expiration": session["expiry_time"] or "",
        }

    def _token(self, name: str) -> str:
        return hmac.new(self._secret, name.encode(), hashlib.sha256).hexdigest()

    def _session(self, scope: AccountScope, role: str | None) -> dict[str, str | None]:
        """As botocore's ``RefreshableCredentials`` takes them."""
        if role:
            variables = self._cloud.session(scope, role, SESSION_NAME)
        else:
            variables = self._cloud.root(scope)
        end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=SESSION_SECONDS)
        return {
            "access_key": variables["AWS_ACCESS_KEY_ID"],
            "secret_key": variables["AWS_SECRET_ACCESS_KEY"],
            "token": variables.get("AWS_SESSION_TOKEN"),
            "expiry_time": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _client(
    service: str, endpoint: str, scope: AccountScope, session: Callable[[], dict[str, str | None]]
) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.credentials import RefreshableCredentials
    from botocore.session import Session

    class AsRole(Session):
        def get_credentials(self) -> RefreshableCredentials:
            return renewed

    renewed = RefreshableCredentials.create_from_metadata(
        metadata=session(), refresh_using=session, method="sagemaker"
    )
    config = Config(
        s3={"addressing_style": "path"},
        retries={"max_attempts": 3, "mode": "standard"},
        max_pool_connections=_POOL,
        read_timeout=_LAMBDA_TIMEOUT_SECONDS,
        connect_timeout=10,
        proxies={},
    )
    return boto3.Session(
        botocore_session=AsRole(session_vars=NO_PROFILE), region_name=scope.region
    ).client(service, endpoint_url=endpoint, config=config)
