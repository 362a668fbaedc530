"""Random definitions: every one ends, in order, and a second run does no work."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.runner import Parallelism, validate
from tests.runner.workbench import (
    Workbench,
    compare,
    condition,
    definition,
    get,
    invoke,
    join,
    output_uri,
    processing,
)

COMMAND = "ls /opt/ml/processing/input/* >/dev/null && date > /opt/ml/processing/output/o/f"


@st.composite
def steps_of(draw: st.DrawFn, name: str, earlier: list[str], functions: set[str]) -> dict[str, Any]:
    """A job or a function that takes something of some earlier steps, by reference or by a join of
    references, and only waits for the others. `functions` gets its name if it is one."""
    by_data = [other for other in earlier if draw(st.booleans())]
    waits_for = [other for other in earlier if other not in by_data]
    taken = [
        get(f"Steps.{other}.OutputParameters['n']")
        if other in functions
        else output_uri(other, "o")
        for other in by_data
    ]
    if draw(st.integers(0, 3)) == 0:
        functions.add(name)
        step = invoke(name, {"n": "Integer"}, told=join(*taken, 1, on="|"))
        return {**step, "DependsOn": waits_for}
    jobs = [other for other in by_data if other not in functions]
    return processing(
        name,
        ["/bin/sh", "-c", COMMAND],
        inputs={"raw": "s3://data/raw/", **{other: output_uri(other, "o") for other in jobs}},
        outputs=["o"],
        environment={"TOLD": join(*taken, on=" ")},
        depends_on=waits_for,
        cached=True,
    )


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Up to eight jobs and functions that use earlier ones by data, by joins or by DependsOn, some
    in branches."""
    count = draw(st.integers(1, 8))
    top: list[dict[str, Any]] = []
    branches: dict[str, tuple[str, bool]] = {}
    names: list[str] = []
    functions: set[str] = set()
    gates: list[tuple[str, list[Any], list[Any]]] = []
    for number in range(count):
        name = f"s{number}"
        earlier = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        branch = None
        in_branch: bool = draw(st.booleans())
        if gates and in_branch:
            gate, yes, no = draw(st.sampled_from(gates))
            branch = (gate, draw(st.booleans()))
            earlier = [other for other in earlier if _may_use(branch, branches.get(other))]
        if draw(st.integers(0, 4)) == 0 and branch is None:
            gate = f"g{number}"
            yes, no = [], []
            left = draw(st.integers(0, 1))
            step = condition(gate, compare("Equals", left, 1), DependsOn=earlier)
            step["Arguments"] |= {"IfSteps": yes, "ElseSteps": no}
            gates.append((gate, yes, no))
            top.append(step)
            continue
        step = draw(steps_of(name, earlier, functions))
        if branch is None:
            top.append(step)
        else:
            branches[name] = branch
            (yes if branch[1] else no).append(step)
        names.append(name)
    order = draw(st.permutations(top)) if top else top
    return definition(*order, parameters=[{"Name": "P", "Type": "String", "DefaultValue": "x"}])


def _may_use(branch: tuple[str, bool], other: tuple[str, bool] | None) -> bool:
    return other is None or other[0] != branch[0] or other == branch


def expected(document: dict[str, Any]) -> set[str]:
    """Names of the steps that must run, worked out the slow way."""
    steps = validate(document).steps
    runs: dict[str, bool] = {}

    def does_run(name: str) -> bool:
        if name not in runs:
            step = steps[name]
            runs[name] = all(does_run(other) for other in step.needs)
            if step.branch is not None:
                gate = steps[step.branch[0]].arguments["Conditions"][0]
                runs[name] &= (gate["LeftValue"] == 1) == step.branch[1]
        return runs[name]

    return {name for name in steps if does_run(name)}


@given(document=definitions(), limit=st.integers(1, 4))
@settings(
    max_examples=25,
    derandomize=True,  # the same definitions for everyone: a failure is the change's
    suppress_health_check=[HealthCheck.too_slow],
)
def test_any_definition_ends_in_order_and_a_second_run_only_hits(
    document: dict[str, Any], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workbench = Workbench(Path(folder))
        workbench.put("s3://data/raw/a", "1")
        workbench.services.functions.update(
            {f"s{number}": lambda payload: {"n": 1} for number in range(8)}
        )
        steps = validate(document).steps
        first = workbench.run(document, parallelism=Parallelism(limit))
        assert first.status == "Succeeded", first.failure_reason
        assert {record.name for record in first.steps} == expected(document)
        ended: set[str] = set()
        started: list[str] = []
        for record in workbench.observer.changes:
            if record.name not in started:
                started.append(record.name)
                assert steps[record.name].needs <= ended
            if record.status == "Succeeded":
                assert record.name not in ended
                ended.add(record.name)
        assert all(record.attempt == 1 for record in first.steps)

        second = workbench.run(document, parallelism=Parallelism(limit))
        assert {record.name for record in second.steps} == expected(document)
        jobs = [record for record in second.steps if record.type == "Processing"]
        assert all(record.cache_hit_source for record in jobs)
        workbench.cache.close()
