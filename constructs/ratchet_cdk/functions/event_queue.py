"""A queue for events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

ATTEMPTS = 5


class EventQueue(Construct):
    """A queue that is encrypted, that is reached over TLS only, and that only the rules which feed
    it may send to."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        retention_seconds: int | None = None,
        visibility_seconds: int | None = None,
        dead_letters: EventQueue | None = None,
    ) -> None:
        """
        Args:
            retention_seconds: how long a message is kept; None: SQS's own four days.
            visibility_seconds: how long a message is hidden while it is handled.
            dead_letters: takes a message that was received ATTEMPTS times.
        """
        super().__init__(scope, construct_id)
        self._queue = sqs.CfnQueue(
            self,
            "Resource",
            sqs_managed_sse_enabled=True,
            message_retention_period=retention_seconds,
            visibility_timeout=visibility_seconds,
            redrive_policy=dead_letters and _redrive(dead_letters),
        )
        self._queue.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self.arn = self._queue.attr_arn
        self.url = self._queue.ref
        self._statements = [_refuse_plain_text(self.arn)]
        self._policy = sqs.CfnQueuePolicy(
            Construct(self, "Policy"),
            "Resource",
            queues=[self.url],
            policy_document=self._document(),
        )

    @property
    def name(self) -> str:
        return self._queue.attr_queue_name

    def accept_from(self, rules: Sequence[str]) -> None:
        """Lets these rules, by their ARNs, put events into the queue."""
        self._statements.append(
            {
                "Sid": "RulesSend",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": self.arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
            }
        )
        self._policy.policy_document = self._document()

    def _document(self) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": self._statements}


def _refuse_plain_text(arn: str) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _redrive(dead_letters: EventQueue) -> dict[str, Any]:
    return {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": ATTEMPTS}
