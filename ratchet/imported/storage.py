"""Where steps write and what they read: outputs go below the pipeline's runs, what a step reads of
another becomes a reference, and uploaded code becomes files of the repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ratchet.authoring.errors import BundleError
from ratchet.definition.document import DefinedParameter, DefinedStep
from ratchet.definition.expressions import GET, JOIN, Leaf
from ratchet.definition.step_types import STEP_TYPES
from ratchet.imported import code as codes
from ratchet.imported.edits import Edits
from ratchet.imported.notes import Maps
from ratchet.imported.placeholders import written
from ratchet.imported.uris import (
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

_RUN = {GET: "Execution.PipelineExecutionId"}


def _paths(column: str) -> str:
    """A pattern of every argument path that a column of the table of step types names."""
    paths = {path for row in STEP_TYPES.values() for path in getattr(row, column)}
    return "|".join(re.escape(path).replace(r"\[\*\]", r"\[\d+\]") for path in sorted(paths))


# What lasts counts in the cache key, or outlives a run by purpose: no execution id in it.
_OUTPUT = re.compile(f"(?P<result>{_paths('outputs')})|(?P<lasting>{_paths('lasting_outputs')})")


class MovedStorage:
    """Moves the S3 URIs of one definition."""

    def __init__(self, edits: Edits, maps: Maps, code: codes.ReplacedCode) -> None:
        self._edits, self._notes, self._maps, self._code = edits, edits.notes, maps, code
        self._written: list[tuple[Parts, str]] = []
        """What each step wrote before, and the reference that names it now."""

    def carry_outputs(self, step: DefinedStep) -> None:
        for leaf in step.leaves:
            match = _OUTPUT.fullmatch(leaf.argument)
            before = parts(leaf.value) if match else None
            if match is None or before is None:
                continue
            if not is_s3(before):
                self._elsewhere(step, leaf, before)
            elif (mapped := self._mapped(before)) is not None:
                self._edits.put(step, leaf, mapped, "mapped by --bucket-map")
                what = "written outside of the pipeline's own runs: let its role write there"
                self._notes.remark(step.name, leaf.argument, shown(parts(mapped) or ()), what)
            elif match["result"]:
                self._remember(step, leaf, before)
                why = "this deployment's bucket, a folder of its own for each run"
                self._edits.put(step, leaf, _run_uri(step, leaf), why)
            else:
                why = "this deployment's bucket, the same folder in every run"
                self._edits.put(step, leaf, _lasting_uri(step, leaf), why)

    def carry_inputs(self, step: DefinedStep) -> None:
        inputs = [leaf for leaf in step.leaves if not _OUTPUT.fullmatch(leaf.argument)]
        literals = {leaf.keys: codes.literal(leaf) for leaf in inputs}
        roles = {
            leaf.keys: codes.role(leaf, step, uri[0])
            for leaf in inputs
            if (uri := literals[leaf.keys]) is not None
        }
        alone = sum(1 for role in roles.values() if role) == 1
        for leaf in inputs:
            uri = literals[leaf.keys]
            before = (uri[0],) if uri else parts(leaf.value)
            if before is None or not is_s3(before):
                continue
            if (reference := self._reference(before)) is not None:
                self._edits.put(step, leaf, reference, "what that step wrote in this run")
            elif uri is not None and (role := roles[leaf.keys]):
                self._upload(step, leaf, uri, role=role, alone=alone)
            elif (mapped := self._mapped(before)) is not None:
                self._edits.put(step, leaf, mapped, "mapped by --bucket-map")
            elif SDK_BUCKET.fullmatch(bucket(before)):
                self._lost(step.name, leaf.argument, shown(before))
            else:
                what = (
                    "read where it is: the pipeline's role may read it, its bucket's and key's "
                    "policies must allow that as well; --bucket-map names another place"
                )
                self._notes.remark(step.name, leaf.argument, shown(before), what)

    def carry_default(self, parameter: DefinedParameter) -> None:
        before = parts(parameter.default)
        if before is None or not is_s3(before):
            return
        argument = f"parameter {parameter.name}"
        mapped = self._mapped(before)
        if mapped is not None:
            self._edits.put_default(parameter, argument, mapped, "by --bucket-map")
        elif SDK_BUCKET.fullmatch(bucket(before)):
            self._lost("", argument, shown(before))
        else:
            what = "a default outside of this deployment: the pipeline's role may read it there"
            self._notes.remark("", argument, shown(before), what)

    # -- inside

    def _upload(
        self, step: DefinedStep, leaf: Leaf, uri: tuple[str, bool], *, role: str, alone: bool
    ) -> None:
        name, argument = step.name, leaf.argument
        try:
            after = self._code.replacement(uri[0], step=name, role=role, alone=alone)
        except BundleError as error:
            self._notes.problem(name, argument, uri[0], str(error), "give another path to --code")
            return
        if after is None:
            key = name if alone else f"{name}/{role}"
            fetch = f"aws s3 cp --recursive {uri[0]} FOLDER"
            if "." in uri[0].rsplit("/", 1)[-1]:
                fetch = f"aws s3 cp {uri[0]} FILE"
            self._notes.problem(
                name,
                argument,
                uri[0],
                "its code was uploaded by the SDK and is not in the definition",
                f"add --code {key}=PATH, the file or folder it was made of (or fetch it: {fetch})",
            )
            return
        quoted = f'"{after}"' if uri[1] else after
        self._edits.put(step, leaf, quoted, "its code, named by its content")

    def _lost(self, step: str, argument: str, uri: str) -> None:
        self._notes.problem(
            step,
            argument,
            uri,
            "no step writes it, and it lies in the SDK's bucket of another deployment",
            f"say where it is here: --bucket-map {uri}=s3://…",
        )

    def _elsewhere(self, step: DefinedStep, leaf: Leaf, before: Parts) -> None:
        if isinstance(before[0], Mapping) and str(before[0].get(GET, "")).startswith("Steps."):
            return  # below what another step wrote
        what = (
            "written where a parameter says: the pipeline's role may write below its own runs only"
        )
        self._notes.remark(step.name, leaf.argument, shown(before), what)

    def _mapped(self, before: Parts) -> Any:
        first = before[0]
        assert isinstance(first, str)
        for old in sorted(self._maps.buckets, key=len, reverse=True):
            stem = old.rstrip("/")
            if first == stem or first.startswith(f"{stem}/"):
                self._notes.used.add(old)
                new = _place(self._maps.buckets[old].rstrip("/"))
                return text([new + first.removeprefix(stem), *before[1:]])
        return None

    def _remember(self, step: DefinedStep, leaf: Leaf, before: Parts) -> None:
        property_path = _property(step, leaf)
        if property_path:
            self._written.append((before, f"Steps.{step.name}.{property_path}"))

    def _reference(self, uri: Parts) -> Any:
        for folder, reference in self._written:
            path = below(uri, folder)
            if path is not None:
                return text([{GET: reference}, *path])
        return None


def _run_uri(step: DefinedStep, leaf: Leaf) -> dict[str, Any]:
    output = _output(step, leaf)
    runs = f"{written('artifacts')}/{written('pipeline')}/runs"
    folder = f"{step.name}/{output}" if output else step.name
    return {JOIN: {"On": "/", "Values": [runs, dict(_RUN), folder]}}


def _lasting_uri(step: DefinedStep, leaf: Leaf) -> str:
    kind = leaf.argument.split(".")[-2].split("[")[0].removesuffix("Config").lower()
    return f"{written('artifacts')}/{written('pipeline')}/runs/kept/{step.name}/{kind}"


def _output(step: DefinedStep, leaf: Leaf) -> str:
    """The name of the output that a URI is of; "" where outputs have no names."""
    match leaf.keys:
        case ("Arguments", "ProcessingOutputConfig", "Outputs", int(index), "S3Output", "S3Uri"):
            outputs = step.arguments["ProcessingOutputConfig"]["Outputs"]
            return str(outputs[index].get("OutputName"))
    return ""


def _property(step: DefinedStep, leaf: Leaf) -> str:
    """The property that holds the URI when the step has run; "" where the type has none."""
    match step.type:
        case "Processing":
            return f"ProcessingOutputConfig.Outputs['{_output(step, leaf)}'].S3Output.S3Uri"
        case "Training" | "Transform":
            return leaf.argument
    return ""


def _place(name: str) -> str:
    for ours in ("data", "artifacts"):
        if name == ours or name.startswith(f"{ours}/"):
            folder = stable(name.removeprefix(ours))
            base = written(ours)
            return f"{base}/{folder}" if folder else base
    return name
