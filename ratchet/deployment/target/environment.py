"""The target of a command: one environment in one account and region, on AWS or on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.acting import ROLE_VARIABLE, role_name, session_variables
from ratchet.deployment.target.endpoints import named_endpoint
from ratchet.deployment.target.local_clouds import LocalClouds
from ratchet.project import MODEL_VARIABLE, Project
from ratchet.settings.schema import Settings

if TYPE_CHECKING:
    import boto3

ENVIRONMENT_VARIABLE = "RATCHET_ENV"
DEFAULT_ENVIRONMENT = "dev"
RETRIES: Any = {"mode": "standard"}
"""botocore's: three attempts, with longer and longer waits where AWS asks for fewer calls."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One environment where it lives. Clients are made when they are asked for."""

    project: Project
    settings: Settings
    account: str
    region: str
    endpoint: str | None
    """None: AWS itself."""
    folder: Path | None
    """The local cloud's state folder; None: not the local cloud."""
    session: boto3.Session
    variables: Mapping[str, str]
    """What a child process needs in its environment to talk to the same place."""
    enforced: bool = True
    """Whether each request needs a permission of its caller's policies: always, on AWS."""
    role: str = ""
    """The name of the role that commands act as on the local cloud; "" is its administrator."""
    secret: str = field(default="", repr=False)
    """The local cloud's own, for what AWS has no API for; "" on AWS."""
    seconds: float | None = None
    """How long AWS may take to answer, once; None: as boto3 waits and tries again."""
    caller: str = ""
    """The ARN of whoever acts on AWS."""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root

    @property
    def local(self) -> bool:
        return self.folder is not None

    def client(self, service: str, *, region: str | None = None) -> Any:
        """The boto3 client of this target's endpoint, in its region unless another is named."""
        from botocore.config import Config

        if service in self._clients:
            return self._clients[service]

        shared: dict[str, Any] = {"user_agent_extra": "ratchet", "retries": RETRIES}
        if self.seconds is not None:
            shared |= dict.fromkeys(("connect_timeout", "read_timeout"), self.seconds)
            shared["retries"] = {"total_max_attempts": 1}
        if self.endpoint:
            # One loopback port serves every bucket, and no proxy stands before it.
            shared |= {"s3": {"addressing_style": "path"}, "proxies": {}}
        self._clients[service] = self.session.client(
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            config=Config(max_pool_connections=32, **shared),
        )
        return self._clients[service]

    def ask(self, path: str, body: object = None, *, seconds: float = 10.0) -> dict[str, Any]:
        """The local cloud's answer for a path below `/_ratchet/`, where AWS has no API.

        Raises:
            AdminError: it refused, or did not answer.
        """
        from ratchet.local_cloud import admin_client

        assert self.local, "AWS has no such paths"
        return admin_client.ask(str(self.endpoint), self.secret, path, body, seconds=seconds)

    def command(self, text: str, variables: Mapping[str, str] = os.environ) -> str:
        """A command to type next, with the options that lead to this target again."""
        environment, model = self.settings.environment, self.settings.model_name
        if environment != variables.get(ENVIRONMENT_VARIABLE, DEFAULT_ENVIRONMENT):
            text += f" --env {environment}"
        if len(self.project.models) > 1 and model != variables.get(MODEL_VARIABLE):
            text += f" --model {model}"
        return LocalClouds(self.root).command(
            text, self.folder, setting=self.settings.local, variables=variables
        )


def open_target(
    *,
    project: Project,
    environment: str,
    local: bool | None,
    model: str | None = None,
    variables: Mapping[str, str] = os.environ,
    starting: Callable[[], None] = lambda: None,
    seconds: float | None = None,
) -> Target:
    """Opens the target, and starts the local cloud if it is needed and not yet up.

    Args:
        project: whose environment.
        environment: which settings file.
        local: --local, --no-local, or None to let RATCHET_LOCAL decide, or else the settings.
        model: None as in `Project.model`.
        variables: the process environment.
        starting: called before the local cloud is started, which takes some seconds.
        seconds: how long AWS may take to answer.

    Raises:
        DeploymentError: the credentials belong to another account than the settings name,
            RATCHET_LOCAL is neither a word of yes or no nor a local cloud's folder, RATCHET_ROLE
            names a role that is not there, or AWS_ENDPOINT_URL leads to another project's cloud.
        SettingsError: no such environment or model, or a mistake in their files.
    """
    settings = project.settings(environment, model)
    folder = LocalClouds(project.root).chosen(local, setting=settings.local, variables=variables)
    role = variables.get(ROLE_VARIABLE, "").strip()
    if folder is not None:
        return local_target(
            project=project, settings=settings, folder=folder, starting=starting, role=role
        )
    if role:
        raise DeploymentError(
            f"{ROLE_VARIABLE} is {role!r}, which is for the local cloud. On AWS a profile with "
            "role_arn in ~/.aws/config acts as a role: AWS_PROFILE=…"
        )
    endpoint = named_endpoint(variables, project)
    return _remote_target(project, settings, endpoint, seconds=seconds)


def local_target(
    *,
    project: Project,
    settings: Settings,
    folder: Path,
    starting: Callable[[], None] = lambda: None,
    role: str = "",
) -> Target:
    """The local cloud whose state is in `folder`, started if need be.

    `role`: the name or ARN of the role to act as; its administrator when empty.
    """
    from ratchet.local_cloud import control

    endpoint = control.status(folder)
    if endpoint is None:
        starting()
    if endpoint is None or endpoint.region != settings.region:  # the latter: it says what to do
        endpoint = control.up(folder, region=settings.region)
    variables = session_variables(endpoint, role) if role else endpoint.environment()
    return Target(
        project=project,
        settings=settings,
        account=endpoint.account,
        region=settings.region,
        endpoint=endpoint.url,
        folder=folder,
        session=without_profiles(variables, settings.region),
        variables=variables,
        enforced=endpoint.enforced,
        role=role_name(role),
        secret=endpoint.keys["secret"],
    )


def without_profiles(variables: Mapping[str, str], region: str) -> boto3.Session:
    """A session with the credentials of `variables`, and nothing of this machine's profiles."""
    import boto3
    from botocore.session import Session

    from ratchet.local_cloud.profiles import NO_PROFILE

    return boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=variables.get("AWS_SESSION_TOKEN"),
        region_name=region,
        botocore_session=Session(session_vars=NO_PROFILE),
    )


def _remote_target(
    project: Project, settings: Settings, endpoint: str | None, *, seconds: float | None
) -> Target:
    import boto3

    session = boto3.Session(region_name=settings.region)
    target = Target(
        project=project,
        settings=settings,
        account="",
        region=settings.region,
        endpoint=endpoint,
        folder=None,
        session=session,
        variables={"AWS_REGION": settings.region, "AWS_DEFAULT_REGION": settings.region},
        seconds=seconds,
    )
    identity = target.client("sts").get_caller_identity()
    account = identity["Account"]
    if settings.account and account != settings.account:
        raise DeploymentError(
            f'{settings.environment} lives in account {settings.account} ("account" in its '
            f"settings), and your credentials belong to {account}. Choose other credentials: "
            "AWS_PROFILE=…"
        )
    return replace(target, account=account, caller=identity.get("Arn", ""))
