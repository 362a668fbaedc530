"""A Lambda function from a folder below `lambdas/` and the modules it shares with the others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from config.settings import RetentionSettings
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.functions.function_code import function_code
from ratchet_cdk.permissions.acknowledged import acknowledge
from ratchet_cdk.permissions.narrow_role import NarrowRole

RUNTIME = "python3.13"

_archive = cache(function_code)  # every environment gets the same


class PythonFunction(Construct):
    """A function with a role of its own that may write its own logs, and nothing else until it is
    granted more.

    It runs on arm64: pure Python does not care, and Graviton costs a fifth less.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: CodeBucket,
        source: Path,
        name: str,
        description: str,
        environment: Mapping[str, str],
        memory_mb: int,
        timeout_seconds: int,
        retention: RetentionSettings,
        calls_itself: bool = False,
    ) -> None:
        """
        Args:
            source: holds lambdas/`name`/handler.py with `handler`.
            calls_itself: it ends a chain of messages to itself by its own rules. Lambda would end
                it after about 16, and tell the account of a runaway function:
                https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        super().__init__(scope, construct_id)
        self.role = NarrowRole(self, "Role", service="lambda.amazonaws.com")
        archive = _archive(source / "lambdas", name)
        key = code.publish(digest=archive.digest, suffix=".zip", write=archive.write_zip)
        function = lambda_.CfnFunction(
            self,
            "Function",
            description=description,
            code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.name, s3_key=key),
            handler=f"{name}.handler.handler",
            runtime=RUNTIME,
            architectures=["arm64"],
            role=self.role.arn,
            memory_size=memory_mb,
            timeout=timeout_seconds,
            recursive_loop="Allow" if calls_itself else None,
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=dict(environment)),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_group=self._log_group(retention)
            ),
        )
        self.role.stands_before(function)
        acknowledge(
            function,
            {
                "AwsSolutions-L1": f"{RUNTIME} is supported until June 2029, see "
                "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html; the newest "
                "runtime is taken once it has been out for a year."
            },
        )
        self.arn = function.attr_arn
        self.name = function.ref

    def _log_group(self, retention: RetentionSettings) -> str:
        group = logs.CfnLogGroup(self, "Logs", retention_in_days=retention.log_days)
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self.role.allow(
            "WriteOwnLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[group.attr_arn],  # ends in ":*", its streams
        )
        return group.ref
