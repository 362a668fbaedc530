"""Shows a program its step's folder at /opt/ml, as its container would (Linux).

By a mount namespace of its own: nothing of it is seen by other programs, and it is gone when the
program ends. root needs no more; an ordinary user gets one inside of a user namespace, in which he
may mount, and from which the program is started with the user's own id again. `unshare` and `mount`
of util-linux do it, which every Linux has: a process of Python more would cost more than they do.
See unshare(1), user_namespaces(7), mount_namespaces(7).
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

VARIABLE = "RATCHET_OPT_ML"
"""`rewrite` in the environment: paths are rewritten, namespaces are not used."""

_OPT, _OPT_ML = Path("/opt"), Path("/opt/ml")
_MOUNT_AND_RUN = 'mount --all --fstab "$1" && cd "$2" && shift 2 && exec "$@"'
_PROBE_SECONDS = 5.0


@functools.cache
def why_not() -> str | None:
    """Why a program cannot be shown its folder at /opt/ml on this machine; None: it can."""
    if os.environ.get(VARIABLE) == "rewrite":
        return f"{VARIABLE}=rewrite says so"
    if missing := [name for name in ("unshare", "mount") if shutil.which(name) is None]:
        return f"this machine has no {missing[0]} command (Linux, package util-linux)"
    if not _OPT.is_dir():
        return "this machine has no folder /opt"
    with tempfile.TemporaryDirectory(prefix="ratchet-") as scratch:
        opt_ml = Path(scratch, "probe")
        opt_ml.mkdir()
        (opt_ml / "file").write_text("there")
        words = launch(["cat", "/opt/ml/file"], opt_ml=opt_ml, cwd="/", scratch=Path(scratch))
        try:
            probe = subprocess.run(
                words,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if probe.stdout == b"there":
        return None
    output = probe.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"this machine's kernel or a policy forbids it ({output[-1] if output else 'no reason'})"


def launch(words: Sequence[str], *, opt_ml: Path, cwd: str, scratch: Path) -> list[str]:
    """The command that runs `words` in `cwd` with the folder `opt_ml` at /opt/ml.

    The program takes this command's place: its process id, signals and exit code are the
    program's. `scratch` gets what the mounts need.
    """
    fstab = scratch / "fstab"
    fstab.write_text("".join(_mounts(opt_ml, scratch / "opt")))
    shown = ["/bin/sh", "-c", _MOUNT_AND_RUN, "sh", str(fstab), cwd]
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return ["unshare", "--mount", "--", *shown, *words]
    as_user = ["unshare", "--user", f"--map-user={user}", f"--map-group={group}", "--"]
    return ["unshare", "--user", "--map-root-user", "--mount", "--", *shown, *as_user, *words]


def _mounts(opt_ml: Path, skeleton: Path) -> list[str]:
    """Lines of an fstab(5). Where the machine has no /opt/ml, and only root could make one, /opt
    is covered by a copy of it that has: the same entries, each bound to the original."""
    if _OPT_ML.is_dir():
        return [_bind(opt_ml, _OPT_ML)]
    lines = []
    for entry in os.scandir(_OPT):
        place = skeleton / entry.name
        if entry.is_symlink():
            skeleton.mkdir(exist_ok=True)
            with suppress(FileExistsError):
                place.symlink_to(Path(entry.path).readlink())
            continue
        if entry.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            skeleton.mkdir(exist_ok=True)
            place.touch()
        lines.append(_bind(Path(entry.path), place))
    (skeleton / "ml").mkdir(parents=True, exist_ok=True)
    return [*lines, _bind(opt_ml, skeleton / "ml"), _bind(skeleton, _OPT)]


def _bind(source: Path, target: Path) -> str:
    return f"{_quoted(source)} {_quoted(target)} none rbind 0 0\n"


def _quoted(path: Path) -> str:
    text = str(path)
    for character in "\\ \t\n":
        text = text.replace(character, f"\\{ord(character):03o}")
    return text
