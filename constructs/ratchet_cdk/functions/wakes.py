"""What wakes a function: events that match a pattern, or a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.event_queue import EventQueue
from ratchet_cdk.functions.python_function import PythonFunction

BATCH_SIZE = 1000  # of about 1.3 KB each, far below the 6 MB that an invocation may carry
BATCH_WINDOW_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Wake:
    """One rule: a pattern of events, or a schedule."""

    description: str
    pattern: Mapping[str, Any] | None = None
    schedule: str | None = None


class WakeQueue(Construct):
    """Wakes one function with batches of events, through a queue.

    The function reads the real state, so an event only has to arrive eventually, and any of them
    will do. Events that cannot be delivered or handled end in the dead letters.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        wakes: Mapping[str, Wake],
        dead_letters: DeadLetters,
        timeout_seconds: int,
        enabled: bool = True,
    ) -> None:
        """`wakes`: construct id of a rule → its pattern or schedule.
        `timeout_seconds`: how long the function may take.
        """
        super().__init__(scope, construct_id)
        self.queue = EventQueue(
            self,
            "Queue",
            # The usual six timeouts make up for throttled polls, which the cap on concurrency
            # rules out: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
            visibility_seconds=timeout_seconds + 60,
            dead_letters=dead_letters.queue,
        )
        rules = [
            _rule(self, name, wake, self.queue.arn, dead_letters, enabled=enabled)
            for name, wake in wakes.items()
        ]
        for queue in (self.queue, dead_letters.queue):
            queue.accept_from(rules)

    def feed(self, function: PythonFunction, *, reminds_itself: bool = False) -> None:
        """Lets the function consume the queue, and perhaps send itself delayed messages."""
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        function.role.allow(
            "ConsumeAndRemindItself" if reminds_itself else "ConsumeWakes",
            actions=[*actions, "sqs:SendMessage"] if reminds_itself else actions,
            resources=[self.queue.arn],
        )
        lambda_.CfnEventSourceMapping(
            self,
            "Consume",
            function_name=function.name,
            event_source_arn=self.queue.arn,
            batch_size=BATCH_SIZE,
            maximum_batching_window_in_seconds=BATCH_WINDOW_SECONDS,
            function_response_types=["ReportBatchItemFailures"],
            # The fewest there can be: the function does the same work however many events woke it.
            scaling_config={"maximumConcurrency": 2},
        )


class DirectWakes(Construct):
    """Wakes one function with each single event.

    What EventBridge cannot deliver, and what the function fails at three times, ends in the dead
    letters.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        wakes: Mapping[str, Wake],
        dead_letters: DeadLetters,
        function: PythonFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        rules = {
            name: _rule(self, name, wake, function.arn, dead_letters)
            for name, wake in wakes.items()
        }
        dead_letters.queue.accept_from(list(rules.values()))
        for name, rule_arn in rules.items():
            self._let_invoke(f"{name}Invokes", rule_arn, function)
        self._hand_over(function, dead_letters)

    def _let_invoke(self, construct_id: str, rule_arn: str, function: PythonFunction) -> None:
        lambda_.CfnPermission(
            self,
            construct_id,
            action="lambda:InvokeFunction",
            function_name=function.name,
            principal="events.amazonaws.com",
            source_arn=rule_arn,
        )

    def _hand_over(self, function: PythonFunction, dead_letters: DeadLetters) -> None:
        """Lambda sends events there that the function failed to handle, with the function's
        role."""
        function.role.allow(
            "HandOverToDeadLetters",
            actions=["sqs:SendMessage"],
            resources=[dead_letters.queue.arn],
        )
        failed = lambda_.CfnEventInvokeConfig(
            self,
            "Failed",
            function_name=function.name,
            qualifier="$LATEST",
            destination_config={"onFailure": {"destination": dead_letters.queue.arn}},
        )
        function.role.stands_before(failed)


def _rule(
    scope: Construct,
    construct_id: str,
    wake: Wake,
    target_arn: str,
    dead_letters: DeadLetters,
    *,
    enabled: bool = True,
) -> str:
    """Returns its ARN."""
    rule = events.CfnRule(
        scope,
        construct_id,
        description=wake.description,
        state="ENABLED" if enabled else "DISABLED",
        event_pattern=wake.pattern,
        schedule_expression=wake.schedule,
        targets=[
            {
                "id": "Target",
                "arn": target_arn,
                "deadLetterConfig": {"arn": dead_letters.queue.arn},
            }
        ],
    )
    return rule.attr_arn
