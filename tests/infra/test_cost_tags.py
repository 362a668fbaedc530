"""Cost is told apart by tags, so every resource that can carry them does."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from ratchet.project import load
from ratchet.settings import tags
from tests.cloudformation_schemas import resource_schema
from tests.definitions.step_tags import lacking, taggable_steps
from tests.infra.assembly import ENVIRONMENTS, STACKS, Assembly, loop_folder
from tests.infra.readable import unfolded


@cache
def tags_property(kind: str) -> str | None:
    """The property that holds the tags of a resource type, from CloudFormation's own schemas."""
    schema = resource_schema(kind)
    tagging = schema.get("tagging") or {}
    if tagging.get("taggable", "Tags" in schema["properties"]) is False:
        return None
    name = str(tagging.get("tagProperty", "/properties/Tags")).rsplit("/", 1)[1]
    return name if name in schema["properties"] else None


def as_mapping(carried: Any) -> dict[str, str]:
    if isinstance(carried, dict):
        return carried
    return {tag["Key"]: tag["Value"] for tag in carried or []}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("stack", STACKS)
def test_every_taggable_resource_carries_the_tags(
    assembly: Assembly, environment: str, stack: str
) -> None:
    wanted = dict(load(environment).tags)
    found = assembly.templates[f"{environment}/{stack}"]["Resources"]
    taggable = {
        name: tags_property(resource["Type"])
        for name, resource in found.items()
        if tags_property(resource["Type"])
    }
    assert len(taggable) >= (1 if stack == "Pipelines" else 6)
    lacking = [
        name
        for name, place in taggable.items()
        if wanted.items() - as_mapping(found[name]["Properties"].get(place)).items()
    ]
    assert lacking == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_pipeline_and_every_job_of_its_steps_carry_the_tags(
    assembly: Assembly, environment: str
) -> None:
    pipelines = {
        resource["Properties"]["PipelineName"]: resource["Properties"]
        for stack in STACKS
        for resource in assembly.resources(
            f"{environment}/{stack}", "AWS::SageMaker::Pipeline"
        ).values()
    }
    kinds = {name.rsplit("-", 1)[1] for name in pipelines}
    assert kinds == {"training", "evaluation", "monitoring"}
    for name, properties in pipelines.items():
        assert as_mapping(properties["Tags"])[tags.PIPELINE] == name
        definition = unfolded(properties["PipelineDefinition"]["PipelineDefinitionBody"])
        assert taggable_steps(definition)
        assert lacking(definition, pipeline=name) == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_settings_carry_exactly_the_tags_of_resources(environment: str) -> None:
    assert tuple(load(environment).tags) == tags.ON_RESOURCES


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_carry_the_tags(assembly: Assembly, environment: str) -> None:
    manifest = json.loads((loop_folder(assembly.folder, environment) / "manifest.json").read_text())
    stacks = [a for a in manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"]
    assert len(stacks) == len(STACKS)
    for stack in stacks:
        assert stack["properties"]["tags"] == dict(load(environment).tags)
