"""A notebook as a step: SageMaker's own form of it, named by what the notebook says."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, Input, Pipeline, bundle_script, notebook_file
from ratchet.authoring.errors import BundleError
from ratchet.loop import notebook_jobs
from ratchet.permissions import needs
from ratchet.pipelines import step_settings
from ratchet.settings.arns import RegionArns
from ratchet.settings.schema import ComputeSettings, SettingsError, StepSettings
from tests.definitions.conftest import WriteSource
from tests.runner.notebook_jobs import notebook
from tests.sdk.compare import NOTHING, flat
from tests.sdk.imports import SCRIPTS, golden

StepOf = Callable[[Pipeline, str], dict[str, Any]]
Problems = Callable[[Pipeline], list[str]]

PATH = "notebooks/explore.ipynb"
PARAMETERS = ('month = "2013-01"\nrows: str = "10"\ndata = "../data"', ["parameters"])

DIFFERENCES: Mapping[str, tuple[Any, Any, str]] = {
    "TrainingJobName": (NOTHING, "explore", "SageMaker names the jobs of a pipeline by itself"),
    "AlgorithmSpecification.TrainingImage": (
        "885854791233.dkr.ecr.us-east-1.amazonaws.com/sagemaker-distribution-prod:3.2.0-cpu",
        "885854791233.dkr.ecr.us-east-1.amazonaws.com/sagemaker-distribution-prod:3-cpu",
        "the version is said in full, or the image behind the cached result could be another",
    ),
    "InputDataConfig[0].DataSource.S3DataSource.S3DataDistributionType": (
        NOTHING,
        "FullyReplicated",
        "the API's default",
    ),
    "InputDataConfig[0].DataSource.S3DataSource.S3Uri": (
        "s3://code/<digest>/",
        "s3://sagemaker-us-east-1-111122223333/explored/explore/input-<time>",
        "named by its content, not by the time, so that the step can be a cache hit",
    ),
    "Environment.SM_OUTPUT_NOTEBOOK_NAME": (
        "explore-executed.ipynb",
        "explore.ipynb",
        "or the executed notebook takes the place of the copy of the input",
    ),
    "CacheConfig": ("ours", NOTHING, "the SDK's class has no cache_config"),
    "RetryPolicies": ("ours", NOTHING, "as every job of a pipeline here"),
    "OutputDataConfig.S3OutputPath": ("ours", "the SDK's", "as every job of a pipeline here"),
    "Tags": ("ours", "the SDK's", "the cost tags of every job here, then the SDK's four"),
    "RoleArn": ("ours", "the SDK's", "whoever deploys it"),
}
"""Argument → ours, the SDK's, and why. Of the last five what differs is no single value."""


def write(ctx: Context, *cells: Any, path: str = PATH) -> Path:
    file = ctx.source / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(notebook(*cells)))
    return file


@pytest.fixture
def explored(ctx: Context) -> Pipeline:
    """The pipeline that tests/sdk/notebook_v3.py writes, as ours."""
    file = ctx.source / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes((SCRIPTS / "explore.ipynb").read_bytes())
    p = Pipeline("explored", ctx)
    p.notebook(
        "explore",
        PATH,
        parameters={"month": p.string("Month", default="2013-01"), "rows": "100"},
        environment={"TEAM": "ml"},
        compute=ComputeSettings(instance_type="ml.m5.large"),
    )
    return p


def step_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Argument → both values, where they differ."""
    here, there = dict(flat(ours)), dict(flat(theirs))
    pairs = ((path, here.get(path, NOTHING), there.get(path, NOTHING)) for path in here | there)
    return {path: (one, two) for path, one, two in pairs if one != two}


def named(path: str) -> str | None:
    """The row of DIFFERENCES that an argument is of."""
    above = (path == name or path.startswith((f"{name}[", f"{name}.")) for name in DIFFERENCES)
    return next((name for name, is_of in zip(DIFFERENCES, above, strict=False) if is_of), None)


def test_the_step_is_what_the_sagemaker_sdk_writes_but_for_what_is_named(
    explored: Pipeline, step_of: StepOf
) -> None:
    ours = copy.deepcopy(step_of(explored, "explore"))
    (theirs,) = golden("notebook")["Steps"]
    source = ours["Arguments"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3Uri"] = source["S3Uri"].replace(explored.bundles[0].digest, "<digest>")
    uploaded = theirs["Arguments"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    uploaded["S3Uri"] = uploaded["S3Uri"].rpartition("/input-")[0] + "/input-<time>"

    differences = step_differences(ours, theirs)

    assert {path: pair for path, pair in differences.items() if named(path) is None} == {}
    assert {named(path) for path in differences} == set(DIFFERENCES), "each is one"
    for path, pair in differences.items():
        value, other, reason = DIFFERENCES[str(named(path))]
        assert reason
        assert (value, other) in (pair, ("ours", NOTHING), ("ours", "the SDK's"))


def test_the_tags_of_the_sdk_are_among_those_of_the_step(
    explored: Pipeline, step_of: StepOf
) -> None:
    (theirs,) = golden("notebook")["Steps"]
    assert step_of(explored, "explore")["Arguments"]["Tags"][-4:] == theirs["Arguments"]["Tags"]


def test_running_a_notebook_changes_nothing_of_its_step(ctx: Context) -> None:
    file = write(ctx, PARAMETERS, "print(month)")
    before = bundle_script(file, root=ctx.source)
    executed = json.loads(file.read_text())
    executed["nbformat_minor"] = 5
    executed["metadata"] = {
        "kernelspec": {"name": "venv", "display_name": "Python (venv)", "language": "python"},
        "language_info": {"name": "python", "version": "3.12.1"},
        "widgets": {"state": {}},
    }
    for number, cell in enumerate(executed["cells"]):
        cell["id"] = f"x{number}"
        cell["execution_count"] = number + 7
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["2013-01\n"]}]
        cell["metadata"]["execution"] = {"iopub.status.busy": "2026-11-28T08:00:00Z"}
        cell["metadata"]["collapsed"] = True
        cell["source"] = cell["source"].splitlines(keepends=True)
    file.write_text(json.dumps(executed, indent=1))

    after = bundle_script(file, root=ctx.source)

    assert after.digest == before.digest
    assert after.files == before.files


@pytest.mark.parametrize(
    "cells",
    [
        (PARAMETERS, "print(month )"),
        (PARAMETERS, "print(month)", "1"),
        ((PARAMETERS[0], []), "print(month)"),
    ],
    ids=["code", "a cell", "a tag"],
)
def test_an_edit_of_a_notebook_is_another_bundle(ctx: Context, cells: Any) -> None:
    before = bundle_script(write(ctx, PARAMETERS, "print(month)"), root=ctx.source).digest
    assert bundle_script(write(ctx, *cells), root=ctx.source).digest != before


def test_the_modules_that_a_notebook_imports_are_in_its_folder(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source(
        {
            "notebooks/loading.py": "from cleaning import clean",
            "notebooks/cleaning.py": "def clean(): ...",
            "notebooks/other.py": "",
        }
    )
    file = write(ctx, "%matplotlib inline\n!ls\nimport pandas, loading", "%%bash\nimport other")

    bundle = bundle_script(file, root=ctx.source)

    assert sorted(bundle.files) == ["cleaning.py", "explore.ipynb", "loading.py"]
    assert sorted(bundle.objects()) == [f"{bundle.digest}/{name}" for name in sorted(bundle.files)]
    assert {file.key for file in bundle.code_files} == set(bundle.objects())


PROMOTED = "import sys\nsys.path.append('../../steps/flights')\nfrom calm_days import calm_days"


def files_of(ctx: Context, *cells: Any) -> list[str]:
    """The files in the folder of a notebook with these cells in notebooks/flights."""
    file = write(ctx, *cells, path="notebooks/flights/explore.ipynb")
    return sorted(bundle_script(file, root=ctx.source).files)


def test_the_script_of_a_promoted_step_is_beside_the_notebook_that_calls_it(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source(
        {
            "steps/flights/calm_days.py": "from winds.calm import limit\nfrom beside import top",
            "steps/flights/winds/__init__.py": "",
            "steps/flights/winds/calm.py": "limit = 3",
            "steps/flights/other.py": "",
            "notebooks/flights/beside.py": "top = 1",
        }
    )
    files = ["beside.py", "calm_days.py", "explore.ipynb", "winds/__init__.py", "winds/calm.py"]
    assert files_of(ctx, PROMOTED) == files
    assert files_of(ctx, PROMOTED, PROMOTED) == files


@pytest.mark.parametrize("script", ["calm_days", "winds"])
def test_an_edit_of_a_promoted_script_is_another_bundle(
    ctx: Context, write_source: WriteSource, script: str
) -> None:
    write_source({"steps/flights/calm_days.py": "import winds", "steps/flights/winds.py": ""})
    file = write(ctx, PROMOTED, path="notebooks/flights/explore.ipynb")
    before = bundle_script(file, root=ctx.source).digest
    write_source({f"steps/flights/{script}.py": "import winds\nlimit = 4"})
    assert bundle_script(file, root=ctx.source).digest != before


@pytest.mark.parametrize(
    "cell",
    [
        "import sys; sys.path.insert(0, '../../steps/flights')\nimport calm_days",
        "import sys\nif True:\n    sys.path += []\n    sys.path.append('../../steps/flights/.')\n"
        "def later():\n    import calm_days",
        "import calm_days\nimport sys\nsys.path.append('../flights/../../steps/flights/')",
    ],
)
def test_a_folder_on_the_import_path_counts_wherever_the_notebook_puts_it_there(
    ctx: Context, write_source: WriteSource, cell: str
) -> None:
    write_source({"steps/flights/calm_days.py": ""})
    assert files_of(ctx, cell) == ["calm_days.py", "explore.ipynb"]


def test_a_package_of_the_project_is_found_from_an_appended_folder_above_it(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source({"steps/flights/calm_days.py": ""})
    cell = "import sys\nsys.path.append('../..')\nfrom steps.flights import calm_days"
    assert files_of(ctx, cell) == ["explore.ipynb", "steps/flights/calm_days.py"]


@pytest.mark.parametrize(
    "appended",
    [
        "sys.path.append(folder)",
        "sys.path.append(f'../../steps/{model}')",
        "sys.path.append('../../steps/' + model)",
        "sys.path.append('../../../outside')",
        "sys.path.append('../../nowhere')",
        "sys.path.remove('../../steps/flights')",
        "paths.append('../../steps/flights')",
        "own.path.append('../../steps/flights')",
        "'sys.path.append(\"../../steps/flights\")'",
        "# sys.path.append('../../steps/flights')",
    ],
)
def test_a_folder_outside_the_project_or_no_constant_is_left_alone(
    ctx: Context, write_source: WriteSource, appended: str
) -> None:
    write_source({"steps/flights/calm_days.py": "", "../outside/calm_days.py": ""})
    assert files_of(ctx, f"import sys\n{appended}\nimport calm_days") == ["explore.ipynb"]


def test_an_absolute_path_is_left_alone(ctx: Context, write_source: WriteSource) -> None:
    write_source({"steps/flights/calm_days.py": ""})
    cell = f"import sys\nsys.path.append({str(ctx.source / 'steps/flights')!r})\nimport calm_days"
    assert files_of(ctx, cell) == ["explore.ipynb"]


def test_a_module_never_takes_the_place_of_the_standard_librarys(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source({"steps/flights/calm_days.py": "import json", "steps/flights/json.py": ""})
    assert files_of(ctx, PROMOTED) == ["calm_days.py", "explore.ipynb"]


def test_a_notebook_may_append_its_own_folder(ctx: Context, write_source: WriteSource) -> None:
    write_source({"notebooks/flights/loading.py": ""})
    cell = "import sys\nsys.path.append('.')\nimport loading"
    assert files_of(ctx, cell) == ["explore.ipynb", "loading.py"]


def test_ratchet_itself_is_in_no_bundle_when_the_project_is_on_the_import_path(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source({"ratchet/__init__.py": ""})
    with pytest.raises(BundleError, match="imports ratchet, which is installed on this machine"):
        files_of(ctx, "import sys\nsys.path.append('../..')\nimport ratchet")


@pytest.mark.parametrize("second", ["notebooks/flights", "steps/late"])
def test_a_module_in_two_folders_that_a_notebook_imports_from_is_refused(
    ctx: Context, write_source: WriteSource, pipeline: Pipeline, problems: Problems, second: str
) -> None:
    write_source({"steps/flights/calm_days.py": "", f"{second}/calm_days.py": ""})
    cells = (PROMOTED, "sys.path.append('../../steps/late')")
    write(ctx, *cells, path="notebooks/flights/explore.ipynb")

    pipeline.notebook("explore", "notebooks/flights/explore.ipynb")

    (problem,) = problems(pipeline)
    places = sorted(["steps/flights", second], key=lambda p: not p.startswith("notebooks"))
    assert f"the module calm_days is in {places[0]} and in {places[1]}" in problem
    assert "Rename one of them" in problem


def test_a_module_in_two_folders_that_nobody_imports_is_no_matter(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source({f"steps/{model}/train.py": "" for model in ("flights", "late")})
    write_source({"steps/flights/calm_days.py": ""})
    cells = (PROMOTED, "sys.path.append('../../steps/late')")
    assert files_of(ctx, *cells) == ["calm_days.py", "explore.ipynb"]


def test_an_included_module_imports_what_the_notebook_appends_too(
    ctx: Context, write_source: WriteSource
) -> None:
    write_source(
        {"steps/flights/calm_days.py": "", "notebooks/flights/more.py": "import calm_days"}
    )
    cell = "import sys\nsys.path.append('../../steps/flights')"
    file = write(ctx, cell, path="notebooks/flights/explore.ipynb")
    bundle = bundle_script(file, root=ctx.source, include=[Path("notebooks/flights/more.py")])
    assert sorted(bundle.files) == ["calm_days.py", "explore.ipynb", "more.py"]


def test_its_requirements_are_installed_by_an_init_script(
    ctx: Context, write_source: WriteSource, pipeline: Pipeline, step_of: StepOf
) -> None:
    write_source({"notebooks/explore.requirements.txt": "seaborn==0.13.2\n"})
    write(ctx, "1")
    pipeline.notebook("explore", PATH)

    (bundle,) = pipeline.bundles

    script = step_of(pipeline, "explore")["Arguments"]["Environment"]["SM_INIT_SCRIPT"]
    assert b"pip install --quiet -r requirements.txt" in bundle.files[script]
    assert bundle.files["requirements.txt"] == b"seaborn==0.13.2\n"


def test_an_import_that_no_container_has_is_named_with_its_cell(ctx: Context) -> None:
    write(ctx, "1", "import os\nimport ratchet")
    with pytest.raises(BundleError, match=r"explore\.ipynb, cell 2, line 2, imports ratchet"):
        bundle_script(Path(PATH), root=ctx.source)


def test_a_cell_that_is_not_python_is_named(ctx: Context) -> None:
    write(ctx, "1", "x = 1\nprint 'x'")
    with pytest.raises(BundleError, match=r"explore\.ipynb, cell 2, line 2 is not valid Python"):
        bundle_script(Path(PATH), root=ctx.source)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"nbformat": 3, "worksheets": []}, "format 3, expected format 4; convert it: jupyter"),
        ([], "no notebook, expected format 4"),
        (
            {"nbformat": 4, "metadata": {"kernelspec": {"language": "R"}}, "cells": []},
            "a notebook for R, expected Python",
        ),
    ],
)
def test_another_format_or_language_is_refused(
    ctx: Context, pipeline: Pipeline, problems: Problems, document: Any, message: str
) -> None:
    write(ctx, "1").write_text(json.dumps(document))
    pipeline.notebook("explore", PATH)
    (problem,) = problems(pipeline)
    assert message in problem


def test_a_notebook_is_no_script_and_a_script_no_notebook(
    ctx: Context, pipeline: Pipeline, problems: Problems
) -> None:
    write(ctx, "1")
    pipeline.processing("run", PATH, inputs={}, outputs=["out"])
    pipeline.notebook("look", "steps/prepare.py")
    found = problems(pipeline)
    assert any("run a notebook by notebook(…)" in problem for problem in found)
    assert any("expected a notebook, .ipynb" in problem for problem in found)


def test_what_its_parameters_are_given_are_texts(
    ctx: Context, pipeline: Pipeline, step_of: StepOf
) -> None:
    write(ctx, PARAMETERS, "print(month)")
    prepare = pipeline.processing("prepare", "steps/prepare.py", inputs={}, outputs=["train"])
    pipeline.notebook(
        "explore",
        PATH,
        inputs={"data": prepare.outputs["train"], "other": prepare.outputs["train"]},
        parameters={"month": prepare.outputs["train"], "rows": 5},
    )
    step = step_of(pipeline, "explore")["Arguments"]
    output = "Steps.prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"
    assert step["HyperParameters"] == {
        "data": "/opt/ml/input/data/data",
        "month": {"Get": output},
        "rows": "5",
    }
    assert [channel["ChannelName"] for channel in step["InputDataConfig"]] == [
        notebook_jobs.CHANNEL, "data", "other",
    ]  # fmt: skip


def test_a_step_without_parameters_has_no_hyperparameters(
    ctx: Context, pipeline: Pipeline, step_of: StepOf
) -> None:
    write(ctx, "1")
    pipeline.notebook("explore", PATH)
    assert "HyperParameters" not in step_of(pipeline, "explore")["Arguments"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"month": True}, '"false" counts as true'),
        ({"month": ["2013-01"]}, "a notebook gets texts, and a list is none"),
        ({"month": None}, "a notebook gets texts, and a NoneType is none"),
        ({"mnth": "2013-01"}, "does not set it; did you mean 'month'?"),
        ({"a-b": "1"}, "this is no name of one"),
        ({"class": "1"}, "this is no name of one"),
    ],
)
def test_a_parameter_that_would_not_survive_is_refused(
    ctx: Context, pipeline: Pipeline, problems: Problems, parameters: Any, message: str
) -> None:
    write(ctx, PARAMETERS, "1")
    pipeline.notebook("explore", PATH, parameters=parameters)
    (problem,) = problems(pipeline)
    assert message in problem


def test_a_boolean_parameter_of_the_pipeline_is_refused_too(
    ctx: Context, pipeline: Pipeline, problems: Problems
) -> None:
    write(ctx, PARAMETERS, "1")
    pipeline.notebook("explore", PATH, parameters={"month": pipeline.boolean("All")})
    (problem,) = problems(pipeline)
    assert '"false" counts as true' in problem


@pytest.mark.parametrize(
    ("default", "fix"),
    [
        ("10", "write rows = '10' there, and rows = int(rows) in a cell below"),
        ("0.5", "write rows = '0.5' there, and rows = float(rows) in a cell below"),
        ("True", "write rows = 'True' there, and rows = rows == \"True\" in a cell below"),
        ("[1, 2]", "write rows = '[1, 2]' there, and rows = json.loads(rows) in a cell below"),
    ],
)
def test_a_default_of_another_type_is_refused_with_how_to_write_it(
    ctx: Context, pipeline: Pipeline, problems: Problems, default: str, fix: str
) -> None:
    write(ctx, (f"rows = {default}", ["parameters"]), "1")
    pipeline.notebook("explore", PATH, parameters={"rows": "5"})
    (problem,) = problems(pipeline)
    assert fix in problem


@pytest.mark.parametrize("default", ["None", "os.environ['ROWS']"])
def test_a_default_that_may_be_a_text_is_taken(
    ctx: Context, pipeline: Pipeline, default: str
) -> None:
    write(ctx, (f"import os\nrows = {default}", ["parameters"]), "1")
    pipeline.notebook("explore", PATH, parameters={"rows": "5"})
    assert pipeline.definition()


def test_a_notebook_without_a_cell_of_defaults_takes_no_parameters(
    ctx: Context, pipeline: Pipeline, problems: Problems
) -> None:
    write(ctx, "month = '2013-01'")
    pipeline.notebook("explore", PATH, parameters={"month": "2013-02"})
    (problem,) = problems(pipeline)
    assert "explore.ipynb has no cell tagged `parameters`" in problem


def test_the_executed_notebook_and_a_model_can_be_taken_on(
    ctx: Context, pipeline: Pipeline, step_of: StepOf
) -> None:
    write(ctx, "1")
    explore = pipeline.notebook("explore", PATH)
    pipeline.processing(
        "publish",
        "steps/prepare.py",
        inputs={"notebook": explore.output, "model": explore.model},
        outputs=["site"],
    )
    inputs = step_of(pipeline, "publish")["Arguments"]["ProcessingInputs"]
    uris = {each["InputName"]: each["S3Input"]["S3Uri"] for each in inputs}
    assert uris["notebook"]["Std:Join"]["Values"] == [
        {"Get": "Steps.explore.OutputDataConfig.S3OutputPath"},
        {"Get": "Steps.explore.TrainingJobName"},
        "output/output.tar.gz",
    ]
    assert uris["model"] == {"Get": "Steps.explore.ModelArtifacts.S3ModelArtifacts"}


def test_settings_say_what_it_runs_on(ctx: Context, step_of: StepOf) -> None:
    image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1"
    said: dict[str, Any] = {
        "instance_type": "ml.c5.xlarge",
        "volume_gb": 77,
        "max_runtime_seconds": 7200,
        "image_uri": image,
        "environment": {"TEAM": "ml"},
        "subnets": ("subnet-0123456789abcdef0",),
        "security_groups": ("sg-0123456789abcdef0",),
    }
    settings = replace(ctx.settings, steps={"explore": StepSettings(**said, said=frozenset(said))})
    p = Pipeline("trial", replace(ctx, settings=settings))
    write(ctx, "1")
    p.notebook("explore", PATH)
    step = step_of(p, "explore")["Arguments"]
    assert step["AlgorithmSpecification"]["TrainingImage"] == image
    assert step["ResourceConfig"] == {
        "InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 77,
    }  # fmt: skip
    assert step["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert step["Environment"]["TEAM"] == "ml"
    assert step["VpcConfig"]["Subnets"] == ["subnet-0123456789abcdef0"]
    step_settings.check(p.ctx.settings, [p])


@pytest.mark.parametrize("key", ["instance_count", "spot", "keep_alive_seconds"])
def test_settings_that_a_notebook_job_has_no_argument_for_are_refused(
    ctx: Context, key: str
) -> None:
    value: Any = {"instance_count": 2, "spot": True, "keep_alive_seconds": 600}[key]
    steps = {"explore": StepSettings(**{key: value}, said=frozenset({key}))}
    p = Pipeline("trial", replace(ctx, settings=replace(ctx.settings, steps=steps)))
    write(ctx, "1")
    p.notebook("explore", PATH)
    with pytest.raises(SettingsError, match=key):
        step_settings.check(p.ctx.settings, [p])


def test_it_runs_on_one_instance(ctx: Context, pipeline: Pipeline, problems: Problems) -> None:
    write(ctx, "1")
    two = ComputeSettings(instance_type="ml.m5.large", instance_count=2)
    pipeline.notebook("explore", PATH, compute=two)
    (problem,) = problems(pipeline)
    assert "a notebook runs on one instance" in problem


def test_a_region_without_the_image_is_named(ctx: Context, problems: Problems) -> None:
    p = Pipeline("trial", replace(ctx, settings=replace(ctx.settings, region="eu-south-2")))
    write(ctx, "1")
    p.notebook("explore", PATH)
    (problem,) = problems(p)
    assert "no SageMaker Distribution image is known in eu-south-2" in problem
    assert "[steps.explore]" in problem


def test_its_role_may_do_what_its_training_job_needs(ctx: Context, pipeline: Pipeline) -> None:
    write(ctx, PARAMETERS, "1")
    data = pipeline.string("Data", default="s3://elsewhere/rows/")
    pipeline.notebook("explore", PATH, inputs={"data": Input(data)})
    permissions, missing = needs(
        pipeline.definition(),
        arns=RegionArns(region="us-east-1", account="111122223333"),
        granted_buckets=["code", "artifacts"],
    )
    actions = {action: each for each in permissions for action in each.actions}
    assert "sagemaker:CreateTrainingJob" in actions
    assert "logs:PutLogEvents" in actions
    assert actions["ecr:BatchGetImage"].resources == [
        "arn:aws:ecr:us-east-1:885854791233:repository/sagemaker-distribution-prod"
    ]
    assert not [need for need in missing if need.argument.startswith("InputDataConfig[0]")]


def test_ipythons_own_lines_are_no_python(tmp_path: Path) -> None:
    source = "%pip install x\nimport a\nfiles = !ls\ndf?\n  \nif a:\n    %time b()"
    file = tmp_path / "n.ipynb"
    file.write_text(json.dumps(notebook(source, "%%time\nimport c", "%%html\n<b>")))
    read = notebook_file.load(file)
    assert [cell.python for cell in read.cells] == [
        "pass\nimport a\npass\npass\n  \nif a:\n    pass",
        "\nimport c",
        "\n",
    ]
    assert read.place(3) == "cell 1, line 3"
    assert read.place(9) == "cell 2, line 2"
