"""Where steps write and what they read: outputs go below the pipeline's runs, what a step reads of
another becomes a reference, and uploaded code becomes files of the repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline_defs.authoring.errors import BundleError
from pipeline_defs.imported import code as codes
from pipeline_defs.imported.leaves import Leaf, leaves
from pipeline_defs.imported.notes import Maps, Notes
from pipeline_defs.imported.placeholders import written
from pipeline_defs.imported.uris import (
    SDK_BUCKET,
    Parts,
    below,
    bucket,
    is_s3,
    parts,
    shown,
    stable,
    text,
)

_RUN = {"Get": "Execution.PipelineExecutionId"}
_OUTPUT = re.compile(
    r"(?P<result>ProcessingOutputConfig\.Outputs\[\d+\]\.S3Output\.S3Uri"
    r"|(TrainingJobDefinition(s\[\d+\])?\.)?OutputDataConfig\.S3OutputPath"
    r"|TransformOutput\.S3OutputPath)"
    # These count in the cache key, or outlive a run by purpose: no execution id in them.
    r"|(?P<kept>(TrainingJobDefinition(s\[\d+\])?\.)?(CheckpointConfig\.S3Uri"
    r"|(DebugHookConfig|ProfilerConfig|TensorBoardOutputConfig)\.S3OutputPath)"
    r"|DataCaptureConfig\.DestinationS3Uri)"
)


class Storage:
    """Moves the S3 URIs of one definition."""

    def __init__(self, notes: Notes, maps: Maps, code: codes.Code) -> None:
        self._notes, self._maps, self._code = notes, maps, code
        self._written: list[tuple[Parts, str, str]] = []

    def outputs(self, step: dict[str, Any]) -> None:
        name = step["Name"]
        for leaf in list(leaves(step)):
            match = _OUTPUT.fullmatch(leaf.path)
            before = parts(leaf.value) if match else None
            if match is None or before is None:
                continue
            if not is_s3(before):
                self._elsewhere(name, leaf, before)
                continue
            if (mapped := self._mapped(before)) is not None:
                self._notes.put(name, leaf, mapped, "mapped by --bucket-map")
                what = "written outside of the pipeline's own runs: let its role write there"
                self._notes.remark(name, leaf.path, shown(parts(mapped) or ()), what)
                continue
            after = _run_uri(step, leaf) if match["result"] else _kept_uri(name, leaf)
            if match["result"]:
                self._remember(step, leaf, before)
            why = (
                "this deployment's bucket, a folder of its own for each run"
                if match["result"]
                else "this deployment's bucket, the same folder in every run"
            )
            self._notes.put(name, leaf, after, why)

    def reads(self, step: dict[str, Any]) -> None:
        name = step["Name"]
        found = [leaf for leaf in leaves(step) if not _OUTPUT.fullmatch(leaf.path)]
        literals = {id(leaf): codes.literal(leaf) for leaf in found}
        roles = {
            id(leaf): codes.role(leaf, step, uri[0])
            for leaf in found
            if (uri := literals[id(leaf)]) is not None
        }
        alone = sum(1 for role in roles.values() if role) == 1
        for leaf in found:
            uri = literals[id(leaf)]
            before = (uri[0],) if uri else parts(leaf.value)
            if before is None or not is_s3(before):
                continue
            reference = self._reference(before)
            if reference is not None:
                self._notes.put(name, leaf, reference, "what that step wrote in this run")
            elif uri is not None and (role := roles[id(leaf)]):
                self._upload(name, leaf, uri, role=role, alone=alone)
            elif (mapped := self._mapped(before)) is not None:
                self._notes.put(name, leaf, mapped, "mapped by --bucket-map")
            elif SDK_BUCKET.fullmatch(bucket(before)):
                self._lost(name, leaf.path, shown(before))
            else:
                self._notes.remark(
                    name,
                    leaf.path,
                    shown(before),
                    "read where it is: the pipeline's role may read it, its bucket's and key's "
                    "policies must allow that as well; --bucket-map names another place",
                )

    def default(self, parameter: dict[str, Any]) -> None:
        """The default of a parameter."""
        name, before = parameter["Name"], parts(parameter.get("DefaultValue"))
        if before is None or not is_s3(before):
            return
        argument = f"parameter {name}"
        mapped = self._mapped(before)
        if mapped is not None:
            self._notes.change("", argument, parameter["DefaultValue"], mapped, "by --bucket-map")
            parameter["DefaultValue"] = mapped
        elif SDK_BUCKET.fullmatch(bucket(before)):
            self._lost("", argument, shown(before))
        else:
            what = "a default outside of this deployment: the pipeline's role may read it there"
            self._notes.remark("", argument, shown(before), what)

    # -- inside

    def _upload(
        self, step: str, leaf: Leaf, uri: tuple[str, bool], *, role: str, alone: bool
    ) -> None:
        try:
            after = self._code.replacement(uri[0], step=step, role=role, alone=alone)
        except BundleError as error:
            self._notes.problem(step, leaf.path, uri[0], str(error), "give another path to --code")
            return
        if after is None:
            key = step if alone else f"{step}/{role}"
            fetch = f"aws s3 cp --recursive {uri[0]} FOLDER"
            if "." in uri[0].rsplit("/", 1)[-1]:
                fetch = f"aws s3 cp {uri[0]} FILE"
            self._notes.problem(
                step,
                leaf.path,
                uri[0],
                "its code was uploaded by the SDK and is not in the definition",
                f"add --code {key}=PATH, the file or folder it was made of (or fetch it: {fetch})",
            )
            return
        self._notes.put(
            step, leaf, f'"{after}"' if uri[1] else after, "its code, named by its content"
        )

    def _lost(self, step: str, argument: str, uri: str) -> None:
        self._notes.problem(
            step,
            argument,
            uri,
            "no step writes it, and it lies in the SDK's bucket of another deployment",
            f"say where it is here: --bucket-map {uri}=s3://…",
        )

    def _elsewhere(self, step: str, leaf: Leaf, before: Parts) -> None:
        if isinstance(before[0], Mapping) and str(before[0].get("Get", "")).startswith("Steps."):
            return  # below what another step wrote
        self._notes.remark(
            step,
            leaf.path,
            shown(before),
            "written where a parameter says: the pipeline's role may write below its own runs only",
        )

    def _mapped(self, before: Parts) -> Any:
        first = before[0]
        assert isinstance(first, str)
        for old in sorted(self._maps.buckets, key=len, reverse=True):
            stem = old.rstrip("/")
            if first == stem or first.startswith(f"{stem}/"):
                self._notes.met.add(old)
                new = _place(self._maps.buckets[old].rstrip("/"))
                return text([new + first.removeprefix(stem), *before[1:]])
        return None

    def _remember(self, step: dict[str, Any], leaf: Leaf, before: Parts) -> None:
        reference = _property(step, leaf)
        if reference:
            self._written.append((before, step["Name"], reference))

    def _reference(self, uri: Parts) -> Any:
        for folder, step, path in self._written:
            rest = below(uri, folder)
            if rest is not None:
                return text([{"Get": f"Steps.{step}.{path}"}, *rest])
        return None


def _run_uri(step: dict[str, Any], leaf: Leaf) -> dict[str, Any]:
    last = step["Name"]
    if "Outputs[" in leaf.path:
        last = f"{last}/{_output(step, leaf)}"
    runs = f"{written('artifacts')}/{written('pipeline')}/runs"
    return {"Std:Join": {"On": "/", "Values": [runs, dict(_RUN), last]}}


def _kept_uri(step: str, leaf: Leaf) -> str:
    kind = leaf.path.split(".")[-2].split("[")[0].removesuffix("Config").lower()
    return f"{written('artifacts')}/{written('pipeline')}/runs/kept/{step}/{kind}"


def _output(step: dict[str, Any], leaf: Leaf) -> str:
    return next(
        str(each.get("OutputName"))
        for each in step["Arguments"]["ProcessingOutputConfig"]["Outputs"]
        if each.get("S3Output") is leaf.holder
    )


def _property(step: dict[str, Any], leaf: Leaf) -> str | None:
    """The property that holds the URI when the step has run; None: the type has none."""
    match step["Type"]:
        case "Processing":
            return f"ProcessingOutputConfig.Outputs['{_output(step, leaf)}'].S3Output.S3Uri"
        case "Training" | "Transform":
            return leaf.path
    return None


def _place(name: str) -> str:
    for ours in ("data", "artifacts"):
        if name == ours or name.startswith(f"{ours}/"):
            folder = stable(name.removeprefix(ours))
            base = written(ours)
            return f"{base}/{folder}" if folder else base
    return name
