"""Hyperparameters are held against the training script's own argument parser."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, Pipeline, maximize
from ratchet.authoring.search import continuous
from ratchet.deployment.pipelines.asking import hyperparameters
from ratchet.project import Project
from ratchet.settings.schema import SettingsError
from tests.projects import REQUIRED

Train = Callable[..., list[str]]

PARSER = """
import argparse
parser = argparse.ArgumentParser()
{arguments}
parser.parse_args()
raise SystemExit("it trains")
"""
DEPTH = 'parser.add_argument("--max_depth", type=int)'


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def train(ctx: Context) -> Train:
    """The problems of hyperparameters with a script, given as text or as arguments of a parser."""

    def problems(script: str, **values: Any) -> list[str]:
        text = PARSER.format(arguments=script) if script.startswith("parser.") else script
        (ctx.source / "steps/train.py").write_text(text)
        p = Pipeline("trial", ctx)
        p.training("train", "steps/train.py", channels={"rows": "s3://d"}, hyperparameters=values)
        return refused(replace(ctx.settings, hyperparameters=values), p)

    return problems


def refused(settings: Any, pipeline: Pipeline) -> list[str]:
    try:
        hyperparameters.check(settings, [pipeline])
    except SettingsError as problem:
        return str(problem).splitlines()
    return []


@pytest.mark.parametrize(
    ("arguments", "values", "words"),
    [
        (DEPTH, {"max_dpth": 3}, "max_dpth = 3: train.py takes no --max_dpth; did you mean max_d"),
        (
            DEPTH,
            {"zzz": 3},
            "zzz = 3: train.py takes no --zzz; it takes: max_depth",
        ),
        (
            DEPTH,
            {"max_depth": 6.5},
            "max_depth = 6.5: --max_depth of train.py takes a whole",
        ),
        (DEPTH, {"max_depth": "six"}, 'max_depth = "six": --max_depth of train.py takes a whole'),
        (DEPTH, {"C": 1.0}, "hyperparameters.C = 1.0: train.py takes no -C; it takes: max_depth"),
        (
            'parser.add_argument("--eta", type=float)',
            {"eta": "small"},
            "--eta of train.py takes a number; it would get: --eta small",
        ),
        (
            'parser.add_argument("--kind", choices=["a", "b"])',
            {"kind": "c"},
            'kind = "c": --kind of train.py takes one of a, b; it would get: --kind c',
        ),
        (
            'parser.add_argument("--size", type=int, choices=range(1, 4))',
            {"size": 9},
            "--size of train.py takes one of 1, 2, 3",
        ),
        (
            'parser.add_argument("--fast", action="store_true")',
            {"fast": "true"},
            "--fast of train.py takes no value, and SageMaker passes one",
        ),
        (
            'parser.add_argument("--pair", nargs=2)',
            {"pair": "a"},
            "--pair of train.py takes 2 values, and SageMaker passes one",
        ),
        (
            'parser.add_argument("--label", required=True)',
            {},
            "config/dev.toml: hyperparameters.label is missing: train.py requires --label",
        ),
        ('parser.add_argument("rows")', {}, "requires 'rows' without a name"),
        ('parser.add_argument("--max-depth")', {"max_depth": 3}, "did you mean max-depth?"),
    ],
)
def test_what_the_script_would_refuse_is_refused(
    train: Train, arguments: str, values: dict[str, Any], words: str
) -> None:
    (problem,) = train(arguments, **values)
    assert words in problem


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (DEPTH, {"max_depth": 3}),
        (DEPTH, {"max_d": 3}),  # argparse takes the beginning of a name
        ('parser.add_argument("-C", type=float)', {"C": 1.0}),
        ('parser.add_argument("--eta", type=float)', {"eta": 1}),
        ('parser.add_argument("--eta", type=lambda text: text)', {"eta": "anything"}),
        ('parser.add_argument("--size", type=int, choices=range(1, 4))', {"size": 3}),
        ('parser.add_argument("--names", nargs="*")', {"names": "a"}),
        ('parser.add_argument("--label", required=True)', {"label": "late"}),
        ('parser.add_argument("rows", nargs="?")', {}),
    ],
)
def test_what_the_script_takes_is_taken(
    train: Train, arguments: str, values: dict[str, Any]
) -> None:
    assert train(arguments, **values) == []


def test_every_mistake_is_said_at_once(train: Train) -> None:
    assert len(train(DEPTH, max_depth="x", depth=1, eta=0.1)) == 3


@pytest.mark.parametrize(
    "script",
    [
        "print('no parser')",
        "import no_such_package, argparse\nargparse.ArgumentParser().parse_args()",
        "import argparse\nraise RuntimeError\nargparse.ArgumentParser().parse_args()",
        "import argparse\nif False: argparse.ArgumentParser().parse_args()",
        "import argparse\nargparse.ArgumentParser().parse_known_args()",
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_subparsers().add_parser('fit')\nparser.parse_args()",
    ],
)
def test_a_script_that_cannot_be_asked_or_takes_anything_is_left_alone(
    train: Train, script: str
) -> None:
    assert train(script, anything=1) == []


def test_a_script_that_leaves_the_unknown_alone_still_has_its_types(train: Train) -> None:
    script = PARSER.format(arguments=DEPTH).replace("parse_args", "parse_known_args")
    (problem,) = train(script, max_depth="six", anything=1)
    assert "max_depth" in problem


def test_nothing_of_the_script_runs_behind_its_parser(train: Train, tmp_path: Path) -> None:
    script = PARSER.format(arguments=DEPTH) + f"\nopen({str(tmp_path / 'trained')!r}, 'w')"
    assert train(script.replace("raise SystemExit", "print"), max_depth=3) == []
    assert not (tmp_path / "trained").exists()


def test_a_parser_of_other_words_is_not_the_one_of_the_job(train: Train) -> None:
    script = "import argparse\nargparse.ArgumentParser().parse_args([])\n"
    assert len(train(script + PARSER.format(arguments=DEPTH), max_depth="six")) == 1


def test_the_script_finds_the_variables_and_modules_that_a_job_has(
    ctx: Context, train: Train
) -> None:
    (ctx.source / "steps/shared.py").write_text("DEPTH = '--max_depth'\n")
    script = (
        "import argparse, os, shared\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--rows', default=os.environ['SM_CHANNEL_ROWS'])\n"
        "parser.add_argument('--model_dir', default=os.environ['SM_MODEL_DIR'])\n"
        "parser.add_argument(shared.DEPTH, type=int)\nparser.parse_args()\n"
    )
    assert len(train(script, max_depth="six")) == 1


def test_a_script_is_asked_once(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    run = subprocess.run

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        return run(*arguments, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    assert train(DEPTH, max_depth=3) == []
    assert len(train(DEPTH, max_dpth=3)) == 1
    assert len(asked) == 1
    assert len(train(f"{DEPTH}\nparser.add_argument('--eta')", max_dpth=3)) == 1
    assert len(asked) == 2


def test_a_hyperparameter_of_the_code_is_said_by_its_step(ctx: Context) -> None:
    (ctx.source / "steps/train.py").write_text(PARSER.format(arguments=DEPTH))
    p = Pipeline("trial", ctx)
    rounds = p.integer("Rounds", default=3)
    p.training(
        "train", "steps/train.py", channels={}, hyperparameters={"depth": "3", "rounds": rounds}
    )
    by_value, by_run = refused(ctx.settings, p)
    assert by_value.startswith(
        "pipeline 'trial', step 'train': hyperparameters['depth'] = '3': train.py takes no --depth"
    )
    assert by_run.startswith("pipeline 'trial', step 'train': hyperparameters['rounds']: train.py")


def test_what_a_search_varies_is_held_against_the_script_too(ctx: Context) -> None:
    (ctx.source / "steps/train.py").write_text(PARSER.format(arguments=DEPTH))
    p = Pipeline("trial", ctx)
    p.tune(
        "search",
        "steps/train.py",
        ranges={"eta": continuous(0.1, 0.3)},
        objective=maximize("auc", "auc=(.*)"),
        channels={},
        hyperparameters={"max_depth": 3},
    )
    (problem,) = refused(ctx.settings, p)
    assert "hyperparameters['eta']: train.py takes no --eta" in problem


@pytest.fixture
def project(ctx: Context, tmp_path: Path) -> Project:
    """Its dev file says one more hyperparameter than the model's."""
    files = {
        "base.toml": REQUIRED,
        "dev.toml": "[hyperparameters]\nrounds = 3\n",
        "flights/base.toml": "[hyperparameters]\nmax_depth = 6.5\n",
    }
    for name, text in files.items():
        (tmp_path / "p/config" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p/config" / name).write_text(text)
    return Project(tmp_path / "p")


def test_each_hyperparameter_names_the_file_that_says_it(ctx: Context, project: Project) -> None:
    (ctx.source / "steps/train.py").write_text(PARSER.format(arguments=DEPTH))
    settings = project.settings("dev", "flights")
    p = Pipeline("trial", replace(ctx, settings=settings))
    p.training("train", "steps/train.py", channels={}, hyperparameters=settings.hyperparameters)
    in_dev, in_base = sorted(refused(settings, p))
    assert in_dev.startswith("config/dev.toml: hyperparameters.rounds = 3: ")
    assert in_base.startswith("config/flights/base.toml: hyperparameters.max_depth = 6.5: ")
