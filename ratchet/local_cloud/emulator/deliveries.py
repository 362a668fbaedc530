"""What services do to each other without a caller: whether resource policies and roles let them.

MiniStack asks for S3's and SNS's deliveries only. Here: EventBridge's rules and Scheduler's
schedules to queues, topics, functions and SageMaker; alarms to topics; queues read by functions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator

from ratchet.local_cloud.emulator.authority import Authority
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.emulator.pipeline_targets import request_of
from ratchet.local_cloud.sagemaker import authorisation
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.store import Scope

_LOG = logging.getLogger("ratchet.deliveries")
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
_READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def install(authority: Authority, *, eventbridge: Any, cloudwatch: Any, lambda_svc: Any) -> None:
    """Put the checks before the deliveries."""
    if not authority.enforced:
        return
    eventbridge._invoke_target = _targets(authority, eventbridge._invoke_target)
    cloudwatch._dispatch_alarm_actions = _alarms(cloudwatch._dispatch_alarm_actions)
    _mappings(authority, lambda_svc)


def allowed(scope: Scope, service: str, arn: str, source: str) -> bool:
    """Whether a resource's own policy lets a service do its delivery there."""
    kind = arn.split(":")[2]
    found = iam_evaluator._resource_policy(kind, arn)
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=_ACTIONS[kind],
        resource_arn=arn,
        region=scope.region,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": scope.account},
    )
    policy = found[0] if found else None
    return (
        iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow"
    )


def _targets(authority: Authority, invoke: Callable[..., Any]) -> Callable[..., None]:
    def invoked(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> None:
        scope, arn, role = current_scope(), target.get("Arn", ""), target.get("RoleArn")
        scheduled = event.get("Source") == "aws.scheduler"
        service = "scheduler.amazonaws.com" if scheduled else "events.amazonaws.com"
        source = rule.get("Arn", "")
        kind = (arn.split(":") + [""] * 3)[2]
        try:
            if role and (scheduled or kind == "sagemaker"):
                asked = request_of(target)
                if asked:
                    needs = [*authorisation.needs(scope, *asked)]
                else:
                    needs = [Need(_ACTIONS[kind], arn)] if kind in _ACTIONS else []
                session = authority.session(scope, role, "delivery", service)
                authority.check(scope, session["AWS_ACCESS_KEY_ID"], needs)
            elif kind in _ACTIONS and not allowed(scope, service, arn, source):
                raise Denied(
                    f"{service} is not authorized to perform: {_ACTIONS[kind]} on resource: "
                    f"{arn} because no resource-based policy allows it for {source}"
                )
        except Denied as denied:
            _LOG.warning("not delivered: %s", denied)
            return
        invoke(target, event, rule, view)

    return invoked


def _alarms(dispatch: Callable[..., Any]) -> Callable[..., None]:
    def dispatched(alarm: dict[str, Any], *rest: Any) -> None:
        scope = current_scope()
        kept = dict(alarm)
        for member in ("AlarmActions", "OKActions", "InsufficientDataActions"):
            kept[member] = [
                arn
                for arn in alarm.get(member) or []
                if ":sns:" not in arn
                or allowed(scope, "cloudwatch.amazonaws.com", arn, alarm.get("AlarmArn", ""))
            ]
            if len(kept[member]) != len(alarm.get(member) or []):
                _LOG.warning("not delivered: alarm %s to %s", alarm.get("AlarmName"), alarm[member])
        dispatch(kept, *rest)

    return dispatched


def _mappings(authority: Authority, lambda_svc: Any) -> None:
    """A function that is to read a queue has to be let: by the API, and in a template."""
    from ministack.services.cloudformation import provisioners

    def refusal(given: dict[str, Any]) -> str | None:
        arn = given.get("EventSourceArn", "")
        name = given.get("FunctionName", "").rsplit(":", 1)[-1]
        record = lambda_svc._functions.get(name)
        if ":sqs:" not in arn or not record:
            return None
        scope, role = current_scope(), record["config"]["Role"]
        for action in _READ_QUEUE:
            try:
                session = authority.session(scope, role, name, "lambda.amazonaws.com")
                authority.check(scope, session["AWS_ACCESS_KEY_ID"], [Need(action, arn)])
            except Denied:
                return (
                    "The function execution role does not have permissions to call "
                    f"{action.partition(':')[2]} on SQS"
                )
        return None

    create, kind = (
        lambda_svc._create_esm,
        provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"],
    )
    provision = kind["create"]

    def created(data: dict[str, Any]) -> Any:
        why = refusal(data)
        if why:
            return lambda_svc.error_response_json("InvalidParameterValueException", why, 400)
        return create(data)

    def provisioned(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        why = refusal(properties)
        if why:
            raise ValueError(f"{why} (Service: Lambda, Status Code: 400)")
        return provision(logical_id, properties, stack)

    lambda_svc._create_esm, kind["create"] = created, provisioned
