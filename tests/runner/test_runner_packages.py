"""The packages of an image that this machine lacks, and those that a step installs by itself."""

from __future__ import annotations

import gc
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ratchet.runner import image_packages
from ratchet.runner.serving.prepared import Image, prepare
from ratchet.runner.serving.process import ModelProcess, UnhealthyModelError
from tests.runner.test_runner_checkpoints import bundle, wheel
from tests.runner.workbench import IMAGE, Workbench, definition, processing, python

pytestmark = pytest.mark.jobs

SKLEARN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/churn@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("uri", "has"), [(IMAGE, "xgboost"), (SKLEARN, "sklearn"), (f"{IMAGE}@sha256:0", "numpy")]
)
def test_an_image_is_known_by_its_repository(uri: str, has: str) -> None:
    packages = image_packages.of_image(uri)
    assert packages is not None
    assert has in packages


def test_nothing_is_known_of_an_image_of_the_teams_own() -> None:
    assert image_packages.of_image(OWN) is None
    assert image_packages.missing_here(["no_such_module"], OWN) == []
    assert image_packages.missing_in(OWN, ["no_such_module"], own=[]) == []


def test_steps_that_run_at_once_can_each_read_their_scripts() -> None:
    """Python code that runs while memory is cleaned up lets other threads in."""
    scripts = [Path(image_packages.__file__).read_bytes()] * 20

    def in_between(*_: object) -> None:
        sum(range(20))

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(in_between)
    try:
        sys.setswitchinterval(1e-6)
        gc.set_threshold(200)
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: set(image_packages.imported(scripts)), range(8)))
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.callbacks.remove(in_between)
    assert "ast" in found[0]
    assert found == [found[0]] * 8


def test_what_this_machine_has_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_packages.missing_here(["numpy", "json"], IMAGE) == []
    monkeypatch.setattr(image_packages, "_is_here", lambda name: name != "sklearn")
    assert image_packages.missing_here(["numpy", "sklearn"], IMAGE) == ["scikit-learn>=1.5.2,<2"]


@pytest.mark.parametrize("loader", ["joblib", "pickle", "cloudpickle"])
def test_a_pickle_may_load_what_no_script_names(
    loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_packages, "_is_here", lambda name: name == loader)
    missing = image_packages.missing_here([loader], IMAGE)
    assert any(requirement.startswith("scikit-learn") for requirement in missing)


def test_what_the_image_lacks_is_named() -> None:
    modules = ["numpy", "json", "features", "lightgbm"]
    assert image_packages.missing_in(IMAGE, modules, own=["features"]) == ["lightgbm"]


def test_imports_are_found_wherever_they_stand() -> None:
    source = b"import a.b\nfrom c import d\ndef f():\n    import e\nfrom . import own\n"
    assert set(image_packages.imported([source, b"not python ("])) == {"a", "c", "e"}


PIP = """
import subprocess, sys
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index",
                "--find-links=/opt/ml/processing/input/wheels", *FLAGS, "small_thing"], check=True)
import small_thing
print(small_thing.VALUE)
"""


@pytest.mark.parametrize("flags", [[], ["--user"], ["--upgrade"]])
def test_a_script_imports_what_it_has_just_installed(
    workbench: Workbench, flags: list[str]
) -> None:
    content = wheel("small_thing", "1.0", "VALUE = 'installed'")
    workbench.put("s3://data/wheels/small_thing-1.0-py3-none-any.whl", content)
    script = PIP.replace("FLAGS", json.dumps(flags))
    step = processing("install", python(script), inputs={"wheels": "s3://data/wheels"})
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    assert workbench.observer.output("install")[-1] == "installed"


def test_a_missing_module_is_explained_by_image(workbench: Workbench) -> None:
    result = workbench.run(definition(processing("look", python("import lightgbm_x"))))
    assert "the image has no such package" in str(result.failure_reason)
    assert image_packages.explained("No module named 'torch'", OWN).count("pip install torch") == 1
    assert "the image has it" in image_packages.explained("No module named 'sklearn.x'", IMAGE)


def test_packages_of_the_image_are_installed_once_for_a_step(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "small_thing-1.0-py3-none-any.whl").write_bytes(
        wheel("small_thing", "1.0", "VALUE = 'of the image'")
    )
    requirement = f"small_thing @ {(wheels / 'small_thing-1.0-py3-none-any.whl').as_uri()}"
    monkeypatch.setattr(
        image_packages, "_IMAGES", (("sagemaker-xgboost", {"small_thing": requirement}),)
    )
    script = b"import small_thing, sys; print(small_thing.VALUE, sys.executable)"
    bundle(workbench, "s3://code/prepare/bundle.gz", {"prepare.py": script})
    run = 'cd "$(mktemp -d)" && tar -xzf /opt/ml/processing/input/code/*.gz && exec python3 "$0"'
    step = processing(
        "prepare", ["/bin/bash", "-c", run, "prepare.py"], inputs={"code": "s3://code/prepare"}
    )
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    lines = workbench.observer.output("prepare")
    assert any("installing packages of the image, once" in line for line in lines)
    assert lines[-1].startswith("of the image ")
    assert sys.executable not in lines[-1]
    workbench.run(definition(step))
    assert len(workbench.observer.output("prepare")) == 1


INFERENCE = b"""
import small_thing

def model_fn(folder): return small_thing.VALUE
def input_fn(body, content_type): return body
def predict_fn(data, model): return model
def output_fn(prediction, accept): return prediction, accept
"""


def served(workbench: Workbench, folder: Path, files: dict[str, bytes]) -> str:
    archive = bundle(workbench, "s3://models/model.tar.gz", files)
    lines: list[str] = []
    prepared = prepare(
        Image(uri=IMAGE, archive=archive, environment={}),
        folder,
        fetch=workbench.storage.download,
        region="eu-west-1",
        emit=lines.append,
    )
    process = ModelProcess(
        folder=prepared.folder,
        model_dir=prepared.model_dir,
        environment=prepared.environment,
        emit=lines.append,
        python=prepared.python,
    )
    try:
        process.start(seconds=60)
        return process.invoke(b"", {"Accept": "text/csv"}).body.decode()
    finally:
        process.stop()
        prepared.remove()


def test_a_model_is_served_with_the_requirements_packed_with_it(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    files = {
        "code/inference.py": INFERENCE,
        "code/requirements.txt": b"--no-index\n--find-links=wheels\nsmall_thing\n",
        "code/wheels/small_thing-1.0-py3-none-any.whl": wheel("small_thing", "1.0", "VALUE = '1'"),
    }
    assert served(workbench, tmp_path / "served", files) == "1"


def test_a_model_whose_requirements_cannot_be_had_says_so(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    files = {
        "code/inference.py": INFERENCE,
        "code/requirements.txt": b"--no-index\nno-such-thing\n",
    }
    with pytest.raises(UnhealthyModelError, match="no-such-thing"):
        served(workbench, tmp_path / "served", files)
