"""Takes a definition that the SageMaker SDK wrote and puts it under a deployment of ours.

What is bound to the account, region and moment it was written in becomes a placeholder, a
reference or a file of the repository; each rewriting is a `Change`, and what cannot be carried
over is a `Remark`. A definition that cannot work here is refused with all its problems.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.authoring.checks import parameters
from ratchet.authoring.errors import Problem
from ratchet.definition.document import DefinedStep
from ratchet.imported import caching
from ratchet.imported.arguments import Arguments
from ratchet.imported.changes import ArgumentChange, ImportRefusedError, Remark
from ratchet.imported.code import CodeSource, ReplacedCode
from ratchet.imported.edits import Edits
from ratchet.imported.notes import Maps, Notes
from ratchet.imported.pipeline import check_stored, missing_permissions
from ratchet.imported.placeholders import written
from ratchet.imported.storage import MovedStorage
from ratchet.imported.stored import NAME, StoredPipeline
from ratchet.imported.uris import parts, shown
from ratchet.loop import names

__all__ = ["Carried", "Maps", "carry"]

_NULL = "SageMaker ignores null"


@dataclass(frozen=True, kw_only=True)
class Carried:
    stored: StoredPipeline
    changes: tuple[ArgumentChange, ...]
    remarks: tuple[Remark, ...]


def carry(
    definition: Mapping[str, Any],
    *,
    name: str,
    code: Sequence[CodeSource] = (),
    maps: Maps | None = None,
) -> Carried:
    """The definition as it goes into the repository, and what was changed on the way.

    Args:
        definition: what `Pipeline.definition()` of the SDK wrote.
        name: what `ratchet run` calls it.
        code: the files that the SDK uploaded.
        maps: what stands here for buckets, ARNs and images of the other place.

    Raises:
        ImportRefusedError: with every problem.
    """
    _refuse_shape(definition, name)
    notes, maps, uploads = Notes(), maps or Maps(), ReplacedCode(code)
    body = _carried_body(_with_experiment(definition, notes), notes, maps, uploads)
    _refuse_unused_options(notes, maps, uploads)
    stored = StoredPipeline(name=name, definition=body, folders=uploads.folders)
    if not notes.problems:
        notes.problems += check_stored(stored)
    if notes.problems:
        raise ImportRefusedError(name, notes.problems)
    for need in missing_permissions(stored):
        statement = json.dumps(need.permission.statement(), ensure_ascii=False)
        what = f"{need.why}, in permissions.json beside its definition: [{statement}]"
        notes.remark(need.step, need.argument, need.value, what)
    return Carried(stored=stored, changes=tuple(notes.changes), remarks=tuple(notes.remarks))


def spoken(value: Any) -> str:
    """A value of a change, short enough for a line."""
    texts = parts(value)
    return shown(texts) if texts is not None else str(value)


def _refuse_shape(definition: Any, name: str) -> None:
    problems: list[Problem] = []
    if not NAME.fullmatch(name):
        problems.append(
            Problem(
                argument="name",
                value=name,
                expected="a pipeline's name consists of letters, digits and hyphens",
                fix="give it one: --name NAME",
            )
        )
    if not isinstance(definition, Mapping) or not isinstance(definition.get("Steps"), list):
        problems.append(
            Problem(
                expected="it is no pipeline definition: there is no list of Steps",
                fix="write it with `open(FILE, 'w').write(pipeline.definition())`",
            )
        )
    else:
        for index, step in enumerate(definition["Steps"]):
            if not isinstance(step, Mapping) or not {"Name", "Type"} <= set(step):
                where = f"Steps[{index}]"
                problems.append(Problem(argument=where, expected="a step has a Name and a Type"))
    if problems:
        raise ImportRefusedError(name, problems)


def _with_experiment(definition: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """The definition with the experiment that every pipeline here has, without nulls at its top."""
    body: dict[str, Any] = {key: value for key, value in definition.items() if value is not None}
    for key, value in definition.items():
        if value is None:
            notes.change("", key, "null", None, _NULL)
    body.setdefault("Metadata", {})
    declared = body.setdefault("Parameters", [])
    config = body.get("PipelineExperimentConfig")
    if config and config.get("ExperimentName") != {"Get": "Execution.PipelineName"}:
        return body  # an experiment of its own
    if not any(parameter["Name"] == names.EXPERIMENT_PARAMETER for parameter in declared):
        default = written("experiment")
        parameter = {"Name": names.EXPERIMENT_PARAMETER, "Type": "String", "DefaultValue": default}
        body["Parameters"] = [*declared, parameter]
        why = "runs can be told apart by it"
        notes.change("", f"parameter {names.EXPERIMENT_PARAMETER}", None, default, why)
    after = {
        "ExperimentName": {"Get": f"Parameters.{names.EXPERIMENT_PARAMETER}"},
        "TrialName": {"Get": "Execution.PipelineExecutionId"},
    }
    body["PipelineExperimentConfig"] = after
    why = "every pipeline here has the experiment"
    notes.change("", "PipelineExperimentConfig", config, after, why)
    return body


def _carried_body(
    body: Mapping[str, Any], notes: Notes, maps: Maps, code: ReplacedCode
) -> Mapping[str, Any]:
    edits = Edits(body, notes)
    storage, arguments = MovedStorage(edits, maps, code), Arguments(edits, maps)
    for step in edits.document.steps:
        _remove_nulls(step, edits)
        storage.carry_outputs(step)
    edits.apply()
    for step in edits.document.steps:
        storage.carry_inputs(step)
        arguments.carry(step)
    for parameter in edits.document.parameters:
        storage.carry_default(parameter)
        arguments.region(parameter)
    edits.apply()
    for step in edits.document.steps:
        caching.carry_cache(step, edits)
    edits.apply()
    for problem in parameters.unused(edits.document):
        notes.remark("", str(problem.argument), None, problem.expected)
    return edits.document.body


def _remove_nulls(step: DefinedStep, edits: Edits) -> None:
    for leaf in step.leaves:
        if leaf.value is None and isinstance(leaf.keys[-1], str):
            edits.remove(step, leaf, _NULL, shown="null")


def _refuse_unused_options(notes: Notes, maps: Maps, code: ReplacedCode) -> None:
    """An option that is for nothing is a slip: it must not look as if it had been obeyed."""
    options = {
        "--code": {source.key for source in code.sources} - code.used,
        "--bucket-map": set(maps.buckets) - notes.used,
        "--arn-map": set(maps.arns) - notes.used,
        "--image": set(maps.images) - notes.used,
    }
    for option, keys in options.items():
        for key in sorted(keys):
            expected = "nothing in the definition is called that"
            notes.problem("", option, key, expected, "correct it or leave it out")
