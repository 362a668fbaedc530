"""What services do without a caller: whether resource policies, keys and roles let them.

Rules and schedules to queues, topics, functions and SageMaker; alarms to topics; topics and buckets
to functions; functions' failed events to their destination. MiniStack asks the policies for
deliveries of S3 and SNS to queues and topics only, and the key of the queue or topic never.

A delivery that is refused is logged; a rule's counts as ``FailedInvocations`` and goes to the
target's dead-letter queue, as EventBridge does at once for what it has no permission for:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import request_scope

from ratchet.local_cloud.emulator import http_needs
from ratchet.local_cloud.emulator.authority import Authority, service_may
from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.emulator.pipeline_targets import Target, request_of
from ratchet.local_cloud.emulator.service_roles import LAMBDA
from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

WRAPPED: Mapping[str, tuple[str, ...]] = {
    "cloudwatch": ("_dispatch_alarm_actions",),
    "eventbridge": ("_dispatch_to_lambda", "_invoke_target", "_pattern_event_view"),
    "lambda_svc": (
        "_execution_record_for_config",
        "_get_func_record_for_ref",
        "_route_async_failure",
        "invoke_async_with_retry",
    ),
    "s3": ("_deliver_event_to_lambda",),
    "sns": ("_deliver_to_lambda", "topic_policy_allows"),
    "sqs": ("_act_send_message", "_queue_by_arn", "queue_policy_allows"),
}
"""The names of MiniStack's services that are replaced or used, by their module."""

_LOG = logging.getLogger("ratchet.deliveries")
EVENTS = "events.amazonaws.com"
SCHEDULER = "scheduler.amazonaws.com"
_SENDS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
"""What a delivery to a resource of a service is allowed by."""

_ALARM_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def check_delivery(scope: AccountScope, service: str, arn: str, source_arn: str) -> None:
    """Raises `Denied` unless a resource's policy, and its key's, let a service deliver there."""
    kind = arn.split(":")[2]
    action = _SENDS[kind]
    for need in (Need(action, arn), *http_needs.service_key_needs(scope, action, arn)):
        namespace = need.action.partition(":")[0]
        policy, *_ = iam_evaluator._resource_policy(namespace, need.resource) or (None,)
        if not service_may(
            scope, service, policy, need.action, need.resource, source_arn=source_arn
        ):
            raise _denied(service, need.action, need.resource)


def _denied(service: str, action: str, arn: str) -> Denied:
    return Denied(
        f"{service} is not authorized to perform: {action} on resource: {arn} because no "
        f"resource-based policy allows the {action} action"
    )


class Deliveries:
    """Stands before MiniStack's deliveries."""

    def __init__(self, authority: Authority, emulator: Emulator, api: Api) -> None:
        self._authority = authority
        self._emulator = emulator
        self._api = api

    def install(self) -> None:
        """Take the places; what does not concern permissions is done without enforcement too."""
        eventbridge, functions = app._get_module("eventbridge"), app._get_module("lambda_svc")
        eventbridge._invoke_target = self._to_target(eventbridge._invoke_target)
        eventbridge._dispatch_to_lambda = _to_function(functions)
        if not self._authority.enforced:
            return
        s3, sns, sqs = (app._get_module(service) for service in ("s3", "sns", "sqs"))
        functions._route_async_failure = self._to_destination(functions._route_async_failure)
        sns._deliver_to_lambda = self._checked(
            sns._deliver_to_lambda, lambda endpoint, _, topic, *arguments: ("sns", endpoint, topic)
        )
        s3._deliver_event_to_lambda = self._checked(
            s3._deliver_event_to_lambda,
            lambda arn, event, *arguments: ("s3", arn, _bucket_of(event)),
        )
        sqs.queue_policy_allows = sns.topic_policy_allows = _policy_and_key

    def _to_target(self, invoke: Callable[..., Any]) -> Callable[..., None]:
        def invoked(target: Target, event: Any, rule: Any, view: Any = None) -> None:
            scope = current_scope()
            try:
                request = request_of(target)
                if self._authority.enforced:
                    self._check_target(scope, target, event, rule, request)
                if request is None:
                    invoke(target, event, rule, view)
                else:
                    self._api.call(scope, *request)
            except (ApiError, Denied, ValueError) as error:
                self._refused(scope, target, event, rule, view, error)

        return invoked

    def _check_target(
        self,
        scope: AccountScope,
        target: Target,
        event: Any,
        rule: Any,
        request: tuple[str, dict[str, Any]] | None,
    ) -> None:
        arn, role, service = target.get("Arn", ""), target.get("RoleArn"), _service(event)
        kind = (arn.split(":") + [""] * 3)[2]
        source = rule.get("Arn", "")
        if request is not None:
            needs = list(authorisation.needs(scope, *request))
        elif kind in _SENDS:
            needs = [Need(_SENDS[kind], arn)]
            needs += http_needs.key_needs_of(scope, _SENDS[kind], arn)
        else:
            return  # targets that the local cloud has nothing behind
        if role:
            self._authority.check_role(scope, role, service, needs, source_arn=source)
        elif request is not None or service == SCHEDULER:
            raise Denied(f"RoleArn is required for target {arn}.")
        else:
            check_delivery(scope, service, arn, source)

    def _refused(
        self,
        scope: AccountScope,
        target: Target,
        event: Any,
        rule: Any,
        view: Any,
        error: Exception,
    ) -> None:
        _LOG.error("not delivered to %s: %s", target.get("Arn"), error)
        threading.Thread(  # perhaps on the server's loop, which the metric's writer waits for
            target=self._report, args=(scope, target, event, rule, view, error), daemon=True
        ).start()

    def _report(
        self,
        scope: AccountScope,
        target: Target,
        event: Any,
        rule: Any,
        view: Any,
        error: Exception,
    ) -> None:
        scheduled = _service(event) == SCHEDULER
        name, dimension, value = (
            ("TargetErrorCount", "ScheduleGroup", rule.get("GroupName") or "default")
            if scheduled
            else ("FailedInvocations", "RuleName", rule.get("Name", ""))
        )
        self._emulator.put_metrics(
            scope,
            namespace="AWS/Scheduler" if scheduled else "AWS/Events",
            data=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": dimension, "Value": value}],
                    "Value": 1,
                    "Unit": "Count",
                }
            ],
        )
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return
        try:
            self._check_dead_letters(scope, queue, target, event, rule)
        except Denied as denied:
            _LOG.error("lost, for its dead-letter queue refuses it too: %s", denied)
            return
        with request_scope(scope.account, scope.region):
            _send_dead_letter(queue, target, event, rule, view, error)

    def _check_dead_letters(
        self, scope: AccountScope, queue: str, target: Target, event: Any, rule: Any
    ) -> None:
        if not self._authority.enforced:
            return
        source, service = rule.get("Arn", ""), _service(event)
        if service == SCHEDULER:
            needs = [Need("sqs:SendMessage", queue)]
            role = target.get("RoleArn", "")
            self._authority.check_role(scope, role, service, needs, source_arn=source)
        else:
            check_delivery(scope, service, queue, source)

    def _to_destination(self, route: Callable[..., Any]) -> Callable[..., None]:
        """A failed event goes where the function's role may send it."""

        def routed(arn: str, function: str, event: Any, result: Any) -> None:
            scope = current_scope()
            record = app._get_module("lambda_svc")._functions.get(function) or {}
            role = record.get("config", {}).get("Role", "")
            action = _SENDS.get(arn.split(":")[2] if arn.count(":") > 2 else "")
            try:
                if action:
                    needs = [Need(action, arn), *http_needs.key_needs_of(scope, action, arn)]
                    self._authority.check_role(scope, role, LAMBDA, needs)
            except Denied as denied:
                _LOG.error("the failed event of %s is lost: %s", function, denied)
                return
            route(arn, function, event, result)

        return routed

    def _checked(
        self, deliver: Callable[..., Any], of: Callable[..., tuple[str, str, str]]
    ) -> Callable[..., None]:
        """A delivery of ``of(arguments)``: the service, the function's ARN and the source's."""

        def delivered(*arguments: Any) -> None:
            service, arn, source = of(*arguments)
            if _allowed(service, current_scope(), arn, source):
                deliver(*arguments)

        return delivered


def check_alarms(cloudwatch: Any) -> None:
    """Have an alarm's topics and their keys asked, before anything takes MiniStack's dispatch."""
    dispatch = cloudwatch._dispatch_alarm_actions

    def dispatched(alarm: dict[str, Any], *change: Any) -> None:
        scope, source = current_scope(), alarm.get("AlarmArn", "")

        def allowed(arn: str) -> bool:
            return ":sns:" not in arn or _allowed("cloudwatch", scope, arn, source)

        actions = {
            member: [arn for arn in alarm.get(member) or [] if allowed(arn)]
            for member in _ALARM_ACTIONS
        }
        dispatch({**alarm, **actions}, *change)

    cloudwatch._dispatch_alarm_actions = dispatched


def _allowed(service: str, scope: AccountScope, arn: str, source_arn: str) -> bool:
    try:
        check_delivery(scope, f"{service}.amazonaws.com", arn, source_arn)
    except Denied as denied:
        _LOG.error("not delivered from %s: %s", source_arn, denied)
        return False
    return True


def _policy_and_key(arn: str, service: str, source_arn: str, source_account: str) -> bool:
    """In place of MiniStack's ``queue_policy_allows`` and ``topic_policy_allows``."""
    scope = AccountScope(account=source_account, region=current_scope().region)
    return _allowed(service.partition(".")[0], scope, arn, source_arn)


def _service(event: Mapping[str, Any]) -> str:
    return SCHEDULER if event.get("Source") == "aws.scheduler" else EVENTS


def _bucket_of(event: Mapping[str, Any]) -> str:
    records: Sequence[Any] = event.get("Records") or [{}]
    return str(records[0].get("s3", {}).get("bucket", {}).get("arn", ""))


def _to_function(functions: Any) -> Callable[[str, str], None]:
    """An event's way to a function: tried again when it fails, then to its destination."""

    def dispatched(arn: str, payload: str) -> None:
        record, config, name = functions._get_func_record_for_ref(arn)
        if not record or not config:
            _LOG.warning("not delivered to %s: there is no such function", name)
            return
        try:
            event = json.loads(payload)
        except ValueError:
            event = {"body": payload}
        functions.invoke_async_with_retry(
            functions._execution_record_for_config(record, config), event
        )

    return dispatched


def _send_dead_letter(
    queue_arn: str, target: Target, event: Any, rule: Any, view: Any, error: Exception
) -> None:
    """The event as the target would have got it, with what went wrong in its attributes."""
    scheduled = _service(event) == SCHEDULER
    view = view or app._get_module("eventbridge")._pattern_event_view(event)
    body = target.get("Input") or json.dumps(view.event_with_detail())
    code = error.code if isinstance(error, ApiError) else "NO_PERMISSIONS"
    attributes = {
        "SCHEDULE_ARN" if scheduled else "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": str(error),
    }
    app._get_module("sqs")._act_send_message(
        {
            "QueueUrl": queue_arn.rpartition(":")[2],
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        },
        "",
    )
