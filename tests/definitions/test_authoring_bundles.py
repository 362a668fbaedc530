"""A step's bundle holds its script and what that imports, under a name that tells its content."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.authoring import Bundle, BundleError, bundle_script

WriteSource = Callable[[Mapping[str, str]], Path]
Bundled = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture
def bundled(write_source: WriteSource) -> Bundled:
    """The paths in the bundle of steps/script.py, given the files beside it."""

    def paths(files: Mapping[str, str]) -> list[str]:
        root = write_source({f"steps/{name}": content for name, content in files.items()})
        return list(bundle_script(Path("steps/script.py"), root=root).files)

    return paths


def test_a_bundle_holds_the_script_and_nothing_it_does_not_import(bundled: Bundled) -> None:
    files = {"script.py": "import json, pandas, near", "near.py": "", "other.py": ""}

    assert bundled(files) == ["near.py", "script.py"]


def test_what_an_import_imports_comes_along(bundled: Bundled) -> None:
    files = {"script.py": "import a", "a.py": "import b", "b.py": "import a, c", "c.py": ""}

    assert bundled(files) == ["a.py", "b.py", "c.py", "script.py"]


@pytest.mark.parametrize(
    "statement",
    [
        "import pack.deep.module",
        "import pack.deep.module as m",
        "from pack.deep import module",
        "from pack.deep.module import name",
        "from pack.deep import *",
        "def later():\n    from pack.deep import module",
        "try:\n    import pack.deep.module\nexcept ImportError:\n    pass",
        "from .pack.deep import module",
    ],
)
def test_every_way_to_import_a_module_of_a_package_is_seen(
    bundled: Bundled, statement: str
) -> None:
    files = {
        "script.py": statement,
        "pack/__init__.py": "",
        "pack/deep/__init__.py": "__all__ = ['module']",
        "pack/deep/module.py": "name = 1",
        "pack/unused.py": "",
    }

    assert bundled(files) == [
        "pack/__init__.py",
        "pack/deep/__init__.py",
        "pack/deep/module.py",
        "script.py",
    ]


def test_code_that_a_script_loads_by_name_is_not_its_own(bundled: Bundled) -> None:
    # The champion is scored through the inference code packed with it, never through ours.
    files = {"script.py": "import importlib\nimportlib.import_module('near')", "near.py": ""}

    assert bundled(files) == ["script.py"]


OUTSIDE = {
    "shared.py": "VALUE = 1",
    "common/__init__.py": "",
    "common/deep/part.py": "VALUE = 1",
    "constructs/library/__init__.py": "",
    "src/product/core.py": "",
}


@pytest.mark.parametrize(
    ("statement", "line", "module", "file"),
    [
        ("import shared", 1, "shared", "shared.py"),
        ("import json\nimport shared as s", 2, "shared", "shared.py"),
        ("from shared import VALUE", 1, "shared", "shared.py"),
        ("import common", 1, "common", "common/__init__.py"),
        ("import common.deep.part", 1, "common.deep.part", "common/deep/part.py"),
        ("from common.deep import part", 1, "common.deep.part", "common/deep/part.py"),
        ("from common.deep.part import VALUE", 1, "common.deep.part", "common/deep/part.py"),
        ("import library", 1, "library", "constructs/library/__init__.py"),
        ("import product.core", 1, "product.core", "src/product/core.py"),
        ("def later():\n    import shared", 2, "shared", "shared.py"),
        ("class C:\n    def f(self):\n        import shared", 3, "shared", "shared.py"),
        ("try:\n    import shared\nexcept KeyError:\n    pass", 2, "shared", "shared.py"),
        ("try:\n    x = 1\nexcept ImportError:\n    import shared", 4, "shared", "shared.py"),
        ("try:\n    x = 1\nfinally:\n    import shared", 4, "shared", "shared.py"),
        ("if True:\n    x = 1\nelse:\n    import shared", 4, "shared", "shared.py"),
        ("with open('x'):\n    import shared", 2, "shared", "shared.py"),
        ("import importlib\nimportlib.import_module('shared')", 2, "shared", "shared.py"),
        (
            "from importlib import import_module\nm = import_module('common.deep.part')",
            2,
            "common.deep.part",
            "common/deep/part.py",
        ),
        ("m = __import__('shared')", 1, "shared", "shared.py"),
    ],
)
def test_an_import_of_a_project_file_that_the_bundle_leaves_out_is_refused(
    write_source: WriteSource, statement: str, line: int, module: str, file: str
) -> None:
    root = write_source({"steps/script.py": statement, **OUTSIDE})

    with pytest.raises(BundleError) as refused:
        bundle_script(Path("steps/script.py"), root=root)

    assert str(refused.value).startswith(
        f"steps/script.py, line {line}, imports {module}, which is {file}: the bundle of script.py "
        "holds what is below steps"
    )
    assert "Move the module below steps" in str(refused.value)


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import ratchet", "ratchet"),
        ("from ratchet.judging import metrics", "ratchet"),
        ("import ratchet_cdk.functions", "ratchet_cdk"),
        ("import importlib\nimportlib.import_module('ratchet.loop')", "ratchet"),
    ],
)
def test_an_import_of_ratchet_is_refused_wherever_ratchet_is_installed(
    write_source: WriteSource, statement: str, module: str
) -> None:
    root = write_source({"steps/script.py": "import near", "steps/near.py": statement})
    line = len(statement.splitlines())
    with pytest.raises(BundleError) as refused:
        bundle_script(Path("steps/script.py"), root=root)
    assert str(refused.value).startswith(
        f"steps/near.py, line {line}, imports {module}, which is installed on this machine and in "
        "no container"
    )
    assert "Write what the step needs below steps" in str(refused.value)


def test_a_step_that_can_do_without_ratchet_is_bundled(write_source: WriteSource) -> None:
    statement = "try:\n    import ratchet\nexcept ImportError:\n    ratchet = None"
    root = write_source({"steps/script.py": statement})
    assert list(bundle_script(Path("steps/script.py"), root=root).files) == ["script.py"]


def test_what_a_bundled_module_imports_is_held_against_the_bundle_too(
    write_source: WriteSource,
) -> None:
    files = {"steps/script.py": "import near", "steps/near.py": "\nimport shared", **OUTSIDE}

    with pytest.raises(BundleError, match=r"steps/near\.py, line 2, imports shared"):
        bundle_script(Path("steps/script.py"), root=write_source(files))


@pytest.mark.parametrize(
    "statement",
    [
        "try:\n    import shared\nexcept ImportError:\n    shared = None",
        "try:\n    from shared import VALUE\nexcept (KeyError, ModuleNotFoundError):\n    pass",
        "try:\n    import shared\nexcept:\n    pass",
        "try:\n    if True:\n        import shared\nexcept Exception:\n    pass",
        "from contextlib import suppress\nwith suppress(ImportError):\n    import shared",
        "import typing\nif typing.TYPE_CHECKING:\n    import shared",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from common.deep import part",
        "import importlib\nname = 'shared'\nimportlib.import_module(name)",
        "import json, pandas, constructs",
        "from . import shared",
    ],
)
def test_an_import_that_may_be_absent_or_is_no_project_file_is_left_alone(
    write_source: WriteSource, statement: str
) -> None:
    root = write_source({"steps/script.py": statement, "json.py": "", **OUTSIDE})

    assert list(bundle_script(Path("steps/script.py"), root=root).files) == ["script.py"]


@pytest.mark.parametrize("form", ["import shared", "from . import shared", "import shared.x"])
def test_a_module_beside_the_script_goes_before_one_of_its_name_in_the_project(
    write_source: WriteSource, form: str
) -> None:
    near = "steps/shared/x.py" if form.endswith(".x") else "steps/shared.py"
    root = write_source({"steps/script.py": form, near: "", **OUTSIDE})

    bundle = bundle_script(Path("steps/script.py"), root=root)

    assert list(bundle.files) == ["script.py", near.removeprefix("steps/")]


def test_a_packages_own_file_is_read_for_its_imports(bundled: Bundled) -> None:
    files = {
        "script.py": "import pack",
        "pack/__init__.py": "from . import near\nfrom .further import name",
        "pack/near.py": "from .. import above",
        "pack/further.py": "import beside",
        "above.py": "",
        "beside.py": "",
    }

    assert bundled(files) == [
        "above.py",
        "beside.py",
        "pack/__init__.py",
        "pack/further.py",
        "pack/near.py",
        "script.py",
    ]


def test_a_folder_without_an_init_is_a_package_too(bundled: Bundled) -> None:
    files = {"script.py": "from plain import module", "plain/module.py": "", "plain/other.py": ""}

    assert bundled(files) == ["plain/module.py", "script.py"]


def test_a_package_goes_before_a_module_of_its_name_as_in_python(bundled: Bundled) -> None:
    files = {"script.py": "import twice", "twice.py": "", "twice/__init__.py": ""}

    assert bundled(files) == ["script.py", "twice/__init__.py"]


def test_every_bundled_script_runs_where_it_is_unpacked(
    write_source: WriteSource, tmp_path: Path
) -> None:
    root = write_source(
        {
            "steps/script.py": "import pack.module\nfrom near import VALUE\nprint(VALUE)",
            "steps/near.py": "from pack import module\nVALUE = module.value()",
            "steps/pack/__init__.py": "from . import module",
            "steps/pack/module.py": "def value():\n    return 42",
        }
    )
    bundle = bundle_script(Path("steps/script.py"), root=root)
    bundle.write_tar_gz(tmp_path / "bundle.tar.gz")
    with tarfile.open(tmp_path / "bundle.tar.gz") as tar:
        tar.extractall(tmp_path / "there", filter="data")

    done = subprocess.run(
        [sys.executable, bundle.entry],
        cwd=tmp_path / "there",
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "42\n"


def test_an_edit_changes_the_bundles_of_just_the_steps_that_see_it(
    write_source: WriteSource,
) -> None:
    files = {
        "steps/prepare.py": "import shared",
        "steps/train.py": "import shared",
        "steps/evaluate.py": "import shared, scoring",
        "steps/shared.py": "",
        "steps/scoring.py": "METRIC = 'auc'",
    }

    def digests(source: Mapping[str, str]) -> dict[str, str]:
        root = write_source(source)
        return {
            step: bundle_script(Path(f"steps/{step}.py"), root=root).digest
            for step in ("prepare", "train", "evaluate")
        }

    before = digests(files)
    scoring = digests({**files, "steps/scoring.py": "METRIC = 'log_loss'"})
    shared = digests({**files, "steps/shared.py": "X = 1"})

    assert {step for step in before if scoring[step] != before[step]} == {"evaluate"}
    assert {step for step in before if shared[step] != before[step]} == set(before)


def test_files_that_are_opened_rather_than_imported_can_be_included(
    write_source: WriteSource,
) -> None:
    root = write_source(
        {
            "steps/script.py": "",
            "steps/schema.json": "{}",
            "steps/tool.py": "import near",
            "steps/near.py": "",
        }
    )

    bundle = bundle_script(
        Path("steps/script.py"),
        root=root,
        include=[Path("steps/schema.json"), Path("steps/tool.py")],
    )

    assert list(bundle.files) == ["near.py", "schema.json", "script.py", "tool.py"]


@pytest.mark.parametrize(
    ("script", "include", "expected"),
    [
        ("steps/missing.py", [], "steps/missing.py is not a file in"),
        ("../outside.py", [], "is outside of"),
        ("steps/broken.py", [], r"broken.py, line 2 is not valid Python"),
        ("steps/script.py", ["other/file.txt"], "other/file.txt is not in steps, the folder of"),
        ("steps/script.py", ["steps/gone.txt"], "steps/gone.txt is not a file in"),
    ],
)
def test_code_that_cannot_be_bundled_is_named(
    write_source: WriteSource, script: str, include: list[str], expected: str
) -> None:
    root = write_source(
        {"steps/script.py": "", "steps/broken.py": "x = 1\ny = = 2", "other/file.txt": ""}
    )

    with pytest.raises(BundleError, match=expected):
        bundle_script(Path(script), root=root, include=[Path(path) for path in include])


def test_a_broken_import_of_a_script_is_named_too(write_source: WriteSource) -> None:
    root = write_source({"steps/script.py": "import near", "steps/near.py": "def ("})

    with pytest.raises(BundleError, match=r"near.py, line 1 is not valid Python"):
        bundle_script(Path("steps/script.py"), root=root)


def archive_of(bundle: Bundle, folder: Path) -> bytes:
    bundle.write_tar_gz(folder / "bundle.tar.gz")
    return (folder / "bundle.tar.gz").read_bytes()


def test_the_archive_has_the_same_bytes_whenever_it_is_written(
    write_source: WriteSource, tmp_path: Path
) -> None:
    root = write_source({"steps/script.py": "import near", "steps/near.py": "X = 1"})
    first = archive_of(bundle_script(Path("steps/script.py"), root=root), tmp_path)
    for file in root.rglob("*.py"):
        os.utime(file, (time.time() - 86_400,) * 2)
        file.chmod(0o700)

    second = archive_of(bundle_script(Path("steps/script.py"), root=root), tmp_path)

    assert first == second


def test_the_archive_tells_nothing_of_who_made_it_or_when(tmp_path: Path) -> None:
    bundle = Bundle(name="b", entry="b.py", files={"z.py": b"1", "a/b.py": b"2"})

    content = archive_of(bundle, tmp_path)

    assert content[4:8] == b"\0\0\0\0", "the time in gzip's header"
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["a/b.py", "z.py"]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {
        (0, 0, 0, "", "", 0o644)
    }


def test_the_digest_is_of_names_and_contents_not_of_compressed_bytes() -> None:
    bundle = Bundle(name="b", entry="b.py", files={"b.py": b"x = 1\n"})
    expected = hashlib.sha256(
        (4).to_bytes(8, "big") + b"b.py" + (6).to_bytes(8, "big") + b"x = 1\n"
    )

    assert bundle.digest == expected.hexdigest()


@given(st.dictionaries(st.text(min_size=1), st.binary(), min_size=1), st.randoms())
def test_the_order_of_the_files_does_not_matter(files: dict[str, bytes], random: object) -> None:
    items = list(files.items())
    random.shuffle(items)  # type: ignore[attr-defined]

    def bundle(of: dict[str, bytes]) -> Bundle:
        return Bundle(name="b", entry="b.py", files=of)

    assert bundle(dict(items)).digest == bundle(files).digest


@given(
    st.dictionaries(st.text("ab/", min_size=1), st.binary(max_size=3), max_size=3),
    st.dictionaries(st.text("ab/", min_size=1), st.binary(max_size=3), max_size=3),
)
def test_different_files_have_different_digests(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    digests = [Bundle(name="b", entry="b", files=files).digest for files in (one, other)]

    assert (digests[0] == digests[1]) == (one == other)


def test_an_archive_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle(name="b", entry="b.py", files={"b.py": b"x"})
    monkeypatch.setattr(gzip, "GzipFile", _broken)

    with pytest.raises(OSError, match="no space left"):
        bundle.write_tar_gz(tmp_path / "folder" / "bundle.tar.gz")

    assert list((tmp_path / "folder").iterdir()) == []


def _broken(*args: object, **named: object) -> None:
    raise OSError("no space left")


def test_a_script_of_a_package_brings_it_from_the_folder_that_it_imports_from(
    write_source: WriteSource,
) -> None:
    root = write_source(
        {
            "tools/__init__.py": "",
            "tools/look/__init__.py": "",
            "tools/look/run.py": "from tools.look import near",
            "tools/look/near.py": "",
            "tools/look/far.py": "",
        }
    )

    bundle = bundle_script(Path("tools/look/run.py"), root=root, imports_from=Path())

    assert bundle.entry == "tools/look/run.py"
    assert list(bundle.files) == [
        "tools/__init__.py",
        "tools/look/__init__.py",
        "tools/look/near.py",
        "tools/look/run.py",
    ]


def test_a_script_lies_below_the_folder_that_it_imports_from(write_source: WriteSource) -> None:
    root = write_source({"steps/script.py": "", "tools/near.py": ""})

    with pytest.raises(BundleError, match="not below tools"):
        bundle_script(Path("steps/script.py"), root=root, imports_from=Path("tools"))
