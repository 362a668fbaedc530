"""The target of a command: one environment in one account and region, on AWS or on this machine."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.acting import ROLE_VARIABLE, role_name, session_variables
from ratchet.project import current, load
from ratchet.settings.schema import Settings
from ratchet.switch_words import NO, YES, switch

if TYPE_CHECKING:
    import boto3

LOCAL_VARIABLE = "RATCHET_LOCAL"
ENVIRONMENT_VARIABLE = "RATCHET_ENV"
DEFAULT_ENVIRONMENT = "dev"
RETRIES: Any = {"mode": "standard"}
"""botocore's: three attempts, with longer and longer waits where AWS asks for fewer calls."""


def default_folder() -> Path:
    """The folder of the project's local cloud."""
    return current().root / ".ratchet" / "cloud"


def cloud_folder(local: bool | None, variables: Mapping[str, str] = os.environ) -> Path | None:
    """The local cloud's state folder, or None when the command goes elsewhere.

    `--local` and `--no-local` win over RATCHET_LOCAL, which is a word of yes or no, or the folder
    of another local cloud (relative to the project, so that it means the same wherever the command
    is typed).

    Raises:
        DeploymentError: RATCHET_LOCAL is neither. A slip never makes a new cloud.
    """
    if local is False:
        return None
    value = variables.get(LOCAL_VARIABLE, "").strip()
    yes = switch(value)
    if yes is None:
        return _named_cloud(value)
    return default_folder() if yes or local else None


def project_folder(folder: Path) -> Path:
    """The absolute path of a cloud's folder that was typed relative to the project."""
    return current().root / folder.expanduser()


def shown_folder(folder: Path) -> str:
    """A cloud's folder as one types it: relative to the project where it is inside."""
    root = current().root
    return str(folder.relative_to(root) if folder.is_relative_to(root) else folder)


def local_command(text: str, folder: Path, variables: Mapping[str, str] = os.environ) -> str:
    """A command to type next, with what makes it go to the local cloud in `folder`."""
    value = variables.get(LOCAL_VARIABLE, "").strip()
    yes = switch(value)
    if folder != (project_folder(Path(value)) if yes is None else default_folder()):
        return f"{LOCAL_VARIABLE}={shlex.quote(shown_folder(folder))} ratchet {text}"
    return f"ratchet {text} --local" if yes is False else f"ratchet {text}"


def _named_cloud(value: str) -> Path:
    from ratchet.local_cloud.folder import is_cloud

    folder = project_folder(Path(value))
    if is_cloud(folder):
        return folder
    beside = [default_folder(), *default_folder().parent.glob("*"), *folder.parent.glob("*")]
    clouds = [shown_folder(other) for other in beside if is_cloud(other)]
    near = difflib.get_close_matches(value.lower(), [*YES, *NO, *clouds], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise DeploymentError(
        f"{LOCAL_VARIABLE} is {value!r}.{hint}\n"
        f"Expected {', '.join(YES)} for the local cloud in {shown_folder(default_folder())}; "
        f"{', '.join(NO)} for AWS; or the folder of a local cloud, and none is in {folder}. "
        f"To make one there: ratchet cloud up --folder {shlex.quote(value)}"
    )


@dataclass(frozen=True, kw_only=True)
class Target:
    """One environment where it lives. Clients are made when they are asked for."""

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
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def local(self) -> bool:
        return self.folder is not None

    def client(self, service: str, *, region: str | None = None) -> Any:
        """The boto3 client of this target's endpoint, in its region unless another is named."""
        from botocore.config import Config

        if service in self._clients:
            return self._clients[service]

        shared: dict[str, Any] = {"user_agent_extra": "ratchet", "retries": RETRIES}
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
        environment = self.settings.environment
        if environment != variables.get(ENVIRONMENT_VARIABLE, DEFAULT_ENVIRONMENT):
            text += f" --env {environment}"
        if self.folder is None:
            return f"ratchet {text}"
        return local_command(text, self.folder, variables)


def open_target(
    *,
    environment: str,
    local: bool | None,
    variables: Mapping[str, str] = os.environ,
    starting: Callable[[], None] = lambda: None,
) -> Target:
    """Opens the target, and starts the local cloud if it is needed and not yet up.

    Args:
        environment: which settings file.
        local: --local, --no-local, or None to let RATCHET_LOCAL decide.
        variables: the process environment.
        starting: called before the local cloud is started, which takes some seconds.

    Raises:
        DeploymentError: the credentials belong to another account than the settings name,
            RATCHET_LOCAL is neither a word of yes or no nor a local cloud's folder, or RATCHET_ROLE
            names a role that is not there.
        SettingsError: no such environment, or a mistake in its file.
    """
    settings = load(environment)
    folder = cloud_folder(local, variables)
    role = variables.get(ROLE_VARIABLE, "").strip()
    if folder is not None:
        return local_target(settings=settings, folder=folder, starting=starting, role=role)
    if role:
        raise DeploymentError(
            f"{ROLE_VARIABLE} is {role!r}, which is for the local cloud. On AWS a profile with "
            "role_arn in ~/.aws/config acts as a role: AWS_PROFILE=…"
        )
    return _remote_target(settings, variables.get("AWS_ENDPOINT_URL") or None)


def local_target(
    *,
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


def _remote_target(settings: Settings, endpoint: str | None) -> Target:
    import boto3

    session = boto3.Session(region_name=settings.region)
    target = Target(
        settings=settings,
        account="",
        region=settings.region,
        endpoint=endpoint,
        folder=None,
        session=session,
        variables={"AWS_REGION": settings.region, "AWS_DEFAULT_REGION": settings.region},
    )
    account = target.client("sts").get_caller_identity()["Account"]
    if settings.account and account != settings.account:
        raise DeploymentError(
            f"{settings.environment} lives in account {settings.account} "
            f"(config/{settings.environment}.toml), and your credentials belong to {account}. "
            "Choose other credentials: AWS_PROFILE=…"
        )
    return replace(target, account=account)
