"""Every name of the emulator that enforcement replaces is there, and is looked up when used."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from ratchet.local_cloud.emulator import (
    checked_handlers,
    conditions,
    deliveries,
    evaluator,
    function_side,
    http_needs,
    multipart_uploads,
    object_digests,
    object_reads,
    service_roles,
    stack_roles,
)

BY_MODULE = [
    (module, name)
    for wrapped in (evaluator.WRAPPED, http_needs.WRAPPED, service_roles.WRAPPED)
    for module, names in wrapped.items()
    for name in names
]
CLOUDFORMATION = {
    f"cloudformation.{module}": (*names, *conditions.WRAPPED.get(module, ()))
    for module, names in {**conditions.WRAPPED, **stack_roles.WRAPPED}.items()
}
BY_SERVICE = [
    (importlib.import_module(f"ministack.services.{service}"), name)
    for service, names in (
        *(("s3", module.WRAPPED) for module in (multipart_uploads, object_digests, object_reads)),
        *deliveries.WRAPPED.items(),
        *function_side.WRAPPED.items(),
        *CLOUDFORMATION.items(),
    )
    for name in names
]


@pytest.mark.parametrize(("module", "name"), [*BY_MODULE, *BY_SERVICE])
def test_the_name_is_there(module: object, name: str) -> None:
    assert callable(getattr(module, name))


def test_the_services_have_handlers() -> None:
    from ministack import app

    assert set(checked_handlers.SERVICES) <= set(app.SERVICE_HANDLERS)


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("app.py", "from ministack.core.iam_actions import access_denied_response"),
        ("app.py", "s3_additional_checks"),
        ("app.py", "body = await _read_request_body(receive, method, headers)"),
        ("core/sigv4.py", "and not _chunk_signatures_match(body, computed, signature, key)"),
        ("core/iam_evaluator.py", "result = evaluate(ctx"),
        ("core/iam_evaluator.py", "resource = evaluate_resource_policy("),
        ("core/iam_evaluator.py", "actual = _resolve_condition_key(key, ctx)"),
        ("core/iam_evaluator.py", "policies = _gather_role_policies("),
        ("services/eventbridge.py", "_invoke_target(target, event, rule, view)"),
        ("services/eventbridge.py", "_dispatch_to_lambda(arn, event_payload)"),
        ("services/lambda_svc.py", "_sqs._receive_messages_for_esm(queue_url, batch_size)"),
        ("services/lambda_svc.py", "\n    _emit_lambda_logs("),
        ("services/s3.py", "_sqs.queue_policy_allows("),
        ("services/s3.py", "etag = f'\"{md5_hash(body)}\"'"),
        ("services/s3.py", "body = _read_body(bucket_name, key, obj)"),
        ("services/s3.py", "computed = _compute_s3_checksum(alg, body)"),
        ("services/sns.py", "_sqs.queue_policy_allows("),
    ],
)
def test_the_emulator_looks_the_name_up_where_it_uses_it(user: str, name: str) -> None:
    import ministack

    source = Path(inspect.getfile(ministack)).parent / user
    assert name in source.read_text()
