"""Foundation models on the deployed app: a stub that follows a known rule gets that rule's score,
and one that misbehaves ends as a person would expect."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner, Result

from ratchet.candidates.results import Trial
from ratchet.cli.main import app
from tests.local_cloud.openai_stub import OpenAIStub, running_stub
from tests.loop.deployed_loop import Loop
from tests.projects import MODEL, copy_of_project

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

NOVA = "amazon.nova-lite-v1:0"
COLUMNS = ["hour", "carrier", "origin", "dest", "distance"]
SETTINGS = f"""
[candidates]
columns = {json.dumps(COLUMNS)}
"""
LIMIT = ["--limit-tokens", "1000000"]


def chance(hour: int) -> float:
    """The rule that the stub follows: later in the day, later."""
    return round((hour + 1) / 25, 3)


def by_the_hour(prompt: str) -> str:
    match = re.search(r'"hour": (\d+)', prompt)
    assert match, prompt
    return json.dumps({"probability": chance(int(match[1]))})


@dataclass
class Bench:
    """The deployed app with a champion, a project that lets some columns leave, and a stub."""

    loop: Loop
    folder: Path
    stub: OpenAIStub

    def try_(self, *words: str, rows: int = 60, limit: list[str] = LIMIT) -> Result:
        return CliRunner().invoke(
            app, ["candidates", "try", NOVA, "--rows", str(rows), *limit, *words]
        )

    def trial(self, *words: str, rows: int = 60) -> Trial:
        """What `--json` says of the trial."""
        result = self.try_("--json", *words, rows=rows)
        assert result.exit_code == 0, result.output
        (data,) = json.loads(result.stdout)
        return Trial.from_json(json.dumps(data))

    def verdict(self, *words: str, rows: int = 60) -> str:
        result = self.try_("--json", *words, rows=rows)
        assert result.exit_code == 0, result.output
        (data,) = json.loads(result.stdout)
        return str(data["verdict"]["head"])

    @property
    def eval_slice(self) -> pd.DataFrame:
        """Read by the test itself, from the run's own output."""
        (run,) = self.loop.runs()
        step = next(step for step in self.loop.steps(run) if step.name == "prepare")
        assert step.job is not None
        job = self.loop.client("sagemaker").describe_processing_job(ProcessingJobName=step.job[1])
        uri = next(
            output["S3Output"]["S3Uri"]
            for output in job["ProcessingOutputConfig"]["Outputs"]
            if output["OutputName"] == "eval"
        )
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self.loop.client("s3").get_object(Bucket=bucket, Key=f"{key}/eval.csv")["Body"]
        return pd.read_csv(io.BytesIO(body.read()))

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The rows in the prompts that the stub got."""
        texts = [request["messages"][-1]["content"] for request in self.stub.requests]
        return [json.loads(re.findall(r"\{.*?\}", text)[0]) for text in texts]


@pytest.fixture(scope="module")
def served(loop: Loop, drops: Path) -> Loop:
    """The app with a champion."""
    for month in ("2013-01", "2013-02"):
        loop.land(drops / month)
    state = loop.finished(loop.next_run(0))
    assert state.run.status == "Succeeded", state.run.failure
    step = state.step("register")
    assert step is not None
    loop.deploy_champion(step.metadata.model_package_arn)
    return loop


@pytest.fixture
def bench(served: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    folder = copy_of_project(tmp_path / "project")
    file = folder / "config" / MODEL / "base.toml"
    file.write_text(file.read_text() + SETTINGS)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RATCHET_LOCAL", str(served.folder))
    with running_stub(by_the_hour) as stub:
        served.tell_cloud("settings", {"bedrock_url": stub.url})
        yield Bench(served, folder, stub)
    served.tell_cloud("settings", {"bedrock_url": ""})


def test_a_model_that_follows_a_rule_gets_the_score_of_that_rule(bench: Bench) -> None:
    trial = bench.trial(rows=200)
    rows = bench.eval_slice
    asked = pd.DataFrame(bench.asked)
    assert len(asked) == trial.rows == trial.scored == 200
    # The label of each row that the stub was asked about, found by all that it was told.
    key = [name for name in COLUMNS]
    both = asked.merge(rows, on=key, how="left")
    unique = both.groupby(key)["late"].transform("nunique") == 1
    assert unique.mean() > 0.5
    assert trial.pair is not None
    assert trial.pair.champion is not None
