"""The names of MiniStack that saving and resuming wrap or call: a new version may lose one."""

from __future__ import annotations

import inspect

import pytest
from ministack import app
from ministack.core import persistence
from ministack.services import cloudformation, lambda_svc, s3, sqs
from ministack.services.cloudformation import changesets, handlers, provisioners, stacks

from ratchet.local_cloud.emulator import objects
from ratchet.local_cloud.emulator import stacks as operations

NAMES = [
    *((app, name) for name in ("_load_persisted_state", "save_all", "_state_map")),
    *((app, name) for name in ("_build_persistence_save_dict", "_loaded_modules")),
    *((persistence, name) for name in ("_json_object_hook", "_json_default")),
    *((persistence, name) for name in ("_state_format_version",)),
    *((cloudformation, name) for name in ("_stacks", "_change_sets", "_PERSISTED_STORES")),
    *((stacks, name) for name in operations._KINDS.values()),
    *((handlers, name) for name in operations._KINDS.values()),
    *((stacks, name) for name in ("_failed_operation", "_delete_resource", "_resource_policy")),
    *((stacks, name) for name in ("_RETAINING_POLICIES", "_FAILED_CREATE_STATUSES")),
    *((stacks, name) for name in ("_create_stack_task_in_region", "CLIENT_REQUEST_TOKEN")),
    *((changesets, name) for name in ("_deploy_stack_async", "_track_change_set_execution")),
    *((module, "_create_then_delete_on_failure") for module in (handlers, changesets)),
    *((s3, name) for name in ("_atomic_write", "_persist_object", "_fire_s3_event_async")),
    *((s3, name) for name in ("_fire_s3_event", "_next_event_sequencer", "_object_versions")),
    *((s3, name) for name in ("_object_meta_from_record", "_key_history_meta")),
    *((s3, name) for name in ("_remove_key_files", "_other_key_disk_path", "_object_disk_path")),
    *((s3, name) for name in ("_key_disk_path", "_plain_path_key", "_ENCODED_KEYS_DIR", "hashlib")),
    *((s3, name) for name in ("_delete_persisted_bucket", "_bucket_notifications")),
    *((lambda_svc, name) for name in ("_prune_orphan_code_blobs", "_iter_all_esms")),
    *((sqs, name) for name in ("_queues", "_queues_lock")),
    *((provisioners, name) for name in ("_RESOURCE_HANDLERS", "_physical_name")),
]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda value: str(value)[-60:])
def test_a_name_that_is_wrapped_or_called_is_there(module: object, name: str) -> None:
    assert hasattr(module, name)


@pytest.mark.parametrize("name", objects._WRITERS)
def test_the_first_parameters_of_what_writes_an_object_are_its_bucket_and_key(name: str) -> None:
    first, second, *_ = inspect.signature(getattr(s3, name)).parameters
    assert first == "bucket_name"
    assert second.endswith("key")


def test_a_failed_operation_has_the_members_that_a_resumed_one_fills() -> None:
    parameters = set(inspect.signature(stacks._failed_operation).parameters)
    assert {"is_update", "previous_stack", "created", "failed_update", "replaced_ids"} <= parameters
    deploy = set(inspect.signature(stacks._deploy_stack_async).parameters)
    assert {"is_update", "previous_stack", "template", "param_values", "imports"} <= deploy
