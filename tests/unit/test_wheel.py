"""What the wheel installs: two packages with all they read, which work like this checkout."""

from __future__ import annotations

import ast
import email
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tests.distributions as dist
from ratchet.machinery import DISTRIBUTED, PACKAGES
from ratchet.template.files import CurrentTemplate
from ratchet.version import DISTRIBUTION
from tests.distributions import Installed

pytestmark = pytest.mark.jobs

PARTS = {
    "ratchet": "ratchet",
    "constructs/ratchet_cdk": "ratchet_cdk",
    "lambdas": "ratchet_cdk/lambdas",
}
"""Folder of the checkout → its place in the wheel."""
ELSEWHERE = {
    "cbor2": "MiniStack's, where it is installed",
    "joblib": "a notebook's, where its kernel has it",
    "scipy": "a notebook's, where its kernel has it",
    "traitlets": "nbclient's, which is configured with it",
}
"""Imported, and no dependency."""
EXTRAS = {"nbclient": "notebooks", "nbformat": "notebooks", "jupyter_client": "notebooks"}
"""Imported, and a dependency of this extra alone."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return dist.wheel(tmp_path_factory)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return dist.installed(tmp_path_factory)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dist.copy_project(tmp_path_factory.mktemp("team") / "project")


def contents(archive: zipfile.ZipFile) -> dict[str, bytes]:
    return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_installs_two_packages_and_no_other_name(wheel: zipfile.ZipFile) -> None:
    top = {name.partition("/")[0] for name in wheel.namelist()}
    version = metadata.version(DISTRIBUTION)
    assert top == {*DISTRIBUTED, f"{DISTRIBUTION.replace('-', '_')}-{version}.dist-info"}


def test_an_editable_install_offers_two_packages_and_no_other_name(tmp_path: Path) -> None:
    """Otherwise one clone's `stacks` and `tests` would be importable in every other project."""
    program = (
        "import importlib.util as u, json, sys; "
        "names = sys.argv[1:]; print(json.dumps([n for n in names if u.find_spec(n)]))"
    )
    own = (p.stem for p in PACKAGES.iterdir() if p.suffix in ("", ".py") and p.name[0] not in "._")
    names = sorted({*DISTRIBUTED, *(name for name in own if name.isidentifier())} - {"__pycache__"})
    assert {"stacks", "tests", "pipeline_defs", "lambdas", "demo"} <= set(names)
    ran = subprocess.run(
        [sys.executable, "-c", program, *names], cwd=tmp_path, capture_output=True, text=True
    )
    assert set(json.loads(ran.stdout)) - {"constructs"} == DISTRIBUTED, ran.stderr


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", *PARTS], cwd=PACKAGES, capture_output=True, text=True, check=True
    ).stdout
    expected = {
        name.replace(folder, place, 1): (PACKAGES / name).read_bytes()
        for name in filter(None, tracked.split("\0"))
        for folder, place in PARTS.items()
        if name.startswith(f"{folder}/") and (PACKAGES / name).is_file()
    }
    assert len(expected) > 400
    files = contents(wheel)
    assert {name for name, content in expected.items() if files.get(name) != content} == set()


def test_the_pinned_cdk_cli_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    for name in ("package.json", "package-lock.json"):
        assert wheel.read(f"ratchet/npm/{name}") == (PACKAGES / name).read_bytes()


def test_the_template_of_the_wheel_is_the_template_of_the_checkout(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path)
    there, here = CurrentTemplate(tmp_path / "ratchet" / "template"), CurrentTemplate()
    assert list(there.paths()) == list(here.paths())
    assert [path for path in here.paths() if there.read(path) != here.read(path)] == []


def test_no_compiled_file_and_no_test_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert [n for n in wheel.namelist() if "__pycache__" in n or n.endswith(".pyc")] == []
    assert [n for n in wheel.namelist() if n.startswith("ratchet/") and "/test_" in n] == [
        n for n in wheel.namelist() if n.startswith("ratchet/template/") and "/test_" in n
    ]


def test_the_license_and_what_it_asks_for_go_along(
    wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (archive,) = dist.distributions(tmp_path_factory).glob("*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"LICENSE", "NOTICE", "CHANGELOG.md", "README.md", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "node_modules/"))]
    for name in ("LICENSE", "NOTICE"):
        (path,) = [n for n in wheel.namelist() if n.endswith(f".dist-info/licenses/{name}")]
        assert wheel.read(path) == (PACKAGES / name).read_bytes()


def test_the_wheel_of_the_source_distribution_is_the_same(
    wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    assert contents(dist.rebuilt(tmp_path_factory, tmp_path)) == contents(wheel)


def requirements(wheel: zipfile.ZipFile) -> list[Requirement]:
    (name,) = [n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")]
    lines = email.message_from_bytes(wheel.read(name)).get_all("Requires-Dist") or []
    return [Requirement(line) for line in lines]


def imported_names(*, at_import: bool = False) -> Iterator[str]:
    """What the packages and the command import, by its top-level name.

    Args:
        at_import: only what they import as soon as they are imported themselves, and not when one
            of their functions runs.
    """
    for folder in ("ratchet", "constructs/ratchet_cdk"):
        for file in (PACKAGES / folder).rglob("*.py"):
            if "template" not in file.relative_to(PACKAGES).parts:
                yield from _imports_of(ast.parse(file.read_bytes()), at_import=at_import)


def _imports_of(node: ast.AST, *, at_import: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if at_import and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
            yield child.module.partition(".")[0]
        else:
            yield from _imports_of(child, at_import=at_import)


def test_one_install_brings_all_that_is_imported(wheel: zipfile.ZipFile) -> None:
    needs = [need for need in requirements(wheel) if "extra" not in str(need.marker)]
    required = {canonicalize_name(need.name) for need in needs}
    providers = metadata.packages_distributions()
    missing = {
        name
        for name in imported_names()
        if name not in sys.stdlib_module_names
        and name not in {*DISTRIBUTED, *ELSEWHERE, *EXTRAS}
        and not required & {canonicalize_name(each) for each in providers.get(name, ())}
    }
    assert missing == set()


def test_an_extra_brings_what_only_its_commands_import(wheel: zipfile.ZipFile) -> None:
    of_extras = {
        (canonicalize_name(need.name), extra)
        for need in requirements(wheel)
        for extra in set(EXTRAS.values())
        if need.marker and need.marker.evaluate({"extra": extra}) != need.marker.evaluate()
    }
    assert {(canonicalize_name(name), extra) for name, extra in EXTRAS.items()} <= of_extras


def test_what_may_be_missing_is_imported_by_what_uses_it_and_no_sooner() -> None:
    may_be_missing = {*ELSEWHERE, *EXTRAS}
    assert may_be_missing - set(imported_names()) == set(), "they need no row now"
    assert may_be_missing & set(imported_names(at_import=True)) == set()


PATHS = """
import importlib, json, pathlib, pkgutil, sys
import ratchet, ratchet_cdk

SKIPPED = ("__main__", "sitecustomize")
there = {}
for package in (ratchet, ratchet_cdk):
    roots = [str(pathlib.Path(p)) for p in package.__path__]
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if info.name.rpartition(".")[2] in SKIPPED or ".lambdas" in info.name:
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, pathlib.Path) and value.is_absolute():
                there[f"{info.name}.{name}"] = value.exists()
print(json.dumps(there))
"""
"""Imports every module and says which of their paths exist."""


def test_every_path_that_the_code_reads_by_its_own_place_is_there(
    installed: Installed, tmp_path: Path
) -> None:
    (tmp_path / "paths.py").write_text(PATHS)
    here = subprocess.run(
        [sys.executable, "paths.py"], cwd=tmp_path, capture_output=True, text=True
    )
    there = installed.run("python", "paths.py", cwd=tmp_path)
    assert here.returncode == 0, here.stderr
    assert there.returncode == 0, there.stderr
    before, after = json.loads(here.stdout), json.loads(there.stdout)
    assert before["ratchet.runner.step_types.quality_check._ANALYZER"]
    either = {  # one is where a wheel has it, the other where a checkout has it
        "ratchet.cdk_cli._PACKED",
        "ratchet_cdk.functions.function_code._PACKED",
        "ratchet_cdk.functions.function_code._CHECKOUT",
    }
    assert {name for name in before if before[name] and not after[name]} <= either
    assert all(after[name] for name in either if name.endswith("_PACKED"))


DIGESTS = """
import json
from ratchet.pipelines.placeholders import compiled
from ratchet.project import current
from ratchet_cdk.functions.function_code import function_code, functions_folder

project = current()
settings = project.settings("dev")
bundles = {
    pipeline.kind: [[each.name, each.digest, sorted(each.files)] for each in pipeline.bundles]
    for pipeline in compiled(settings, root=project.root)
}
folder = functions_folder(project.root, "start_pipeline")
functions = {}
for handler in sorted(folder.glob("*/handler.py")):
    code = function_code(folder, handler.parent.name)
    functions[handler.parent.name] = [code.digest, sorted(code.files)]
print(json.dumps({"bundles": bundles, "functions": functions}))
"""


def test_bundles_and_functions_of_the_wheel_are_those_of_the_source(
    installed: Installed, project: Path
) -> None:
    """In site-packages, pandas lies beside Ratchet, and is no part of what it bundles."""
    (project / "digests.py").write_text(DIGESTS)
    here = subprocess.run(
        [sys.executable, "digests.py"], cwd=project, capture_output=True, text=True
    )
    there = installed.run("python", "digests.py", cwd=project)
    assert here.returncode == 0, here.stderr
    assert there.returncode == 0, there.stderr
    made: dict[str, Any] = json.loads(there.stdout)
    assert made == json.loads(here.stdout)
    assert set(made["bundles"]) == {"training", "evaluation", "monitoring"}
    assert len(made["functions"]) == 8


def test_the_command_says_its_version_and_what_it_does_outside_of_a_project(
    installed: Installed, tmp_path: Path
) -> None:
    said = installed.run("ratchet", "--version", cwd=tmp_path)
    assert said.stdout.strip() == f"ratchet {metadata.version(DISTRIBUTION)}"
    said = installed.run("ratchet", "--help", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "deploy" in said.stdout


def test_a_command_outside_of_a_project_ends_with_one_line_that_says_the_way(
    installed: Installed, tmp_path: Path
) -> None:
    said = installed.run("ratchet", "status", cwd=tmp_path)
    assert said.returncode == 1
    assert said.stdout == ""
    assert said.stderr.count("\n") == 1
    assert "is in no project" in said.stderr
    assert "ratchet init NAME" in said.stderr


def test_a_project_of_files_alone_is_synthesized(installed: Installed, project: Path) -> None:
    said = installed.run(
        "cdk", "synth", "--quiet", "-c", "environment=dev", cwd=project, CDK_VALIDATION="false"
    )
    assert said.returncode == 0, said.stderr
    templates = sorted(f.name for f in (project / "cdk.out").glob("*/*/*.template.json"))
    assert len(templates) == 6, templates


def test_the_cdk_without_the_environment_says_what_to_do(
    installed: Installed, project: Path
) -> None:
    """As `npx cdk` with another Python first on PATH."""
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "python").symlink_to(sys.base_prefix + "/bin/python3")
    node = installed.bin.parent.joinpath("bin")
    program = "from ratchet import cdk_cli; print(*cdk_cli.command())"
    command = installed.run("python", "-c", program, cwd=project).stdout.split()
    said = subprocess.run(
        [*command, "synth", "--quiet"],
        cwd=project,
        env={"PATH": f"{elsewhere}:/usr/bin:/bin", "HOME": str(node)},
        capture_output=True,
        text=True,
    )
    assert said.returncode == 1
    assert "No module named" in said.stderr
    assert "source .venv/bin/activate" in said.stderr
