"""Steps that decide, ask others, or end the run; and any step in SageMaker's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.authoring.draft import Draft
from ratchet.authoring.handles import After, CallbackStep, GateStep, InvokeStep, Step
from ratchet.authoring.retries import RetryPolicy
from ratchet.authoring.variables import Condition, Operand, join

Steps = Step | Sequence[Step]


class FlowSteps(Draft):
    """Functions, callbacks, gates, halts, clusters."""

    def invoke(
        self,
        name: str,
        function_arn: str,
        *,
        returns: Sequence[str] | Mapping[str, str],
        arguments: Mapping[str, Operand] | None = None,
        depends_on: After = (),
    ) -> InvokeStep:
        """Invokes a Lambda function; never cached.

        Args:
            returns: keys of its answer, all Strings, or key → String, Integer, Float, Boolean.
            arguments: its event, flat.
        """
        return self._add(
            InvokeStep(
                name=name,
                type="Lambda",
                arguments=arguments or {},
                depends_on=depends_on,
                beside={"FunctionArn": function_arn, "OutputParameters": _answer(returns)},
            )
        )

    def halt(self, *message: Operand, name: str = "halt", depends_on: After = ()) -> Step:
        """Fails the run with a message; its parts are joined by spaces."""
        arguments = {"ErrorMessage": join(*message, on=" ")}
        return self._add(Step(name=name, type="Fail", arguments=arguments, depends_on=depends_on))

    def gate(
        self,
        name: str,
        *conditions: Condition,
        then: Steps = (),
        otherwise: Steps = (),
        depends_on: After = (),
    ) -> GateStep:
        """Runs the steps of `then` if every condition holds, else those of `otherwise`."""
        branches = [_listed(then), _listed(otherwise)]
        self._branched.update(id(step) for branch in branches for step in branch)
        return self._add(
            GateStep(
                name=name,
                type="Condition",
                arguments={"Conditions": list(conditions)},
                depends_on=depends_on,
                then=branches[0],
                otherwise=branches[1],
            )
        )

    def step(
        self,
        name: str,
        type: str,  # noqa: A002 (SageMaker's word for it)
        arguments: Mapping[str, Any],
        *,
        cache: str = "",
        retries: Sequence[RetryPolicy] = (),
        depends_on: After = (),
        **beside: Any,
    ) -> Step:
        """A step of any type, in SageMaker's own words; checked like the others as far as
        botocore knows the type. `beside` are keys beside Arguments, such as `ClusterId`."""
        return self._add(
            Step(
                name=name,
                type=type,
                arguments=self._tagged(type, name, arguments),
                depends_on=depends_on,
                cache=cache,
                retries=retries,
                beside=beside,
            )
        )

    def callback(
        self,
        name: str,
        queue_url: str,
        *,
        returns: Sequence[str] | Mapping[str, str],
        arguments: Mapping[str, Operand] | None = None,
        depends_on: After = (),
    ) -> CallbackStep:
        """Sends a message with a token to an SQS queue and waits for the answer by that token
        (SendPipelineExecutionStepSuccess or …Failure); never cached.

        Args:
            returns: names of the answer's outputs, all Strings, or name → type.
            arguments: what the message carries, flat.
        """
        return self._add(
            CallbackStep(
                name=name,
                type="Callback",
                arguments=arguments or {},
                depends_on=depends_on,
                beside={"SqsQueueUrl": queue_url, "OutputParameters": _answer(returns)},
            )
        )

    def emr(
        self,
        name: str,
        *,
        jar: Operand,
        arguments: Sequence[Operand] = (),
        main_class: str | None = None,
        cluster_id: Operand | None = None,
        cluster: Mapping[str, Any] | None = None,
        properties: Mapping[str, Operand] | None = None,
        execution_role_arn: str | None = None,
        cache: str = "",
        depends_on: After = (),
    ) -> Step:
        """Runs a step on an EMR cluster. Runs on AWS only.

        Args:
            cluster_id: a cluster that is there, or
            cluster: one made for this step (EMR's RunJobFlow, without Name, Steps and
                AutoTerminationPolicy): one of the two.
            properties: Java properties of the job.
        """
        if (cluster_id is None) == (cluster is None):
            self._refuse(name, "cluster_id", None, "give either cluster_id or cluster")
        if execution_role_arn is not None and cluster_id is None:
            expected = "a role is for a cluster that is there"
            self._refuse(name, "execution_role_arn", execution_role_arn, expected)
        hadoop: dict[str, Any] = {"Jar": jar, "Args": list(arguments)}
        if main_class is not None:
            hadoop["MainClass"] = main_class
        if properties:
            pairs = [{"Key": key, "Value": value} for key, value in properties.items()]
            hadoop["Properties"] = pairs
        options = {
            "ClusterId": cluster_id,
            "ClusterConfig": cluster,
            "ExecutionRoleArn": execution_role_arn,
        }
        call = {
            "StepConfig": {"HadoopJarStep": hadoop},
            **{key: value for key, value in options.items() if value is not None},
        }
        return self.step(name, "EMR", call, cache=cache, depends_on=depends_on)

    def emr_serverless(
        self,
        name: str,
        *,
        driver: Mapping[str, Any],
        application_id: Operand | None = None,
        application: Mapping[str, Any] | None = None,
        configuration: Mapping[str, Any] | None = None,
        timeout_minutes: int | None = None,
        depends_on: After = (),
    ) -> Step:
        """Runs a job on EMR Serverless, by the pipeline's role. Runs on AWS only.

        Args:
            driver: EMR Serverless's `jobDriver`, such as {"sparkSubmit": {"entryPoint": …}}.
            application_id: an application that is there, or
            application: one made for this step: one of the two.
            configuration: its `configurationOverrides`.
        """
        if (application_id is None) == (application is None):
            expected = "give either application_id or application"
            self._refuse(name, "application_id", None, expected)
        role = self.ctx.role_arn
        config: dict[str, Any] = {"executionRoleArn": role, "jobDriver": driver}
        if application_id is not None:
            config["applicationId"] = application_id
        if configuration is not None:
            config["configurationOverrides"] = configuration
        if timeout_minutes is not None:
            config["executionTimeoutMinutes"] = timeout_minutes
        call: dict[str, Any] = {"ExecutionRoleArn": role, "JobConfig": config}
        if application_id is not None:
            call["ApplicationId"] = application_id
        else:
            call["ApplicationConfig"] = application
        return self.step(name, "EMRServerless", call, depends_on=depends_on)


def _answer(returns: Sequence[str] | Mapping[str, str]) -> list[dict[str, str]]:
    types = returns if isinstance(returns, Mapping) else dict.fromkeys(returns, "String")
    return [{"OutputName": key, "OutputType": kind} for key, kind in types.items()]


def _listed(steps: Steps) -> list[Step]:
    return [steps] if isinstance(steps, Step) else list(steps)
