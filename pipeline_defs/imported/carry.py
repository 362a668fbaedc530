"""Takes a definition that the SageMaker SDK wrote and puts it under a deployment of ours.

What is bound to the account, region and moment it was written in becomes a placeholder, a
reference or a file of the repository; each rewriting is a `Change`, and what cannot be carried
over is a `Remark`. A definition that cannot work here is refused with all its problems.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_defs.authoring import schema
from pipeline_defs.authoring.errors import Problem
from pipeline_defs.imported import caching, registries
from pipeline_defs.imported.changes import Change, ImportRefusedError, Remark
from pipeline_defs.imported.code import Code, Given
from pipeline_defs.imported.leaves import Leaf, leaves, steps
from pipeline_defs.imported.notes import Maps, Notes
from pipeline_defs.imported.placeholders import written
from pipeline_defs.imported.storage import Storage
from pipeline_defs.imported.stored import NAME, Stored
from pipeline_defs.imported.uris import parts, shown
from ratchet.loop import names

__all__ = ["Carried", "Maps", "carry"]

_IMAGES = ("ImageUri", "TrainingImage", "Image")
_ROLES = ("RoleArn", "ExecutionRoleArn")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:(?P<region>[a-z0-9-]*):(?P<account>\d{12}):.+")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_SECRET = re.compile(r"passw|secret|token|api_?key|credential|private_?key", re.IGNORECASE)
_CACHE_PERIOD = "P30D"


@dataclass(frozen=True, kw_only=True)
class Carried:
    stored: Stored
    changes: tuple[Change, ...]
    remarks: tuple[Remark, ...]


def carry(
    definition: Mapping[str, Any],
    *,
    name: str,
    code: Sequence[Given] = (),
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
    from pipeline_defs.imported.pipeline import check_stored, missing_permissions

    _refuse_shape(definition, name)
    carrier = _Carrier(copy.deepcopy(dict(definition)), name, Code(code), maps or Maps())
    stored = carrier.run()
    notes = carrier.notes
    if not notes.problems:
        notes.problems += check_stored(stored)
    if notes.problems:
        raise ImportRefusedError(name, notes.problems)
    for need in missing_permissions(stored):
        statement = json.dumps(need.permission.statement(), ensure_ascii=False)
        what = f"{need.why}, in pipelines/{name}/permissions.json: [{statement}]"
        notes.remark(need.step, need.argument, need.value, what)
    return Carried(stored=stored, changes=tuple(notes.changes), remarks=tuple(notes.remarks))


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


class _Carrier:
    def __init__(self, definition: dict[str, Any], name: str, code: Code, maps: Maps) -> None:
        self.notes = Notes()
        self._definition, self._name, self._code, self._maps = definition, name, code, maps
        self._storage = Storage(self.notes, maps, code)
        self._all = list(steps(definition))

    def run(self) -> Stored:
        self._top()
        for step in self._all:
            self._without_nulls(step)
            self._storage.outputs(step)
        for step in self._all:
            self._storage.reads(step)
            for leaf in list(leaves(step)):
                self._leaf(step, leaf)
            self._networks(step)
            self._tags(step)
        for parameter in self._definition.get("Parameters", ()):
            self._storage.default(parameter)
            self._region("", _parameter_leaf(parameter))
        for step in self._all:
            self._cache(step)
        self._unused()
        self._unmet()
        return Stored(name=self._name, definition=self._definition, folders=self._code.folders)

    # -- the pipeline

    def _top(self) -> None:
        for key in [key for key, value in self._definition.items() if value is None]:
            del self._definition[key]
            self.notes.change("", key, "null", None, "null says nothing to SageMaker")
        self._definition.setdefault("Metadata", {})
        declared = self._definition.setdefault("Parameters", [])
        config = self._definition.get("PipelineExperimentConfig")
        if config and config.get("ExperimentName") != {"Get": "Execution.PipelineName"}:
            return  # an experiment of their own
        if not any(parameter["Name"] == names.EXPERIMENT_PARAMETER for parameter in declared):
            default = written("experiment")
            declared.append(
                {"Name": names.EXPERIMENT_PARAMETER, "Type": "String", "DefaultValue": default}
            )
            self.notes.change(
                "",
                f"parameter {names.EXPERIMENT_PARAMETER}",
                None,
                default,
                "runs can be told apart by it",
            )
        after = {
            "ExperimentName": {"Get": f"Parameters.{names.EXPERIMENT_PARAMETER}"},
            "TrialName": {"Get": "Execution.PipelineExecutionId"},
        }
        self._definition["PipelineExperimentConfig"] = after
        self.notes.change(
            "", "PipelineExperimentConfig", config, after, "every pipeline here has the experiment"
        )

    def _unused(self) -> None:
        from pipeline_defs.authoring.checks import parameters

        for problem in parameters.check(self._definition):
            if problem.step is None and problem.expected.startswith("nothing refers to it"):
                self.notes.remark("", str(problem.argument), None, problem.expected)

    def _unmet(self) -> None:
        """An option that is for nothing is a slip: it must not look as if it had been obeyed."""
        maps = self._maps
        options = {
            "--code": {given.key for given in self._code.given} - self._code.used,
            "--bucket-map": set(maps.buckets) - self.notes.met,
            "--arn-map": set(maps.arns) - self.notes.met,
            "--image": set(maps.images) - self.notes.met,
        }
        for option, unmet in options.items():
            for key in sorted(unmet):
                expected = "nothing in the definition is called that"
                self.notes.problem("", option, key, expected, "correct it or leave it out")

    # -- one step

    def _without_nulls(self, step: dict[str, Any]) -> None:
        for leaf in list(leaves(step)):
            if leaf.value is None and isinstance(leaf.holder, dict):
                del leaf.holder[leaf.key]
                why = "null says nothing to SageMaker"
                self.notes.change(step["Name"], leaf.path, "null", None, why)

    def _leaf(self, step: dict[str, Any], leaf: Leaf) -> None:
        name, value = step["Name"], leaf.value
        if leaf.name in _ROLES and value != written("role"):
            self.notes.put(name, leaf, written("role"), "the pipeline's own narrow role")
        elif leaf.name == "KmsKeyId" and re.search("Output", leaf.path):
            del leaf.holder[leaf.key]
            after = "(this deployment's key)"
            self.notes.change(name, leaf.path, value, after, "outputs have the loop's key")
        elif leaf.name in _IMAGES and isinstance(value, str):
            self._image(name, leaf, value)
        elif leaf.name == "ModelPackageGroupName" and isinstance(value, str):
            if not value.startswith(written("prefix")):
                after = f"{written('prefix')}-{value}"
                self.notes.put(name, leaf, after, "a group of this environment")
        elif isinstance(value, str) and value in self._maps.arns:
            self.notes.met.add(value)
            self.notes.put(name, leaf, self._maps.arns[value], "mapped by --arn-map")
        elif isinstance(value, str) and (match := _ARN.fullmatch(value)):
            self.notes.remark(
                name,
                leaf.path,
                value,
                f"belongs to account {match['account']}: --arn-map says what stands for it here",
            )
        else:
            self._secret(name, leaf)
            self._region(name, leaf)

    def _image(self, step: str, leaf: Leaf, uri: str) -> None:
        if uri in self._maps.images:
            self.notes.met.add(uri)
            self.notes.put(step, leaf, self._maps.images[uri], "mapped by --image")
        elif image := registries.published(uri):
            after = written("image", image)
            self.notes.put(step, leaf, after, "AWS's image, from the registry of our region")
        elif not uri.startswith("${ratchet:"):
            what = "an image of its owner's registry: it must let this account pull it, or --image"
            self.notes.remark(step, leaf.path, uri, f"{what} says what stands for it here")

    def _region(self, step: str, leaf: Leaf) -> None:
        """`SAGEMAKER_REGION: us-east-1`, as the SDK writes it into environments."""
        value = leaf.value
        if isinstance(value, str) and "REGION" in leaf.path.upper() and _REGION.fullmatch(value):
            self.notes.put(step, leaf, written("region"), "the region it is deployed to")

    def _secret(self, step: str, leaf: Leaf) -> None:
        told = re.search(r"(Environment|HyperParameters)\.", leaf.path)
        if told and isinstance(leaf.value, str) and _SECRET.search(leaf.path.rsplit(".", 1)[-1]):
            what = "looks like a secret, in clear text: let the step read it from Secrets Manager"
            self.notes.remark(step, leaf.path, None, what)

    def _networks(self, step: dict[str, Any]) -> None:
        arguments = step.get("Arguments") or {}
        for path in (("VpcConfig",), ("NetworkConfig", "VpcConfig")):
            found: Any = arguments
            for key in path:
                found = found.get(key) if isinstance(found, Mapping) else None
            if found:
                what = (
                    "subnets and security groups of the account it was written in; name ones of "
                    "this account, and let the pipeline's role use them"
                )
                self.notes.remark(step["Name"], ".".join(path), found, what)
        for key in ("VolumeKmsKeyId",):
            for leaf in leaves(step):
                if leaf.name == key and leaf.value is not None:
                    what = "a key of the account it was written in: name one of this account"
                    self.notes.remark(step["Name"], leaf.path, leaf.value, what)

    def _tags(self, step: dict[str, Any]) -> None:
        if schema.is_taggable(step["Type"]):
            before = (step.get("Arguments") or {}).get("Tags")
            after = "the cost tags of the environment, pipeline, step and run are added"
            why = "SageMaker hands no tags on to jobs; its cost is told apart by them"
            self.notes.change(step["Name"], "Tags", before, after, why)

    def _cache(self, step: dict[str, Any]) -> None:
        name, config = step["Name"], step.get("CacheConfig")
        parameters = {p["Name"]: p for p in self._definition.get("Parameters", ())}
        if config:
            self._period(name, config)
        if not caching.is_cacheable(step["Type"]):
            if config:
                del step["CacheConfig"]
                why = f"a {step['Type']} step is never cached"
                self.notes.change(name, "CacheConfig", config, None, why)
            return
        doubts = caching.doubts(step, parameters)
        if config is None and not doubts:
            step["CacheConfig"] = {"Enabled": True, "ExpireAfter": _CACHE_PERIOD}
            why = "everything it reads is named by its content or by the run that wrote it"
            self.notes.change(name, "CacheConfig", None, step["CacheConfig"], why)
        elif config is None:
            self.notes.remark(name, "CacheConfig", None, f"no cache was added: {'; '.join(doubts)}")
        elif config.get("Enabled") and doubts:
            what = f"its own cache setting stays, but {'; '.join(doubts)}"
            self.notes.remark(name, "CacheConfig", config.get("ExpireAfter"), what)

    def _period(self, step: str, config: dict[str, Any]) -> None:
        given = config.get("ExpireAfter")
        if given is None:
            if config.get("Enabled"):
                config["ExpireAfter"] = _CACHE_PERIOD
                why = "a cache that never expires outlives what its URIs name"
                self.notes.change(step, "CacheConfig.ExpireAfter", None, _CACHE_PERIOD, why)
            return
        after = caching.period(str(given))
        if after is None:
            expected = "it is no period"
            self.notes.problem(
                step, "CacheConfig.ExpireAfter", given, expected, 'write it as "P30D" or "PT12H"'
            )
        elif after != given:
            config["ExpireAfter"] = after
            self.notes.change(step, "CacheConfig.ExpireAfter", given, after, "as ISO 8601 has it")


def _parameter_leaf(parameter: dict[str, Any]) -> Leaf:
    parameter.setdefault("DefaultValue", None)
    leaf = Leaf(f"parameter {parameter['Name']}", parameter, "DefaultValue")
    if parameter["DefaultValue"] is None:
        del parameter["DefaultValue"]
        return Leaf(leaf.path, {"DefaultValue": None}, "DefaultValue")
    return leaf


def spoken(value: Any) -> str:
    """A value of a change, short enough for a line."""
    found = parts(value)
    return shown(found) if found is not None else str(value)
