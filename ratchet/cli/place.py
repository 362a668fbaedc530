"""The line that says where a command goes, and the folder that it acts on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target

_BETWEEN = " · "


def where(target: Target, *, width: int) -> str:
    """Environment, account, region, endpoint, project and folder, in lines of at most `width`
    columns that break between two of them.

    `dev on the local cloud · account 000000000000 · us-east-1 · http://127.0.0.1:4566 · prices in
    ~/prices`; with a role's session, `dev on the local cloud as NAME · …`.
    """
    lines: list[str] = []
    for part in _parts(target, width):
        joined = f"{lines[-1]}{_BETWEEN}{part}" if lines else part
        if lines and cell_len(joined) > width:
            lines.append(part)
        else:
            lines[-1:] = [joined]
    return "\n".join(lines)


def shown_path(path: Path, *, room: int) -> str:
    """The path with ~ for the home folder; the names at its end when it is longer than `room`."""
    home = Path.home()
    inside = path.is_relative_to(home) and home != Path(home.anchor)
    parts = path.relative_to(home).parts if inside else path.parts
    text = "/".join(["~", *parts]) if inside else str(path)
    for first in range(1, len(parts)):
        if cell_len(text) <= room:
            break
        text = "/".join(["…", *parts[first:]])
    return text


def _parts(target: Target, width: int) -> list[str]:
    settings = target.settings
    model = f"model {settings.model_name} of " if len(target.project.models) > 1 else ""
    project = f"{model}{settings.project} in "
    parts = [
        f"{settings.environment} on {_cloud(target, width)}",
        f"account {target.account}",
        target.region,
        target.endpoint or "",
        project + shown_path(target.root, room=width - cell_len(project)),
    ]
    return [part for part in parts if part]


def _cloud(target: Target, width: int) -> str:
    if not target.folder:
        return "another endpoint" if target.endpoint else "AWS"
    place = "the local cloud"
    if not target.folder.is_relative_to(target.root):
        place += f" in {shown_path(target.folder, room=width // 2)}"
    if target.role:
        place += f" as {target.role}"
    return place if target.enforced else f"{place}, permissions not enforced"
