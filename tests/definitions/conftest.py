"""A context with a small source tree, and what a test needs to ask about a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, DefinitionError, Functions, Pipeline, draft
from ratchet.settings.schema import ModelSettings, Settings

SCRIPTS = {
    "prepare.py": "import shared\n",
    "train.py": "import features, inference\n",
    "evaluate.py": "import scoring\n",
    "inference.py": "import features\n",
    "features.py": "NAMES = ['distance']\n",
    "scoring.py": "METRIC = 'auc'\n",
    "shared.py": "",
}
SOURCE = {
    # The loop's own pipelines take the scripts of their model.
    **{
        f"{folder}/{name}": text
        for folder in ("steps", "steps/flights")
        for name, text in SCRIPTS.items()
    },
    "ratchet/__init__.py": "",
    "ratchet/judging/__init__.py": "",
    "ratchet/judging/evaluate.py": "from ratchet.judging import scoring\n",
    "ratchet/judging/scoring.py": "METRIC = 'auc'\n",
    "ratchet/monitoring/__init__.py": "",
    "ratchet/monitoring/analyze.py": "from ratchet.monitoring import profiles\n",
    "ratchet/monitoring/profiles.py": "BUCKETS = 10\n",
}

Problems = Callable[[Pipeline], list[str]]
WriteSource = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write_source(tmp_path: Path) -> WriteSource:
    """Writes files below a source folder, and gives the folder."""
    root = tmp_path / "source"

    def write(files: Mapping[str, str]) -> Path:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return root

    return write


@pytest.fixture
def settings() -> Settings:
    return Settings(
        environment="dev",
        model_name="flights",
        model=ModelSettings(problem="binary", label="late"),
        project="flights",
        region="us-east-1",
        owner="ml-platform",
        cost_center="ml-0001",
        hyperparameters={"max_depth": 6, "eta": 0.1},
    )


@pytest.fixture
def ctx(settings: Settings, write_source: WriteSource, monkeypatch: pytest.MonkeyPatch) -> Context:
    source = write_source(SOURCE)
    # Scripts of Ratchet's that stay as they are, so that what is held of definitions does.
    monkeypatch.setattr(draft, "PACKAGES", source)
    return Context(
        settings=settings,
        role_arn="arn:aws:iam::111122223333:role/flights-dev-training",
        artifacts_uri="s3://artifacts",
        code_uri="s3://code",
        functions=Functions(
            resolve_champion="arn:aws:lambda:us-east-1:111122223333:function:resolve-champion",
            select_captured="arn:aws:lambda:us-east-1:111122223333:function:select-captured",
            publish_monitoring="arn:aws:lambda:us-east-1:111122223333:function:publish-monitoring",
            record_evaluation="arn:aws:lambda:us-east-1:111122223333:function:record-evaluation",
        ),
        source=source,
    )


@pytest.fixture
def pipeline(ctx: Context) -> Pipeline:
    """An empty pipeline."""
    return Pipeline("trial", ctx)


@pytest.fixture
def problems() -> Problems:
    """The problems with which a pipeline is refused."""

    def found(pipeline: Pipeline) -> list[str]:
        with pytest.raises(DefinitionError) as refused:
            pipeline.definition()
        return [str(problem) for problem in refused.value.problems]

    return found


@pytest.fixture
def step_of() -> Callable[[Pipeline, str], dict[str, Any]]:
    """A step of a pipeline's definition, in a branch or not."""

    def find(pipeline: Pipeline, name: str) -> dict[str, Any]:
        waiting = list(pipeline.definition()["Steps"])
        while waiting:
            step: dict[str, Any] = waiting.pop()
            if step["Name"] == name:
                return step
            arguments = step["Arguments"]
            waiting += [*arguments.get("IfSteps", ()), *arguments.get("ElseSteps", ())]
        raise LookupError(name)

    return find
