"""Code that runs on AWS, published with the deployment by the CDK's own asset mechanism.

A file is named by the digest of its content in the bootstrap stack's bucket, so a template that
names it says which code runs, and an unchanged file is not published again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import aws_cdk as cdk

from ratchet.settings.schema import Settings
from ratchet_cdk.permissions.arns import EnvironmentArns
from ratchet_cdk.permissions.narrow_role import NarrowRole

QUALIFIER = "@aws-cdk/core:bootstrapQualifier"
"""The context key by which the CDK, and so everything here, finds its bootstrap stack."""


class CodeBucket:
    """The bucket that a stack's synthesizer publishes files to.

    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html says how it is named.
    """

    def __init__(self, stack: cdk.Stack, *, settings: Settings) -> None:
        stage = cdk.Stage.of(stack)
        assert stage is not None
        self._stack = stack
        self._synthesizer = stack.synthesizer
        # Inside the cloud assembly, once for all environments: they publish the same files.
        folder = stage.asset_outdir
        self._folder = Path(folder)
        self._relative = os.path.relpath(folder, stage.outdir)
        self._checked = False
        self._arns = EnvironmentArns.of(settings)
        qualifier = stack.node.try_get_context(QUALIFIER) or default_qualifier()
        self._version_parameter = f"/cdk-bootstrap/{qualifier}/version"
        self.name = _bucket_name(qualifier, settings)
        self.uri = f"s3://{self.name}"  # without a trailing slash

    def grant_read(self, role: NarrowRole, sid: str, *, suffix: str) -> None:
        """Reads the code files that end in `suffix`, and lists them by the beginning of their
        key, as a job does with its inputs."""
        role.allow(
            sid,
            actions=["s3:GetObject"],
            resources=[self._arns.object(self.name, f"*{suffix}")],
            wildcard="Code is named by its content, which changes without this stack.",
        )
        role.allow(
            f"{sid}List",
            actions=["s3:ListBucket"],
            resources=[self._arns.bucket(self.name)],
            conditions={"StringLike": {"s3:prefix": [f"*{suffix}"]}},
        )

    def grant_read_version(self, role: NarrowRole) -> None:
        """Reads the bootstrap stack's version, a parameter of every template of the CDK, which
        CloudFormation looks up for whoever updates the stack."""
        role.allow(
            "ReadBootstrapVersion",
            actions=["ssm:GetParameters"],
            resources=[self._arns.ssm_parameter(self._version_parameter)],
        )

    def publish(self, *, digest: str, suffix: str, write: Callable[[Path], None]) -> str:
        """Adds a file to the assets of `cdk deploy`; returns its key, `<digest><suffix>`.

        Raises:
            ValueError: the stack's synthesizer would publish it elsewhere.
        """
        key = f"{digest}{suffix}"
        if not (self._folder / key).exists():
            write(self._folder / key)
        location = self._synthesizer.add_file_asset(
            source_hash=digest,
            file_name=f"{self._relative}/{key}",
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=key,
        )
        if not self._checked:
            self._check(location, key)
        return key

    def grant_read_folders(self, role: NarrowRole, sid: str) -> None:
        """Reads what `publish_below` put there, of later deployments and of `ratchet run` too, and
        finds it as the inputs of jobs are found: by the beginning of its key."""
        folder = "?" * len(hashlib.sha256().hexdigest())
        wildcard = "A folder is named by the digest of what is in it, which changes without this."
        objects = [self._arns.object(self.name, f"{folder}/*")]
        role.allow(sid, actions=["s3:GetObject"], resources=objects, wildcard=wildcard)
        role.allow(
            f"{sid}List",
            actions=["s3:ListBucket"],
            resources=[self._arns.bucket(self.name)],
            conditions={"StringLike": {"s3:prefix": [folder, f"{folder}/*"]}},
        )

    def publish_below(self, *, digest: str, path: str, write: Callable[[Path], object]) -> str:
        """Adds a file that keeps its name: its key, which is returned, is `<digest>/<path>`.

        Raises:
            ValueError: the stack's synthesizer would publish it elsewhere.
        """
        key = f"{digest}/{path}"
        # Without an extension: the synthesizer would end the key in it once more.
        name = f"asset-{hashlib.sha256(key.encode()).hexdigest()}"
        if not (self._folder / name).exists():
            write(self._folder / name)
        location = self._synthesizer.add_file_asset(
            source_hash=key,
            file_name=f"{self._relative}/{name}",
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=path,
        )
        if not self._checked:
            self._check(location, key)
        return key

    def _check(self, location: cdk.FileAssetLocation, key: str) -> None:
        places = [[location.bucket_name, location.object_key], [self.name, key]]
        published, expected = self._stack.resolve(places)
        if published != expected:
            raise ValueError(
                f"the synthesizer of stack {self._stack.stack_name} publishes code to {published}, "
                f"but pipelines look for it at {expected}: name another bootstrap stack by its "
                f"qualifier alone (the context key {QUALIFIER})"
            )
        self._checked = True


@cache
def default_qualifier() -> str:
    return cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER


def _bucket_name(qualifier: str, settings: Settings) -> str:
    account = settings.account or "${AWS::AccountId}"
    name = f"cdk-{qualifier}-assets-{account}-{settings.region}"
    return name if settings.account else cdk.Fn.sub(name)
