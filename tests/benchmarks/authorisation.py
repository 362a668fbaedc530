"""What enforcement adds to a request of the local cloud, in CPU time of its server.

    python tests/benchmarks/authorisation.py [--calls N] [--rounds N] [--json FILE]

Two clouds, one that enforces and one that does not, answer the same requests of a role alternately:
GetObject of 100 bytes in a bucket with a KMS key, and DescribeModelPackageGroup. The role's policy
has 30 statements, about those of the largest role that the flights example deploys. Figures are
milliseconds of CPU a call, the least of the rounds: what else the machine does only adds. The
target is at most 0.5 more a call.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import boto3
import psutil
from botocore.config import Config

from ratchet.local_cloud import control

REGION = "us-east-1"
ACCOUNT = "000000000000"
TARGET_MS = 0.5
STATEMENTS = 30


class Cloud:
    """A started cloud, and a role's clients in it."""

    def __init__(self, folder: Path, *, enforced: bool) -> None:
        os.environ["RATCHET_UNAUTHORISED"] = "" if enforced else "1"
        self.folder = folder
        self.endpoint = control.up(folder, region=REGION)
        self._server = psutil.Process(self.endpoint.pid)
        person = self._clients(
            aws_access_key_id=self.endpoint.keys["key"],
            aws_secret_access_key=self.endpoint.keys["secret"],
        )
        key = person("kms").create_key()["KeyMetadata"]["Arn"]
        s3 = person("s3")
        s3.create_bucket(Bucket="data")
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        s3.put_bucket_encryption(
            Bucket="data",
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule}]
            },
        )
        s3.put_object(Bucket="data", Key="a", Body=b"x" * 100)
        person("sagemaker").create_model_package_group(ModelPackageGroupName="models")
        self._make_role(person("iam"), key)
        session = person("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/job", RoleSessionName="benchmark"
        )["Credentials"]
        role = self._clients(
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        self._s3, self._sagemaker = role("s3"), role("sagemaker")

    def _clients(self, **keys: str) -> Callable[[str], Any]:
        config = Config(s3={"addressing_style": "path"})
        return lambda service: boto3.client(
            service,
            endpoint_url=self.endpoint.url,
            region_name=REGION,
            config=config,
            **keys,  # type: ignore[arg-type]
        )

    @staticmethod
    def _make_role(iam: Any, key: str) -> None:
        trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        statements = [
            {
                "Sid": f"Other{number}",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "sagemaker:DescribeModel", "logs:PutLogEvents"],
                "Resource": [f"arn:aws:s3:::other{number}/*", f"arn:aws:s3:::more{number}/a*"],
                "Condition": {"StringEquals": {"aws:ResourceAccount": ACCOUNT}},
            }
            for number in range(STATEMENTS - 3)
        ]
        statements += [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in (
                ("s3:GetObject", "arn:aws:s3:::data/*"),
                ("kms:Decrypt", key),
                ("sagemaker:DescribeModelPackageGroup", "*"),
            )
        ]
        document = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(
            RoleName="job", PolicyName="permissions", PolicyDocument=json.dumps(document)
        )

    def get(self) -> None:
        """One GetObject."""
        self._s3.get_object(Bucket="data", Key="a")["Body"].read()

    def describe(self) -> None:
        """One Describe."""
        self._sagemaker.describe_model_package_group(ModelPackageGroupName="models")

    def cpu(self) -> float:
        """CPU seconds of the server so far."""
        times = self._server.cpu_times()
        return times.user + times.system


def per_call(cloud: Cloud, call: Callable[[], None], calls: int) -> float:
    """Milliseconds of the server's CPU."""
    call()
    before = cloud.cpu()
    for _ in range(calls):
        call()
    return (cloud.cpu() - before) / calls * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clouds = {
            name: Cloud(Path(folder, name), enforced=name == "enforced")
            for name in ("enforced", "open")
        }
        try:
            results = measure(clouds, calls=options.calls, rounds=options.rounds)
        finally:
            for cloud in clouds.values():
                control.down(cloud.folder)
    print(f"{'server CPU, ms a call':<28}{'open':>8}{'enforced':>10}{'added':>8}")
    for name, (off, on) in results.items():
        print(f"{name:<28}{off:>8.2f}{on:>10.2f}{on - off:>8.2f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))
    if any(on - off > TARGET_MS for off, on in results.values()):
        sys.exit(f"enforcement adds more than {TARGET_MS} ms a call")


def measure(clouds: dict[str, Cloud], *, calls: int, rounds: int) -> dict[str, tuple[float, float]]:
    """By request: milliseconds without and with enforcement."""
    samples: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, cloud in clouds.items():
            for request in ("get", "describe"):
                call = getattr(cloud, request)
                samples.setdefault((request, name), []).append(per_call(cloud, call, calls))
    titles = {"get": "GetObject, KMS key", "describe": "DescribeModelPackageGroup"}
    return {
        title: (
            min(samples[request, "open"]),
            min(samples[request, "enforced"]),
        )
        for request, title in titles.items()
    }


if __name__ == "__main__":
    main()
