"""The same sources make the same bytes: in every process, and without asking anybody."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet_cdk.functions.function_code import function_code
from tests.infra.assembly import Assembly, context
from tests.projects import ROOT

SYNTH = """
import json, sys
import aws_cdk as cdk
from tests.infra.loops import add_loops
from ratchet.project import environments, load
import socket
def refused(*arguments): raise AssertionError("synth asks the network")
socket.socket.connect = refused
app = cdk.App(outdir=sys.argv[1], context=json.loads(sys.argv[2]), analytics_reporting=False)
add_loops(app, [load(environment) for environment in environments()])
app.synth()
print(sorted(name for name in sys.modules if name in ("boto3", "getpass", "git")))
"""


def synthesize(folder: Path, *, seed: str, variables: dict[str, str]) -> None:
    """A fresh process."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}",
        "PYTHONHASHSEED": seed,
        "CDK_VALIDATION": "false",
        **variables,
    }
    ran = subprocess.run(
        [sys.executable, "-c", SYNTH, str(folder), json.dumps(context())],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip().endswith("[]"), ran.stdout


def digests(folder: Path) -> dict[str, str]:
    """File → digest of its content."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_two_processes_write_the_same_bytes(assembly: Assembly, tmp_path: Path) -> None:
    """This one, or another worker, and one with other settings, seed and home."""
    unpacked = Path.home() / ".cache/aws/jsii/package-cache"  # the CDK, which takes seconds
    variables = {"HOME": str(tmp_path), "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(unpacked)}
    synthesize(
        tmp_path / "out",
        seed="2",
        variables={**variables, "USER": "somebody", "TZ": "Asia/Tokyo", "AWS_REGION": "eu-west-1"},
    )
    first = digests(assembly.folder)
    assert first == digests(tmp_path / "out")
    assert any(name.endswith(".template.json") for name in first)


@pytest.mark.parametrize(
    "name", sorted(handler.parent.name for handler in ROOT.glob("lambdas/*/handler.py"))
)
def test_the_archive_of_a_function_has_the_same_bytes_again(tmp_path: Path, name: str) -> None:
    archives = []
    for number in range(2):
        file = tmp_path / f"{number}.zip"
        function_code(ROOT / "lambdas", name).write_zip(file)
        archives.append(file.read_bytes())
    assert archives[0] == archives[1]
