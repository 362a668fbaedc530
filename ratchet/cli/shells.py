"""Environment variables in the syntax of a shell."""

from __future__ import annotations

import shlex
from enum import StrEnum


class Shell(StrEnum):
    """`sh` is also bash, zsh and dash."""

    sh = "sh"
    fish = "fish"
    powershell = "powershell"

    def export(self, name: str, value: str) -> str:
        """A line that sets a variable, for this shell and what it starts."""
        match self:
            case Shell.sh:
                return f"export {name}={shlex.quote(value)}"
            case Shell.fish:
                quoted = value.replace("\\", "\\\\").replace("'", "\\'")
                return f"set -gx {name} '{quoted}'"
            case Shell.powershell:
                quoted = value.replace("'", "''")
                return f"$Env:{name} = '{quoted}'"

    def unset(self, name: str) -> str:
        """A line that takes a variable away, and does nothing where there is none."""
        match self:
            case Shell.sh:
                return f"unset {name}"
            case Shell.fish:
                return f"set -e {name}"
            case Shell.powershell:
                return f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"
