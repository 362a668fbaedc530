"""The training pipeline: the loop's own definition, held as text that a person can review."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from pipeline_defs.flights.training import training
from ratchet.authoring import Context, Functions, Pipeline, draft
from ratchet.machinery import PACKAGES
from ratchet.pipelines.registry import pipelines
from ratchet.project import find
from ratchet.settings.schema import GateSettings

ROOT = Path(__file__).parents[2]
PROJECT = find(ROOT)
GOLDEN = Path(__file__).parent / "training.json"

WriteSource = Callable[[Mapping[str, str]], Path]
StepOf = Callable[[Pipeline, str], dict[str, Any]]


def gets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("Get"), str):
            yield value["Get"]
        for item in value.values():
            yield from gets(item)
    elif isinstance(value, list):
        for item in value:
            yield from gets(item)


def plain(value: Any) -> Any:
    """The arguments as a call would have them: every variable as some text."""
    if isinstance(value, dict):
        if value.keys() & {"Get", "Std:Join", "Std:JsonGet"}:
            return "value"
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@cache
def service_model() -> ServiceModel:
    loader = botocore.loaders.create_loader()
    return ServiceModel(loader.load_service_model("sagemaker", "service-2"), "sagemaker")


def test_the_definition_is_the_one_that_was_reviewed(ctx: Context) -> None:
    written = training(ctx).to_json(indent=1) + "\n"
    if os.environ.get("RATCHET_UPDATE_SNAPSHOTS"):
        GOLDEN.write_text(written)

    assert written == GOLDEN.read_text(), "if meant: RATCHET_UPDATE_SNAPSHOTS=1 writes it anew"


def test_the_steps_are_the_loops(ctx: Context) -> None:
    steps = training(ctx).definition()["Steps"]

    assert [(step["Name"], step["Type"]) for step in steps] == [
        ("prepare", "Processing"),
        ("train", "Training"),
        ("champion", "Lambda"),
        ("evaluate", "Processing"),
        ("no-regression", "Condition"),
        ("new-model", "Condition"),
    ]
    no_regression, new_model = (step["Arguments"] for step in steps[-2:])
    assert [step["Name"] for step in no_regression["ElseSteps"]] == ["halt"]
    assert no_regression["IfSteps"] == []
    assert [step["Name"] for step in new_model["IfSteps"]] == [
        "baseline",
        "quality-baseline",
        "register",
    ]
    assert new_model["ElseSteps"] == [], "the run succeeds"


def test_every_declared_parameter_is_referred_to(ctx: Context) -> None:
    definition = training(ctx).definition()

    declared = {parameter["Name"] for parameter in definition["Parameters"]}

    assert declared == {"Experiment", "InputManifest", "MaxRegression"}
    used = set(gets([definition["Steps"], definition["PipelineExperimentConfig"]]))
    assert {f"Parameters.{name}" for name in declared} <= used


def test_the_data_is_what_the_manifest_lists_and_needs_to_be_named(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(ctx)

    inputs = step_of(p, "prepare")["Arguments"]["ProcessingInputs"]

    assert inputs[1]["S3Input"]["S3Uri"] == {"Get": "Parameters.InputManifest"}
    assert inputs[1]["S3Input"]["S3DataType"] == "ManifestFile"
    (declared,) = [d for d in p.definition()["Parameters"] if d["Name"] == "InputManifest"]
    assert "DefaultValue" not in declared


def test_the_champion_is_part_of_what_the_evaluation_is_cached_by(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(ctx)

    inputs = {
        given["InputName"]: given["S3Input"]["S3Uri"]
        for given in step_of(p, "evaluate")["Arguments"]["ProcessingInputs"]
    }

    assert inputs["candidate"] == {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}
    assert inputs["champion"] == {"Get": "Steps.champion.OutputParameters['model_uri']"}
    assert inputs["candidate"] != inputs["champion"]
    assert "CacheConfig" not in step_of(p, "champion")
    assert step_of(p, "champion")["Arguments"] == {}


def test_a_tie_passes_the_gate(ctx: Context, step_of: StepOf) -> None:
    _, first, _ = step_of(training(ctx), "new-model")["Arguments"]["Conditions"]

    assert first["Type"] == "LessThanOrEqualTo"
    assert first["LeftValue"]["Std:JsonGet"]["Path"] == "regression"
    assert first["RightValue"] == {"Get": "Parameters.MaxRegression"}


@pytest.mark.parametrize(
    ("policy", "passing"),
    [("halt", ["scored", "none"]), ("pass", ["scored", "none", "unscorable"])],
)
def test_a_champion_that_cannot_be_scored_passes_only_where_the_settings_say_so(
    ctx: Context, step_of: StepOf, policy: Any, passing: list[str]
) -> None:
    gate = GateSettings(unscorable_champion=policy)
    p = training(replace(ctx, settings=replace(ctx.settings, gate=gate)))

    _, _, second = step_of(p, "new-model")["Arguments"]["Conditions"]

    assert second["QueryValue"]["Std:JsonGet"]["Path"] == "champion.status"
    assert second["Values"] == passing


def test_what_lets_a_new_model_be_registered_is_what_lets_the_run_go_on(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(ctx)
    halting = step_of(p, "no-regression")["Arguments"]["Conditions"]
    new, *passing = step_of(p, "new-model")["Arguments"]["Conditions"]

    assert new["LeftValue"]["Std:JsonGet"]["Path"] == "candidate.status"
    assert (new["Type"], new["RightValue"]) == ("Equals", "new")
    copy = {"Type": "Not", "Condition": new}
    assert halting == [{"Type": "Or", "Conditions": [each, copy]} for each in passing]


def test_the_evaluation_is_told_of_the_versions_that_there_are(
    ctx: Context, step_of: StepOf
) -> None:
    evaluate = step_of(training(ctx), "evaluate")["Arguments"]["AppSpecification"]
    arguments = evaluate["ContainerArguments"]

    for option, key in (
        ("--champion-version", "version"),
        ("--newest-version", "newest_version"),
        ("--newest-digest", "newest_digest"),
        ("--newest-approval", "newest_approval"),
    ):
        value = {"Get": f"Steps.champion.OutputParameters['{key}']"}
        assert arguments[arguments.index(option) + 1] == value


def test_the_halt_says_both_scores_and_what_is_allowed(ctx: Context, step_of: StepOf) -> None:
    message = step_of(training(ctx), "halt")["Arguments"]["ErrorMessage"]["Std:Join"]

    assert message["Values"][0]["Std:JsonGet"]["Path"] == "verdict"
    assert message["Values"][-1] == {"Get": "Parameters.MaxRegression"}


def test_a_version_tells_where_it_comes_from(ctx: Context, step_of: StepOf) -> None:
    p = training(ctx)

    version = step_of(p, "register")["Arguments"]

    assert "Tags" not in version, "a version of a model takes none: it has its group's"
    assert version["ModelPackageGroupName"] == "flights-dev"
    (container,) = version["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"}
    assert container["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }
    assert list(version["CustomerMetadataProperties"]) == [
        "execution",
        "manifest",
        "champion",
        "champion-version",
        "champion-status",
        "metric",
        "better",
        "candidate-score",
        "regression",
        "model-digest",
        "threshold",
        "evaluation",
        "baseline-digest",
        "quality-baseline-digest",
        "code-prepare",
        "code-train",
        "code-evaluate",
        "code-baseline",
        "code-quality-baseline",
    ]


def test_a_version_brings_the_baselines_that_it_is_monitored_against(
    ctx: Context, step_of: StepOf
) -> None:
    version = step_of(training(ctx), "register")["Arguments"]

    def uris(kind: str) -> dict[str, list[Any]]:
        sources = version["DriftCheckBaselines"][kind]
        return {role: source["S3Uri"]["Std:Join"]["Values"] for role, source in sources.items()}

    def written_by(step: str) -> dict[str, list[Any]]:
        folder = {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['baseline'].S3Output.S3Uri"}
        return {
            "Statistics": [folder, "statistics.json"],
            "Constraints": [folder, "constraints.json"],
        }

    assert uris("ModelDataQuality") == written_by("baseline")
    assert uris("ModelQuality") == written_by("quality-baseline")
    assert version["ModelMetrics"] == version["DriftCheckBaselines"]
    metadata = version["CustomerMetadataProperties"]
    for step in ("baseline", "quality-baseline"):
        digest = metadata[f"{step}-digest"]["Std:Join"]["Values"][0]["Std:JsonGet"]
        assert digest["PropertyFile"] == {"Get": f"Steps.{step}.PropertyFiles.baseline"}
        assert digest["Path"] == "digest"


def test_the_baseline_is_of_the_rows_that_the_model_was_judged_by(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(ctx)

    def dataset(step: str) -> Any:
        inputs = step_of(p, step)["Arguments"]["ProcessingInputs"]
        (uri,) = [i["S3Input"]["S3Uri"] for i in inputs if i["InputName"] == "dataset"]
        return uri

    judged_by = step_of(p, "evaluate")["Arguments"]["ProcessingInputs"][-1]["S3Input"]["S3Uri"]
    assert dataset("baseline") == judged_by
    assert dataset("quality-baseline") == {
        "Get": "Steps.evaluate.ProcessingOutputConfig.Outputs['predictions'].S3Output.S3Uri"
    }
    told = step_of(p, "baseline")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert told[told.index("--exclude-columns") + 1] == "late"


def test_nothing_that_may_be_null_in_the_report_is_read(ctx: Context) -> None:
    # Without a champion its scores are null, and nobody says what SageMaker makes of that.
    text = training(ctx).to_json()

    assert "champion.score" not in text
    assert "champion.reason" not in text


def test_botocore_would_send_every_jobs_arguments(ctx: Context, step_of: StepOf) -> None:
    p = training(ctx)
    for name, operation, extra in (
        ("prepare", "CreateProcessingJob", {"ProcessingJobName": "job"}),
        ("train", "CreateTrainingJob", {"TrainingJobName": "job"}),
        ("evaluate", "CreateProcessingJob", {"ProcessingJobName": "job"}),
        ("baseline", "CreateProcessingJob", {"ProcessingJobName": "job"}),
        ("quality-baseline", "CreateProcessingJob", {"ProcessingJobName": "job"}),
        ("register", "CreateModelPackage", {}),
    ):
        shape = service_model().operation_model(operation).input_shape
        assert shape is not None
        arguments = {**plain(step_of(p, name)["Arguments"]), **extra}
        assert ParamValidator().validate(arguments, shape).generate_report() == "", name


def test_everything_that_leads_into_a_cache_key_is_named_by_content(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(ctx)
    parts = {
        "prepare": ("AppSpecification", "Environment", "ProcessingInputs"),
        "train": ("AlgorithmSpecification", "Environment", "HyperParameters", "InputDataConfig"),
        "evaluate": ("AppSpecification", "Environment", "ProcessingInputs"),
        "baseline": ("AppSpecification", "Environment", "ProcessingInputs"),
        "quality-baseline": ("AppSpecification", "Environment", "ProcessingInputs"),
    }
    scripts = {"baseline": "analyze", "quality-baseline": "analyze"}
    for name, attributes in parts.items():
        step = step_of(p, name)
        key = {a: step["Arguments"][a] for a in attributes if a in step["Arguments"]}
        assert step["CacheConfig"]["Enabled"] is True
        assert not [got for got in gets(key) if got.startswith("Execution.")]
        literals = [part for part in json.dumps(key).split('"') if part.startswith("s3://")]
        assert literals == [
            ctx.bundle_uri(b) for b in p.bundles if b.name == scripts.get(name, name)
        ]


def test_one_function_serves_a_laptop_and_a_synth(ctx: Context) -> None:
    here = {
        "${Token[TOKEN.1]}": ctx.role_arn,
        "${Token[TOKEN.2]}": "artifacts",
        "${Token[TOKEN.3]}": "code",
        "${Token[TOKEN.4]}": ctx.functions.resolve_champion,
    }
    role, artifacts, code, function = here
    at_synth = replace(
        ctx,
        role_arn=role,
        artifacts_uri=f"s3://{artifacts}",
        code_uri=f"s3://{code}",
        functions=Functions(resolve_champion=function),
    )

    written = training(at_synth).to_json()

    assert all(token in written for token in here)
    for token, value in here.items():
        written = written.replace(token, value)
    assert written == training(ctx).to_json()


def test_the_same_input_gives_the_same_bytes_in_every_process(ctx: Context) -> None:
    code = f"""
from pathlib import Path
from ratchet.project import load
from pipeline_defs.flights import PIPELINES
from ratchet.authoring import Context, Functions
ctx = Context(settings=load("dev"), role_arn={ctx.role_arn!r}, artifacts_uri="s3://a",
    code_uri="s3://c", functions=Functions(resolve_champion="arn:aws:lambda:x"),
    source=Path({str(ctx.source)!r}))
print(PIPELINES["training"](ctx).to_json())
"""
    written = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }

    assert len(written) == 1


def test_asking_twice_gives_the_same_and_nothing_shared(ctx: Context) -> None:
    p = training(ctx)
    first = p.definition()
    text = p.to_json()
    first["Steps"].clear()

    assert p.to_json() == text
    assert json.loads(text) == p.definition()


def test_an_edit_to_one_script_changes_that_steps_key_alone(
    ctx: Context, step_of: StepOf, write_source: WriteSource
) -> None:
    def keys() -> dict[str, str]:
        p = training(ctx)
        return {
            "prepare": json.dumps(step_of(p, "prepare")["Arguments"]["ProcessingInputs"]),
            "train": json.dumps(step_of(p, "train")["Arguments"]["HyperParameters"]),
            "evaluate": json.dumps(step_of(p, "evaluate")["Arguments"]["ProcessingInputs"]),
            "baseline": json.dumps(step_of(p, "baseline")["Arguments"]["ProcessingInputs"]),
        }

    before = keys()
    write_source({"ratchet/judging/scoring.py": "METRIC = 'log_loss'\n"})
    after_scoring = keys()
    write_source({"steps/flights/train.py": "import features, inference, json\n"})
    after_train = keys()
    write_source({"ratchet/monitoring/profiles.py": "BUCKETS = 20\n"})
    after_profiles = keys()

    assert [step for step in before if after_scoring[step] != before[step]] == ["evaluate"]
    assert [step for step in before if after_train[step] != after_scoring[step]] == ["train"]
    assert [step for step in before if after_profiles[step] != after_train[step]] == ["baseline"]


def test_a_definition_is_made_without_the_packages_that_take_long_to_import() -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ratchet.project import load\n"
        "from ratchet.pipelines.registry import pipelines\n"
        "from ratchet.authoring import Context, Functions\n"
        "ctx = Context(settings=load('dev'), role_arn='arn:aws:iam::111122223333:role/r',\n"
        "    artifacts_uri='s3://a', code_uri='s3://c', source=Path('.'),\n"
        "    functions=Functions(resolve_champion='arn:aws:lambda:x'))\n"
        "pipelines(Path('.').resolve(), 'flights')['training'].compile(ctx).to_json()\n"
        "slow = {'aws_cdk', 'boto3', 'botocore', 'jsii', 'numpy', 'pandas', 'pyarrow'}\n"
        "print(*sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.fixture
def at_home(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The context of the repository itself: its own scripts, and the analyzer."""
    monkeypatch.setattr(draft, "PACKAGES", PACKAGES)
    return replace(ctx, source=ROOT)


@pytest.mark.parametrize("environment", PROJECT.environments)
def test_every_environments_pipelines_are_sound(at_home: Context, environment: str) -> None:
    settings = PROJECT.settings(environment, "flights")
    for entry in pipelines(ROOT, "flights").values():
        assert entry.compile(replace(at_home, settings=settings)).definition()


def test_the_artifacts_code_is_in_the_training_bundle(at_home: Context) -> None:
    files = {bundle.name: bundle.files for bundle in training(at_home).bundles}

    assert "inference.py" in files["train"]
    assert "inference.py" not in files["evaluate"], "a model is scored through its own code"


def test_bundles_hold_python_of_the_repository_as_it_is(at_home: Context) -> None:
    for bundle in training(at_home).bundles:
        home = ROOT if bundle.entry.startswith("ratchet/") else ROOT / "steps" / "flights"
        for path, content in bundle.files.items():
            assert (home / path).read_bytes() == content


def gated(ctx: Context, **gate: Any) -> Context:
    return replace(ctx, settings=replace(ctx.settings, gate=GateSettings(**gate)))


def test_each_limit_is_a_condition_and_the_halt_names_its_value(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(gated(ctx, limits={"recall": 0.6, "log_loss": 0.7, "size_mb": 20}))

    limits = step_of(p, "new-model")["Arguments"]["Conditions"][3:]
    assert [
        (each["LeftValue"]["Std:JsonGet"]["Path"], each["Type"], each["RightValue"])
        for each in limits
    ] == [
        ("candidate.metrics.recall", "GreaterThanOrEqualTo", 0.6),
        ("candidate.metrics.log_loss", "LessThanOrEqualTo", 0.7),
        ("candidate.metrics.size_mb", "LessThanOrEqualTo", 20),
    ]
    halting = step_of(p, "no-regression")["Arguments"]["Conditions"][2:]
    assert [each["Conditions"][0] for each in halting] == limits
    values = step_of(p, "halt")["Arguments"]["ErrorMessage"]["Std:Join"]["Values"]
    for words, each in (
        ("and recall of at least 0.6; it is", limits[0]),
        ("and log_loss of at most 0.7; it is", limits[1]),
        ("and size_mb of at most 20; it is", limits[2]),
    ):
        assert values[values.index(words) + 1] == each["LeftValue"]
    told = step_of(p, "evaluate")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert {"--need=recall", "--need=log_loss", "--need=size_mb"} <= {
        argument for argument in told if isinstance(argument, str)
    }


def test_a_limit_of_the_teams_own_metric_has_its_direction(
    ctx: Context, step_of: StepOf, write_source: WriteSource
) -> None:
    write_source({"steps/flights/metrics.py": "BETTER = {'cost': 'lower'}\ndef cost(l, a): ...\n"})

    limit = step_of(training(gated(ctx, limits={"cost": 3})), "new-model")["Arguments"][
        "Conditions"
    ][-1]

    assert (limit["Type"], limit["RightValue"]) == ("LessThanOrEqualTo", 3)


@pytest.mark.parametrize("halts", [False, True])
def test_slices_are_compared_and_halt_only_where_the_settings_say_so(
    ctx: Context, step_of: StepOf, halts: bool
) -> None:
    gate = {"slices": ("carrier", "origin"), "slice_max_regression": 0.02, "slices_halt": halts}
    p = training(gated(ctx, **gate))

    told = step_of(p, "evaluate")["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert told[-3:] == ["--slice=carrier", "--slice=origin", "--slice-tolerance=0.02"]
    conditions = step_of(p, "new-model")["Arguments"]["Conditions"]
    at_slices = [c for c in conditions if "worse_slices" in json.dumps(c)]
    assert [(c["Type"], c["RightValue"]) for c in at_slices] == (
        [("LessThanOrEqualTo", 0)] if halts else []
    )
    assert ("worse_slices" in json.dumps(step_of(p, "halt"))) is halts


def test_the_tolerance_of_slices_is_the_gates_unless_the_settings_say_another(
    ctx: Context, step_of: StepOf
) -> None:
    p = training(gated(ctx, slices=("carrier",), max_regression=0.04))

    told = step_of(p, "evaluate")["Arguments"]["AppSpecification"]["ContainerArguments"]

    assert told[-1] == "--slice-tolerance=0.04"
