"""Scripts as they are: they name /opt/ml themselves, and find there what their container has."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.runner import namespace
from tests.runner.workbench import Workbench, definition, output_uri, processing, python, training

PREPARE = """
    from pathlib import Path
    rows = Path("/opt/ml/processing/input/raw/rows.csv").read_text().split()
    out = Path("/opt/ml/processing/train")
    (out / "rows.txt").write_text("\\n".join(reversed(rows)))
"""
TRAIN = """
    import json
    from pathlib import Path
    import helper
    rows = Path("/opt/ml/input/data/train/rows.txt").read_text().split()
    depth = json.loads(Path("/opt/ml/input/config/hyperparameters.json").read_text())["max_depth"]
    Path("/opt/ml/model/model.txt").write_text(f"{rows[0]} {depth} {helper.VALUE}")
    print(Path.cwd(), Path(__file__).resolve())
"""

pytestmark = pytest.mark.usefixtures("showing")


def test_scripts_that_hard_code_opt_ml_run_through_a_pipeline(workbench: Workbench) -> None:
    workbench.put("s3://data/raw/rows.csv", "a b c")
    code = workbench.put_bundle("s3://code/1.tar.gz", train=TRAIN, helper="VALUE = 'helped'")
    prepare = processing("prepare", python(PREPARE), inputs={"raw": "s3://data/raw/"})
    uri = "s3://artifacts/prepared"
    target = {"LocalPath": "/opt/ml/processing/train", "S3Uri": uri, "S3UploadMode": "EndOfJob"}
    outputs = [{"OutputName": "train", "S3Output": target}]
    prepare["Arguments"]["ProcessingOutputConfig"] = {"Outputs": outputs}
    train = training(
        "train",
        code=code,
        channels={"train": output_uri("prepare", "train")},
        hyperparameters={"max_depth": "5"},
    )
    result = workbench.run(definition(prepare, train))
    assert result.status == "Succeeded", result.failure_reason
    model = result.step("train").properties["ModelArtifacts"]["S3ModelArtifacts"]
    assert workbench.files_in_archive(model) == {"model.txt": "c 5 helped"}
    assert workbench.observer.output("train") == ["/opt/ml/code /opt/ml/code/train.py"]


def test_two_steps_at_once_see_different_folders(workbench: Workbench) -> None:
    script = """
        import sys, time
        from pathlib import Path
        mine = Path("/opt/ml/processing/mine.txt")
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text(sys.argv[1])
        time.sleep(0.5)
        print(mine.read_text())
    """
    steps = [processing(name, python(script), arguments=[name]) for name in ("a", "b")]
    workbench.run(definition(*steps))
    assert [workbench.observer.output(name) for name in ("a", "b")] == [["a"], ["b"]]


def test_what_else_is_in_opt_stays_and_the_machine_gets_no_opt_ml(workbench: Workbench) -> None:
    before = sorted(path.name for path in Path("/opt").iterdir())
    step = processing("show", python("import os; print(*sorted(os.listdir('/opt')))"))
    workbench.run(definition(step))
    (listed,) = workbench.observer.output("show")
    assert listed.split() == sorted({*before, "ml"})
    assert sorted(path.name for path in Path("/opt").iterdir()) == before


def test_a_failure_file_at_its_own_path_is_the_reason(workbench: Workbench) -> None:
    script = "open('/opt/ml/output/failure', 'w').write('no rows left'); raise SystemExit(3)"
    record = workbench.run(definition(processing("a", python(script)))).step("a")
    assert record.failure_reason == "AlgorithmError: no rows left, exit code: 3"


@pytest.mark.skipif(os.geteuid() != 0, reason="the others of this file run as an ordinary user")
def test_an_ordinary_user_sees_his_folder_too(tmp_path: Path) -> None:
    """By the module alone: the user may not read this checkout."""
    script = tmp_path / "probe.py"
    script.write_text(Path(namespace.__file__).read_text() + "\nprint(why_not())\n")
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    system = next(
        (p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(p).exists()), ""
    )
    if not system or not Path("/usr/bin/setpriv").exists():
        pytest.skip("no Python for everyone, or no setpriv, on this machine")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": "/tmp"}
    done = subprocess.run(
        [*as_nobody, system, str(script)], capture_output=True, text=True, env=environment
    )
    if "forbids it" in done.stdout:
        pytest.skip(done.stdout)
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_a_machine_can_be_told_to_rewrite_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(namespace.VARIABLE, "rewrite")
    assert namespace.why_not.__wrapped__() == "RATCHET_OPT_ML=rewrite says so"


def test_odd_folder_names_are_quoted_for_the_mounts(workbench: Workbench, tmp_path: Path) -> None:
    odd = Workbench(tmp_path / "a b\tc\\d")
    step = processing("s", python("open('/opt/ml/output/message', 'w').write('seen')"))
    assert odd.run(definition(step)).step("s").properties["ExitMessage"] == "seen"


def test_what_a_script_installs_by_itself_is_gone_with_the_step(
    workbench: Workbench, seen: Callable[[str], str]
) -> None:
    script = """
        import os, pathlib, sys
        site = pathlib.Path(os.environ["PIP_TARGET"])
        site.mkdir(parents=True, exist_ok=True)
        (site / "own_package.py").write_text("VALUE = 'mine'")
        os.execv(sys.executable, ["python", "-c", "import own_package; print(own_package.VALUE)"])
    """
    workbench.run(definition(processing("a", python(script))))
    assert workbench.observer.output("a") == ["mine"]
    check = subprocess.run([sys.executable, "-c", "import own_package"], capture_output=True)
    assert check.returncode == 1


def test_the_resource_configuration_is_read_by_its_own_path(workbench: Workbench) -> None:
    read = "print(open('/opt/ml/config/resourceconfig.json').read())"
    workbench.run(definition(processing("a", python(read))))
    (line,) = workbench.observer.output("a")
    assert json.loads(line)["hosts"] == ["algo-1"]
