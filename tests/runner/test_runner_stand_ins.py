"""Steps that cannot run here: named before anything runs, and given a result instead."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.runner import CannotRunError, validate
from tests.runner.workbench import (
    Workbench,
    definition,
    fail,
    get,
    invoke,
    json_get,
    processing,
    python,
    training,
)


def emr(name: str = "cluster") -> dict[str, Any]:
    return {"Name": name, "Type": "EMR", "Arguments": {"StepConfig": {}}}


def imageless() -> dict[str, Any]:
    step = processing("clarify", [], outputs=["report"])
    del step["Arguments"]["AppSpecification"]["ContainerEntrypoint"]
    return step


def test_every_step_that_cannot_run_is_named_at_once_with_what_to_type(
    workbench: Workbench,
) -> None:
    built_in = training("builtin", code="s3://code/none.gz")
    built_in["Arguments"]["HyperParameters"] = {"k": "10"}
    newer = {"Name": "newer", "Type": "Quantum", "Arguments": {}}
    first = processing("first", python("print('ran')"))
    with pytest.raises(CannotRunError) as refused:
        workbench.run(definition(first, emr(), imageless(), built_in, newer))
    told = str(refused.value)
    for step in ("cluster", "clarify", "builtin", "newer"):
        assert f"--stand-in {step}=FILE.json" in told
    assert "it needs an EMR cluster" in told
    assert workbench.observer.changes == []


def test_a_stood_in_step_hands_its_properties_on_and_is_never_cached(
    workbench: Workbench,
) -> None:
    workbench.services.functions["look"] = lambda payload: payload
    step = {**emr(), "CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
    look = invoke("look", {}, status=get("Steps.cluster.Status.State"))
    for _ in range(2):
        result = workbench.run(
            definition(step, look), stand_ins={"cluster": {"Status": {"State": "COMPLETED"}}}
        )
        assert result.status == "Succeeded", result.failure_reason
        assert result.step("look").arguments == {"status": "COMPLETED"}
        record = result.step("cluster")
        assert record.cache_explanation.startswith("stand-in")
        assert record.cache_hit_source is None


def test_a_runnable_step_may_be_stood_in_for_too(workbench: Workbench) -> None:
    step = processing("slow", python("raise SystemExit(1)"))
    result = workbench.run(definition(step), stand_ins={"slow": {}})
    assert result.status == "Succeeded"


def test_a_stand_in_must_hold_what_others_take_from_it(workbench: Workbench) -> None:
    look = invoke("look", {}, status=get("Steps.cluster.Status.State"))
    with pytest.raises(CannotRunError, match=r"the stand-in of step 'cluster' lacks it"):
        workbench.run(definition(emr(), look), stand_ins={"cluster": {"Status": {}}})


def test_a_property_file_of_a_stood_in_step_is_read_where_its_stand_in_says(
    workbench: Workbench,
) -> None:
    step = imageless()
    step["PropertyFiles"] = [
        {"PropertyFileName": "r", "OutputName": "report", "FilePath": "r.json"}
    ]
    halt = fail("halt", json_get("clarify", "r", "why"))
    with pytest.raises(CannotRunError, match="lacks it"):
        workbench.run(definition(step, halt), stand_ins={"clarify": {}})
    workbench.put("s3://reports/one/r.json", {"why": "because"})
    output = {"OutputName": "report", "S3Output": {"S3Uri": "s3://reports/one"}}
    given = {"clarify": {"ProcessingOutputConfig": {"Outputs": [output]}}}
    result = workbench.run(definition(step, halt), stand_ins=given)
    assert "because" in (result.failure_reason or "")


def test_a_stand_in_for_no_step_or_for_a_decision_is_refused(workbench: Workbench) -> None:
    with pytest.raises(CannotRunError, match="there is no step 'clutser'; the steps are cluster"):
        workbench.run(definition(emr()), stand_ins={"clutser": {}, "cluster": {}})
    with pytest.raises(CannotRunError, match="a Fail step has no result"):
        workbench.run(definition(fail("halt", "no")), stand_ins={"halt": {}})


def test_a_definition_may_be_checked_before_its_stand_ins_come() -> None:
    look = invoke("look", {}, status=get("Steps.cluster.Status.State"))
    read = validate(definition(emr(), look), stand_ins=None)
    assert list(read.steps) == ["cluster", "look"]
