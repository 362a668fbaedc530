"""Checkpoints and requirements of training scripts."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ratchet.runner import Result, StopSignal
from tests.runner.workbench import Workbench, definition, training

pytestmark = pytest.mark.jobs

COUNT = """
    import sys, time
    from pathlib import Path
    state = Path("/opt/ml/checkpoints/state.txt")
    step = int(state.read_text()) if state.exists() else 0
    state.write_text(str(step + 1))
    print(f"from {step}", flush=True)
    if "--wait" in sys.argv:
        time.sleep(60)
"""


def train(workbench: Workbench, code: str, **arguments: Any) -> Result:
    step = training("train", code=code, hyperparameters=arguments.pop("hyperparameters", {}))
    step["Arguments"].update(arguments)
    return workbench.run(definition(step), stop=arguments.pop("stop", None))


@pytest.mark.usefixtures("showing")
def test_a_second_job_goes_on_from_the_checkpoint_of_the_first(workbench: Workbench) -> None:
    code = workbench.put_bundle("s3://code/1.tar.gz", train=COUNT)
    for before in range(2):
        config = {"S3Uri": "s3://artifacts/checkpoints"}
        result = train(workbench, code, CheckpointConfig=config, EnableManagedSpotTraining=True)
        assert result.status == "Succeeded", result.failure_reason
        assert workbench.observer.output("train") == [f"from {before}"]
    assert workbench.text("s3://artifacts/checkpoints/state.txt") == "2"


@pytest.mark.usefixtures("showing")
def test_a_job_that_is_stopped_leaves_its_checkpoint(workbench: Workbench) -> None:
    code = workbench.put_bundle("s3://code/1.tar.gz", train=COUNT)
    stop = StopSignal(grace_seconds=1)
    step = training("train", code=code, hyperparameters={"wait": ""})
    step["Arguments"]["CheckpointConfig"] = {"S3Uri": "s3://artifacts/checkpoints/"}

    class Stopping:
        def step_changed(self, record: object) -> None: ...

        def step_line(self, step_name: str, stream: str, line: str) -> None:
            stop.request()

    result = workbench.run(definition(step), stop=stop, observer=Stopping())
    assert result.status == "Stopped"
    assert workbench.text("s3://artifacts/checkpoints/state.txt") == "1"


def wheel(name: str, version: str, code: str) -> bytes:
    """A wheel of one module, as pip takes it."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def bundle(workbench: Workbench, uri: str, files: dict[str, bytes]) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return workbench.put(uri, buffer.getvalue())


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return tmp_path / "caches" / "ratchet" / "requirements"


USES = b"import small_thing, numpy; print(small_thing.VALUE, numpy.__name__)"


def test_requirements_are_installed_once_beside_what_is_there(
    workbench: Workbench, caches: Path
) -> None:
    files = {
        "train.py": USES,
        "requirements.txt": b"--no-index\n--find-links=wheels\nsmall_thing==1.0\nnumpy\n",
        "wheels/small_thing-1.0-py3-none-any.whl": wheel("small_thing", "1.0", "VALUE = 'one'"),
    }
    code = bundle(workbench, "s3://code/1.tar.gz", files)
    result = train(workbench, code)
    assert result.status == "Succeeded", result.failure_reason
    said = workbench.observer.output("train")
    assert said[-1] == "one numpy"
    assert any(line.startswith("Successfully installed small") for line in said)
    assert train(workbench, code).status == "Succeeded"
    assert workbench.observer.output("train") == ["one numpy"]
    assert len([path for path in caches.iterdir() if path.is_dir()]) == 1


def test_requirements_that_cannot_be_had_fail_the_step_with_pips_words(
    workbench: Workbench, caches: Path
) -> None:
    files = {"train.py": USES, "requirements.txt": b"--no-index\nno-such-thing==9\n"}
    record = train(workbench, bundle(workbench, "s3://code/1.tar.gz", files)).step("train")
    reason = str(record.failure_reason)
    assert "No matching distribution found for no-such-thing==9" in reason
    assert "put wheels beside the file" in reason
