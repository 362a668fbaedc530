"""A Lambda function from a folder below `lambdas/` and the modules it shares with the others."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from ratchet_cdk.functions.function_code import function_code, functions_folder
from ratchet_cdk.loop_resources import LoopResources
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
        loop: LoopResources,
        name: str,
        description: str,
        environment: Mapping[str, str],
        memory_mb: int,
        timeout_seconds: int,
        calls_itself: bool = False,
    ) -> None:
        """
        Args:
            name: of a folder of the project's `lambdas/`, or else of Ratchet's; `handler` is in
                its handler.py.
            calls_itself: it ends a chain of messages to itself by its own rules. Lambda would end
                it after about 16, and tell the account of a runaway function:
                https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        super().__init__(scope, construct_id)
        self.role = NarrowRole(self, "Role", service="lambda.amazonaws.com")
        function = lambda_.CfnFunction(
            self,
            "Function",
            description=description,
            code=_code(loop, name),
            handler=f"{name}.handler.handler",
            runtime=RUNTIME,
            architectures=["arm64"],
            role=self.role.arn,
            memory_size=memory_mb,
            timeout=timeout_seconds,
            recursive_loop="Allow" if calls_itself else None,
            environment={"variables": dict(environment)},
            logging_config={"logGroup": self._log_group(loop.settings.retention.log_days)},
        )
        self.role.stands_before(function)
        acknowledge(function, _OLDER_RUNTIME)
        self.arn = function.attr_arn
        self.name = function.ref

    def _log_group(self, days: int) -> str:
        group = logs.CfnLogGroup(self, "Logs", retention_in_days=days)
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self.role.allow(
            "WriteOwnLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[group.attr_arn],  # ends in ":*", its streams
        )
        return group.ref


def _code(loop: LoopResources, name: str) -> dict[str, str]:
    archive = _archive(functions_folder(loop.source, name), name)
    key = loop.code.publish(digest=archive.digest, suffix=".zip", write=archive.write_zip)
    return {"s3Bucket": loop.code.name, "s3Key": key}


_OLDER_RUNTIME = {
    "AwsSolutions-L1": f"{RUNTIME} is supported until June 2029, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html; the newest runtime is "
    "taken once it has been out for a year."
}
