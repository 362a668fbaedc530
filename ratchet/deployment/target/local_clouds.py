"""The local clouds of a project: which of them a command goes to, and how one types that."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ratchet.deployment.errors import DeploymentError
from ratchet.switch_words import NO, YES, switch

LOCAL_VARIABLE = "RATCHET_LOCAL"


@dataclass(frozen=True)
class LocalClouds:
    """The local clouds of the project in `root`: its own, and others that are named by folder.

    RATCHET_LOCAL is a word of yes or no, or the folder of another local cloud.
    """

    root: Path

    @property
    def own(self) -> Path:
        """The folder of the project's own local cloud."""
        return self.root / ".ratchet" / "cloud"

    def folder(self, typed: Path) -> Path:
        """The absolute path of a folder that was typed. It is relative to the project, so that it
        means the same wherever the command is typed."""
        return self.root / typed.expanduser()

    def shown(self, folder: Path) -> str:
        """A cloud's folder as one types it: relative to the project where it is inside."""
        inside = folder.is_relative_to(self.root)
        return str(folder.relative_to(self.root) if inside else folder)

    def chosen(
        self, option: bool | None, *, setting: bool, variables: Mapping[str, str] = os.environ
    ) -> Path | None:
        """The folder of the local cloud that a command goes to, or None when it goes elsewhere.

        Args:
            option: --local, --no-local, or neither. It wins over RATCHET_LOCAL, and that over
            setting: whether the environment's settings say that it is local.

        Raises:
            DeploymentError: RATCHET_LOCAL is neither a word nor a local cloud's folder. A slip
                never makes a new cloud.
        """
        if option is False:
            return None
        value = variables.get(LOCAL_VARIABLE, "").strip()
        word = switch(value) if value else setting
        if word is None:
            return self._named(value)
        return self.own if word or option else None

    def command(
        self,
        text: str,
        folder: Path | None,
        *,
        setting: bool,
        variables: Mapping[str, str] = os.environ,
    ) -> str:
        """A command to type next, with what makes it go to the same place.

        Args:
            folder: of the local cloud; None for AWS.
            setting: whether the environment's settings say that it is local.
        """
        value = variables.get(LOCAL_VARIABLE, "").strip()
        word = switch(value) if value else setting
        typed = self.folder(Path(value)) if word is None else self.own if word else None
        if folder == typed:
            return f"ratchet {text}"
        if folder is None:
            return f"ratchet {text} --no-local"
        if folder == self.own and word is False:
            return f"ratchet {text} --local"
        named = "yes" if folder == self.own else shlex.quote(self.shown(folder))
        return f"{LOCAL_VARIABLE}={named} ratchet {text}"

    def _named(self, value: str) -> Path:
        from ratchet.local_cloud.folder import is_cloud

        folder = self.folder(Path(value))
        if is_cloud(folder):
            return folder
        beside = [self.own, *self.own.parent.glob("*"), *folder.parent.glob("*")]
        clouds = [self.shown(other) for other in beside if is_cloud(other)]
        near = difflib.get_close_matches(value.lower(), [*YES, *NO, *clouds], n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise DeploymentError(
            f"{LOCAL_VARIABLE} is {value!r}.{hint}\n"
            f"Expected {', '.join(YES)} for the local cloud in {self.shown(self.own)}; "
            f"{', '.join(NO)} for AWS; or the folder of a local cloud, and none is in {folder}. "
            f"To make one there: ratchet cloud up --folder {shlex.quote(value)}"
        )
