"""The question before the first change of an environment on AWS from this folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from ratchet.cli.console import err

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target

FILE = Path(".ratchet") / "changed-accounts.json"
"""In the project's folder: a list of `project/environment/account`."""


def ensure(target: Target, doing: str, *, yes: bool) -> None:
    """Asks before the first change of the environment in this account, and remembers the answer.

    The local cloud, and other endpoints on this machine, are changed without a question.

    Args:
        doing: what the command will do, as in `it will deploy the stacks`.
        yes: the question was answered on the command line.

    Raises:
        DeploymentError: nobody is there to answer.
        typer.Exit: the answer is no.
    """
    if _on_this_machine(target):
        return
    file, key = target.root / FILE, _key(target)
    changed = _read(file)
    if key in changed:
        return
    if not yes:
        _ask("\n".join([_heading(target), *_facts(target, doing)]))
    _write(file, [*changed, key])


def _ask(question: str) -> None:
    from ratchet.deployment.errors import DeploymentError

    if not sys.stdin.isatty():
        raise DeploymentError(
            f"{question}\nNobody is here to agree. In a workflow, and whenever this is what you "
            "mean, add --yes. To stay on this machine: --local"
        )
    console = err()
    console.print(escape(question), soft_wrap=True)
    if not typer.confirm("Go on?", default=False, err=True):
        console.print("Nothing was changed. To stay on this machine: --local")
        raise typer.Exit(1)


def _on_this_machine(target: Target) -> bool:
    from ratchet.deployment.target.endpoints import on_this_machine

    return target.local or (target.endpoint is not None and on_this_machine(target.endpoint))


def _key(target: Target) -> str:
    return f"{target.settings.project}/{target.settings.environment}/{target.account}"


def _heading(target: Target) -> str:
    return (
        f"This would be the first change of {target.settings.environment} in AWS account "
        f"{target.account} from this folder."
    )


def _facts(target: Target, doing: str) -> Iterator[str]:
    alias = _alias(target)
    yield f"  account  {target.account}{f' ({alias})' if alias else ''}"
    yield f"  region   {target.region}"
    yield f"  you are  {target.caller or 'unknown'}"
    yield f"  project  {target.settings.project} in {target.root}"
    yield f"  it will  {doing}"


def _alias(target: Target) -> str:
    """The account's name, where it has one and the caller may read it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        aliases = target.client("iam").list_account_aliases()["AccountAliases"]
    except (BotoCoreError, ClientError):
        return ""
    return str(aliases[0]) if aliases else ""


def _read(file: Path) -> list[str]:
    """What was changed before; a file that cannot be read only means that people are asked."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [key for key in content if isinstance(key, str)] if isinstance(content, list) else []


def _write(file: Path, keys: list[str]) -> None:
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(sorted(set(keys)), indent=2) + "\n", encoding="utf-8")
    except OSError as problem:
        err().print(f"[dim]{file} cannot be written ({problem}): you will be asked again[/]")
