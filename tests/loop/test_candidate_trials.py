"""Foundation models on the deployed app: a stub that follows a known rule gets that rule's score,
and one that misbehaves ends as a person would expect."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner, Result

from ratchet.candidates import champion_answers
from ratchet.candidates.champion_answers import Champion
from ratchet.candidates.eval_rows import EvalRows, rows_digest
from ratchet.candidates.results import CandidateTrial
from ratchet.cli.main import app
from ratchet.costs.token_book import ListedRates, TokenBook
from ratchet.deployment.target.environment import Target
from tests.local_cloud.openai_stub import OpenAIStub, running_stub
from tests.loop.deployed_loop import PRICES, Loop
from tests.projects import MODEL, ROOT, copy_of_project

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

NOVA, MICRO, TITAN = (
    "amazon.nova-lite-v1:0",
    "amazon.nova-micro-v1:0",
    "amazon.titan-embed-text-v2:0",
)
NO_AGREEMENT = "mistral.mistral-large-2402-v1:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
GENERATOR, GATED, G5 = "stand-in-text-generation", "stand-in-text-generation-gated", "ml.g5.2xlarge"
KEY = ["day", "carrier", "flight", "origin"]
"""What makes a flight of the eval slice's month one flight."""
COLUMNS = [*KEY, "hour", "dest"]
SETTINGS = f"""
[candidates]
columns = {json.dumps(COLUMNS)}
"""
LIMIT = ["--limit-tokens", "1000000"]


ORIGINAL = champion_answers.champion_of


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

    def try_(self, *words: str, ids: Sequence[str] = (NOVA,), rows: int = 60) -> Result:
        limit = [] if any(word.startswith("--limit") for word in words) else LIMIT
        return CliRunner().invoke(
            app, ["candidates", "try", *ids, "--rows", str(rows), *limit, *words]
        )

    def trials(self, *words: str, **how: Any) -> list[tuple[CandidateTrial, str]]:
        """What `--json` says, with the verdict's head."""
        result = self.try_("--json", *words, **how)
        assert result.exit_code == 0, result.output
        return [
            (CandidateTrial.from_json(json.dumps(data)), str(data["verdict"]["head"]))
            for data in json.loads(result.stdout)
        ]

    def trial(self, *words: str, **how: Any) -> tuple[CandidateTrial, str]:
        (trial,) = self.trials(*words, **how)
        return trial

    def refused(self, *words: str, **how: Any) -> str:
        """The message of a trial that did not take place: nothing of it is stored."""
        before = self.stored
        result = self.try_(*words, **how)
        assert result.exit_code == 1, result.output
        assert not isinstance(result.exception, (ValueError, TypeError, KeyError))
        assert self.stored == before
        return " ".join(result.stderr.split())

    @property
    def stored(self) -> list[str]:
        """Names of the trials in the project's folder and in the bucket."""
        files = sorted(each.name for each in self.folder.glob(".ratchet/candidates/dev/*.json"))
        return [*files, *keys(self.loop, "candidates/trials/")]

    @property
    def asked(self) -> pd.DataFrame:
        """The rows in the prompts that the stub got."""
        texts = [request["messages"][-1]["content"] for request in self.stub.requests]
        rows = [json.loads(re.findall(r"\{.*?\}", text)[0]) for text in texts]
        return pd.DataFrame(rows)


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
    prices = {**PRICES, G5: {"Transform": "1.80"}}
    loop.tell_cloud("prices", {"hourly": {loop.settings.region: prices}})
    create_candidate_role(loop)
    return loop


@pytest.fixture(scope="module")
def asked_once() -> Callable[[Target, EvalRows], Champion]:
    """The champion's answers, asked in its process once for each sample: that takes seconds."""
    champions: dict[str, Champion] = {}

    def champion(target: Target, rows: EvalRows) -> Champion:
        digest = rows_digest(rows.cells, list(rows.cells.columns))
        if digest not in champions:
            champions[digest] = ORIGINAL(target, rows)
        return champions[digest]

    return champion


@pytest.fixture
def bench(
    served: Loop,
    asked_once: Callable[[Target, EvalRows], Champion],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    folder = copy_of_project(tmp_path / "project")
    file = folder / "config" / MODEL / "base.toml"
    file.write_text(file.read_text() + SETTINGS)
    monkeypatch.setattr(champion_answers, "champion_of", asked_once)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RATCHET_LOCAL", str(served.folder))
    with running_stub(by_the_hour) as stub:
        served.tell_cloud("settings", {"bedrock_url": stub.url})
        yield Bench(served, folder, stub)
    served.tell_cloud("settings", {"bedrock_url": ""})


def keys(loop: Loop, prefix: str) -> list[str]:
    """Of the artifact bucket."""
    listed = loop.client("s3").list_objects_v2(Bucket=loop.deployed.artifacts_bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", ())]


def output_of(loop: Loop, step: str, output: str, file: str) -> pd.DataFrame:
    """A file that a step of the run has written, read by the test itself."""
    (run,) = loop.runs()
    job = next(each.job for each in loop.steps(run) if each.name == step)
    assert job is not None
    described = loop.client("sagemaker").describe_processing_job(ProcessingJobName=job[1])
    outputs = described["ProcessingOutputConfig"]["Outputs"]
    uri = next(o["S3Output"]["S3Uri"] for o in outputs if o["OutputName"] == output)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = loop.client("s3").get_object(Bucket=bucket, Key=f"{key}/{file}")["Body"].read()
    return pd.read_csv(io.BytesIO(body))


@pytest.fixture(scope="module")
def truth(served: Loop) -> pd.DataFrame:
    """The eval slice, with what the run itself recorded of the champion's answers."""
    rows = output_of(served, "prepare", "eval", "eval.csv")
    answers = output_of(served, "evaluate", "predictions", "predictions.csv")
    assert rows["late"].tolist() == answers["label"].tolist()
    return rows.assign(champion=answers["probability"])


def test_a_model_that_follows_a_rule_gets_the_score_of_that_rule(
    bench: Bench, truth: pd.DataFrame
) -> None:
    trial, _ = bench.trial(rows=200)
    rows = bench.asked.merge(truth[[*KEY, "late", "champion"]], on=KEY, validate="one_to_one")
    assert trial.rows == trial.scored == len(rows) == 200
    assert trial.pair is not None
    rule = roc_auc_score(rows["late"], rows["hour"].map(chance))
    assert trial.pair.candidate == pytest.approx(rule, abs=1e-12)
    champion = roc_auc_score(rows["late"], rows["champion"])
    assert trial.pair.champion == pytest.approx(champion, abs=1e-12)
    assert trial.regression == pytest.approx(champion - rule, abs=1e-12)
    assert trial.champion == "1"


def test_nothing_leaves_but_the_columns_of_the_settings(bench: Bench, truth: pd.DataFrame) -> None:
    bench.trial(rows=120)
    assert len(bench.asked) == 120
    assert set(bench.asked) == set(COLUMNS)
    sent = json.dumps(bench.stub.requests)
    # Values that no column of the settings has, and that would tell what else left.
    for name in ("tailnum", "time_hour", "plane_model", "plane_manufacturer"):
        values = {str(value) for value in truth[name].dropna() if len(str(value)) > 3}
        assert values
        assert not [value for value in values if f'"{value}"' in sent or f" {value}" in sent]


def test_the_same_rows_come_again(bench: Bench) -> None:
    first, _ = bench.trial()
    rows = bench.asked
    bench.stub.requests.clear()
    again, _ = bench.trial()
    assert again.data_digest == first.data_digest
    assert again.pair == first.pair
    assert rows.sort_values(KEY).to_numpy().tolist() == (
        bench.asked.sort_values(KEY).to_numpy().tolist()
    )


# -- a stub that misbehaves ------------------------------------------------------------------------


def test_nonsense_is_counted_with_examples_and_never_scored(bench: Bench) -> None:
    bench.stub.nonsense = True
    trial, head = bench.trial()
    assert (head, trial.unparsable, trial.scored, trial.metrics) == ("No score", 60, 0, ())
    assert trial.examples == ("'purple monkey dishwasher {': expected a number",)


def test_half_the_rows_are_no_verdict(bench: Bench) -> None:
    bench.stub.failing = lambda prompt: int(re.findall(r'"flight": (\d+)', prompt)[0]) % 2 == 0
    trial, head = bench.trial()
    assert head == "No verdict"
    assert 15 < trial.unanswered < 45
    assert trial.scored + trial.unanswered == 60
    assert "the model crashed" in trial.why_unanswered


def test_requests_that_come_too_fast_are_sent_again(bench: Bench) -> None:
    bench.stub.throttled = 2
    trial, _ = bench.trial()
    assert (trial.scored, trial.unanswered, trial.stopped) == (60, 0, "")
    assert len(bench.stub.requests) == 62


def test_a_row_that_takes_too_long_is_unanswered_and_the_others_are_scored(bench: Bench) -> None:
    slow = iter([False, True, *[False] * 99])

    def rule(prompt: str) -> str:
        if next(slow):
            time.sleep(12)
        return by_the_hour(prompt)

    bench.stub.rule = rule
    trial, head = bench.trial("--timeout", "4")
    assert (trial.scored, trial.unanswered, trial.stopped) == (59, 1, "")
    assert trial.why_unanswered == "no answer within 4 s"
    assert head != "No verdict"


def test_a_server_that_dies_midway_leaves_what_was_answered(bench: Bench) -> None:
    bench.stub.dies_after = 25
    trial, _ = bench.trial(rows=200)
    assert 20 <= trial.scored <= 35
    assert "rows in a row had no answer" in trial.stopped
    assert "does not answer" in trial.stopped
    assert trial.not_asked > 100
    assert trial.pair is not None  # a smaller sample, and not another one
    assert f"{trial.id}.json" in bench.stored


def test_a_limit_that_the_trial_could_pass_refuses_it_before_anything_is_sent(
    bench: Bench,
) -> None:
    message = bench.refused("--limit-tokens", "1000")
    assert f"{NOVA}: it could take" in message
    assert "more than --limit-tokens 1,000" in message
    assert bench.stub.requests == []


def test_answers_that_use_more_than_expected_stop_at_the_limit_and_what_there_is_is_scored(
    bench: Bench,
) -> None:
    """An answer may have 100 tokens, and the stub says that it has 150."""
    why = " ".join(["word"] * 148)
    bench.stub.rule = lambda prompt: by_the_hour(prompt)[:-1] + f', "why": "{why}"}}'
    estimated = 60 * (100 + 400)
    trial, _ = bench.trial("--limit-tokens", str(estimated), "--max-tokens", "100", rows=60)
    whole = trial.input_tokens + trial.output_tokens  # type: ignore[operator]
    assert trial.stopped == ""
    limit = round(whole * 0.8)
    refused = bench.try_("--limit-tokens", str(limit), "--max-tokens", "20", "--json", rows=60)
    assert refused.exit_code == 0, refused.output
    (data,) = json.loads(refused.stdout)
    stopped = CandidateTrial.from_json(json.dumps(data))
    assert stopped.stopped == f"the limit of {limit:,} tokens is reached"
    assert 0 < stopped.scored < 60
    used = stopped.input_tokens + stopped.output_tokens  # type: ignore[operator]
    assert used <= limit + 8 * 150


def test_dollars_are_those_of_the_price_list_and_their_limit_holds(bench: Bench) -> None:
    trial, _ = bench.trial("--limit-usd", "1")
    assert trial.input_tokens is not None
    assert trial.output_tokens is not None
    cost = (60 * trial.input_tokens + 240 * trial.output_tokens) / 1e9  # $0.06 and $0.24
    assert trial.cost_usd is not None
    assert float(trial.cost_usd) == pytest.approx(cost)
    bench.stub.requests.clear()
    message = bench.refused("--limit-usd", "0.0001")
    assert f"{NOVA}: it could cost $0.00" in message
    assert "more than the limit of $0.0001" in message
    assert bench.stub.requests == []


def test_a_price_that_nobody_knows_needs_a_limit_in_tokens(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TokenBook, "listed", ListedRates())
    message = bench.refused("--limit-usd", "1")
    assert "nobody knows its price here" in message
    assert re.search(r"--limit-tokens \d+", message)
    assert bench.stub.requests == []


def test_a_dead_server_is_refused(bench: Bench) -> None:
    bench.stub.die()
    message = bench.refused()
    assert "no model answers: ServiceUnavailableException" in message
    assert f"The server at {bench.stub.url}/chat/completions does not answer" in message
    assert "RATCHET_BEDROCK_URL" in message


def test_a_cloud_without_a_server_is_refused_with_what_to_type(bench: Bench) -> None:
    bench.loop.tell_cloud("settings", {"bedrock_url": ""})
    assert "RATCHET_BEDROCK_URL=http" in bench.refused()


@pytest.mark.parametrize("first", [0, 20])
def test_what_an_emulator_makes_up_is_refused_as_a_whole(bench: Bench, first: int) -> None:
    answered = iter(range(1000))

    def rule(prompt: str) -> str:
        text = by_the_hour(prompt)
        return text if next(answered) < first else "[ministack mock] a canned reply"

    bench.stub.rule = rule
    message = bench.refused()
    assert "no model answered" in message
    assert "nothing of it is scored" in message


# -- models that may not be tried ------------------------------------------------------------------


def test_models_that_may_not_be_tried_are_refused_with_the_way_out(bench: Bench) -> None:
    unknown = bench.refused(ids=["amazon.nova-lite-v1:1"])
    assert "no" in unknown
    assert NOVA in unknown
    assert f"candidates show {NO_AGREEMENT}" in bench.refused(ids=[NO_AGREEMENT])
    elsewhere = bench.refused(ids=[HAIKU])
    assert "us-west-2" in elsewhere
    assert "[candidates] regions" in elsewhere
    assert bench.stub.requests == []


def test_a_project_that_lets_no_column_leave_sends_nothing(bench: Bench) -> None:
    file = bench.folder / "config" / MODEL / "base.toml"
    file.write_text(file.read_text().replace(SETTINGS, ""))
    assert "[candidates] columns = [" in bench.refused()
    assert bench.stub.requests == []


# -- prompts and views -----------------------------------------------------------------------------


def test_the_prompt_of_one_row_is_shown_and_nothing_is_sent(bench: Bench) -> None:
    (bench.folder / "config" / MODEL / "prompt.txt").write_text("At {hour}: {row}\n")
    result = bench.try_("--show-prompt")
    assert result.exit_code == 0, result.output
    assert re.match(r'At \d+: \{"day": \d+, "carrier": "', result.stdout)
    assert "Answer with one JSON object" in result.stdout
    assert bench.stub.requests == []
    (bench.folder / "config" / MODEL / "prompt.txt").write_text("At {huor}: {row}\n")
    assert "{huor} is no placeholder; did you mean hour?" in bench.refused()


def test_several_models_are_tried_one_after_the_other(bench: Bench) -> None:
    result = bench.try_(ids=[NOVA, MICRO])
    assert result.exit_code == 0, result.output
    assert result.stdout.count(f"{NOVA}: ") == result.stdout.count(f"{MICRO}: ") == 1
    assert len(bench.stub.requests) == 120
    assert len(bench.stored) >= 4


def test_an_embedding_model_is_scored_by_a_small_head_on_the_train_slice(
    bench: Bench, truth: pd.DataFrame
) -> None:
    trial, _ = bench.trial("--train-rows", "300", ids=[TITAN], rows=120)
    assert (trial.kind, trial.scored) == ("embedding", 120)
    texts = [request["input"] for request in bench.stub.requests]
    rows = [json.loads(text if isinstance(text, str) else text[0]) for text in texts]
    assert len(rows) == 420
    assert all(set(row) == set(COLUMNS) for row in rows)
    assert trial.pair is not None
    assert trial.output_tokens == 0


def test_a_batch_job_is_scored_like_rows_that_are_asked_one_by_one_and_leaves_nothing(
    bench: Bench,
) -> None:
    one_by_one, _ = bench.trial(rows=100)
    bench.stub.requests.clear()
    by_job, _ = bench.trial("--batch", rows=100)
    assert by_job.pair == one_by_one.pair
    assert (by_job.scored, by_job.stopped) == (100, "")
    assert len(bench.stub.requests) == 101  # the first row is asked before the job starts
    assert keys(bench.loop, "candidates/batches/") == []


def test_a_batch_job_that_cannot_start_is_refused_with_what_its_role_needs(bench: Bench) -> None:
    assert "--rows 100" in bench.refused("--batch", rows=60)
    assert bench.stub.requests == []
    message = bench.refused("--batch", "--batch-role", "nobody", rows=100)
    assert "no job was started" in message
    assert "role/nobody. docs/guides/roles/candidates.yaml makes such a role" in message


# -- models of JumpStart ---------------------------------------------------------------------------


def test_a_generator_of_jumpstart_is_scored_by_one_transform_job_and_leaves_nothing(
    bench: Bench, truth: pd.DataFrame
) -> None:
    loop = bench.loop
    trial, _ = bench.trial("--limit-usd", "1", ids=[GENERATOR], rows=100)
    rows = bench.asked.merge(truth[[*KEY, "late"]], on=KEY, validate="one_to_one")
    assert trial.pair is not None
    rule = roc_auc_score(rows["late"], rows["hour"].map(chance))
    assert trial.pair.candidate == pytest.approx(rule, abs=1e-12)
    assert (trial.kind, trial.scored, trial.input_tokens) == ("jumpstart", 100, None)
    assert trial.cost_usd is not None
    assert 0 < trial.cost_usd < 1
    sagemaker = loop.client("sagemaker")
    assert sagemaker.list_models(NameContains="flights-dev-try-")["Models"] == []
    assert keys(loop, "candidates/transforms/") == []
    message = bench.refused("--limit-usd", "0.5", ids=[GENERATOR])
    assert "half an hour of ml.g5.2xlarge costs $0.90, more than the limit of $0.50" in message
    assert "--accept-licence" in bench.refused("--limit-usd", "9", ids=[GATED])


def create_candidate_role(loop: Loop) -> None:
    """What docs/guides/roles/candidates.yaml makes, with what S3 and SageMaker ask of it."""
    bucket, name = loop.deployed.artifacts_bucket, "flights-dev-candidate"
    services = ["sagemaker.amazonaws.com", "bedrock.amazonaws.com"]
    trust = {"Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    rows = {
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": f"arn:aws:s3:::{bucket}/candidates/*",
    }
    listing = {
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
        "Condition": {"StringLike": {"s3:prefix": ["candidates/*"]}},
    }
    models = [f"arn:aws:s3:::jumpstart-cache-prod-us-east-1{ending}" for ending in ("", "/*")]
    others: list[dict[str, Any]] = [
        {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": models},
        {"Action": ["ecr:*", "logs:*", "kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"},
    ]
    iam = loop.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(
        RoleName=name, PolicyName="candidate", PolicyDocument=policy(rows, listing, *others)
    )


def policy(*statements: dict[str, Any]) -> str:
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


# -- the guide -------------------------------------------------------------------------------------

GUIDE = ROOT / "docs" / "guides" / "candidates.md"
SECTIONS = (
    "A trial",
    "By a batch job",
    "A model of JumpStart",
    "Embeddings",
    "What it costs",
    "On a laptop",
)


def blocks() -> Iterator[tuple[str, str]]:
    """Language and text of each block of the guide's second half."""
    text = GUIDE.read_text(encoding="utf-8")
    half = text[text.index("## A trial\n") :]
    assert re.findall(r"^##+ (.+)$", half, re.MULTILINE) == [*SECTIONS]
    yield from re.findall(r"```(\w+)\n(.*?)```", half, re.DOTALL)


def plain(text: str) -> str:
    """Without numbers, which are the stub's, and without the ends of lines."""
    return re.sub(r"\d[\d,.]*", "#", " ".join(text.split()))


def test_the_guide_is_right_line_by_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last test of this file: it starts the cloud again."""
    monkeypatch.setenv("COLUMNS", "100")
    printed = ""
    for language, text in blocks():
        if language == "toml":
            assert text.strip() == SETTINGS.strip()
        elif language == "text":
            for line in text.splitlines():
                assert plain(line) in plain(printed), printed
        else:
            for command in text.splitlines():
                printed = typed(bench, command)


def typed(bench: Bench, command: str) -> str:
    """What a line of the guide prints; its server is the stub."""
    ended = subprocess.run(
        [
            "bash",
            "-c",
            command.replace("http://127.0.0.1:11434/v1", bench.stub.url).replace(
                "ratchet ", f"{sys.executable} -m ratchet.cli.main "
            ),
        ],
        cwd=bench.folder,
        env={**os.environ, "RATCHET_LOCAL": str(bench.loop.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout
