"""What in a step's arguments is bound to the account, region and role it was written in."""

from __future__ import annotations

import re
from typing import Any

from ratchet.definition.document import DefinedParameter, DefinedStep
from ratchet.definition.expressions import Leaf
from ratchet.definition.service_model import is_taggable
from ratchet.imported import registries
from ratchet.imported.edits import Edits
from ratchet.imported.notes import Maps
from ratchet.imported.placeholders import written

_IMAGES = ("ImageUri", "TrainingImage", "Image")
_ROLES = ("RoleArn", "ExecutionRoleArn")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:(?P<region>[a-z0-9-]*):(?P<account>\d{12}):.+")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_SECRET = re.compile(r"passw|secret|token|api_?key|credential|private_?key", re.IGNORECASE)
_IN_THE_REGION = "the region it is deployed to"


class Arguments:
    """Puts one step's arguments under the deployment."""

    def __init__(self, edits: Edits, maps: Maps) -> None:
        self._edits, self._notes, self._maps = edits, edits.notes, maps

    def carry(self, step: DefinedStep) -> None:
        for leaf in list(self._edits.leaves(step)):
            self._leaf(step, leaf)
        self._networks(step)
        self._volume_keys(step)
        self._tags(step)

    def region(self, parameter: DefinedParameter) -> None:
        """A default that names the region."""
        argument = f"parameter {parameter.name}"
        if _is_region(argument, parameter.default):
            self._edits.put_default(parameter, argument, written("region"), _IN_THE_REGION)

    def _leaf(self, step: DefinedStep, leaf: Leaf) -> None:
        value = leaf.value
        if leaf.name in _ROLES and value != written("role"):
            self._edits.put(step, leaf, written("role"), "the pipeline's own narrow role")
        elif leaf.name == "KmsKeyId" and "Output" in leaf.argument:
            instead = "(this deployment's key)"
            self._edits.remove(step, leaf, "outputs have the loop's key", instead=instead)
        elif leaf.name in _IMAGES and isinstance(value, str):
            self._image(step, leaf, value)
        elif leaf.name == "ModelPackageGroupName" and isinstance(value, str):
            if not value.startswith(written("prefix")):
                after = f"{written('prefix')}-{value}"
                self._edits.put(step, leaf, after, "a group of this environment")
        elif isinstance(value, str) and value in self._maps.arns:
            self._notes.used.add(value)
            self._edits.put(step, leaf, self._maps.arns[value], "mapped by --arn-map")
        elif isinstance(value, str) and (match := _ARN.fullmatch(value)):
            what = f"belongs to account {match['account']}: --arn-map names its replacement here"
            self._notes.remark(step.name, leaf.argument, value, what)
        else:
            self._secret(step, leaf)
            if _is_region(leaf.argument, value):
                # `SAGEMAKER_REGION: us-east-1`, as the SDK writes it into environments.
                self._edits.put(step, leaf, written("region"), _IN_THE_REGION)

    def _image(self, step: DefinedStep, leaf: Leaf, uri: str) -> None:
        if uri in self._maps.images:
            self._notes.used.add(uri)
            self._edits.put(step, leaf, self._maps.images[uri], "mapped by --image")
        elif image := registries.published(uri):
            after = written("image", image)
            self._edits.put(step, leaf, after, "AWS's image, from the registry of our region")
        elif not uri.startswith("${ratchet:"):
            what = "an image of its owner's registry: it must let this account pull it, or --image"
            what = f"{what} names its replacement here"
            self._notes.remark(step.name, leaf.argument, uri, what)

    def _secret(self, step: DefinedStep, leaf: Leaf) -> None:
        is_setting = re.search(r"(Environment|HyperParameters)\.", leaf.argument)
        name = leaf.argument.rsplit(".", 1)[-1]
        if is_setting and isinstance(leaf.value, str) and _SECRET.search(name):
            what = "looks like a secret, in clear text: let the step read it from Secrets Manager"
            self._notes.remark(step.name, leaf.argument, None, what)

    def _networks(self, step: DefinedStep) -> None:
        network = step.arguments.get("NetworkConfig") or {}
        what = (
            "subnets and security groups of the account it was written in; name ones of this "
            "account, and let the pipeline's role use them"
        )
        for argument, holder in (
            ("VpcConfig", step.arguments),
            ("NetworkConfig.VpcConfig", network),
        ):
            if value := holder.get("VpcConfig"):
                self._notes.remark(step.name, argument, value, what)

    def _volume_keys(self, step: DefinedStep) -> None:
        what = "a key of the account it was written in: name one of this account"
        for leaf in self._edits.leaves(step):
            if leaf.name == "VolumeKmsKeyId":
                self._notes.remark(step.name, leaf.argument, leaf.value, what)

    def _tags(self, step: DefinedStep) -> None:
        if is_taggable(step.type):
            before = step.arguments.get("Tags")
            after = "the cost tags of the environment, pipeline, step and run are added"
            why = "SageMaker hands no tags on to jobs; its cost is told apart by them"
            self._notes.change(step.name, "Tags", before, after, why)


def _is_region(argument: str, value: Any) -> bool:
    is_text = isinstance(value, str) and "REGION" in argument.upper()
    return is_text and _REGION.fullmatch(value) is not None
