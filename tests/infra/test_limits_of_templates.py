"""IAM's and CloudFormation's limits, at the sizes that repositories grow to."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from ratchet import imported
from ratchet.project import load
from ratchet_cdk.permissions.narrow_role import LONGEST_POLICY, NarrowRole
from tests.infra.assembly import ENVIRONMENTS, STACKS, Assembly, context, loop_folder
from tests.infra.loops import add_loops
from tests.infra.readable import text_of
from tests.projects import MODEL, ROOT, copy_of_project
from tests.sdk.imports import taken_in

PIPELINES = 60  # of one step each; of eight steps, about 43 fit into a template
TEMPLATE_BYTES = 1_000_000  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
WRITES_ARNS = (
    "constructs",
    "pipeline_defs",
    "stacks",
    *(f"ratchet/{room}" for room in ("authoring", "imported", "permissions", "pipelines")),
    "ratchet/settings",
)
VARIABLES_BYTES = 4096  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


def inline_policies(template: Any) -> Counter[str]:
    """Characters of a role's inline policies together, references by the length of a long ARN."""
    sizes: Counter[str] = Counter()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy":
            document = json.dumps(resource["Properties"]["PolicyDocument"], default=str)
            text = json.dumps(_flat(json.loads(document)), separators=(",", ":"))
            for role in resource["Properties"]["Roles"]:
                sizes[role["Ref"]] += len(text)
    return sizes


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return re.sub(r"\$\{[^}]*\}", "x" * 100, text_of(value))
        return {key: _flat(item) for key, item in value.items()}
    return [_flat(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_has_room_for_its_policies(assembly: Assembly, environment: str) -> None:
    sizes = Counter[str]()
    for stack in STACKS:
        sizes |= inline_policies(assembly.templates[f"{environment}/{stack}"])
    assert len(sizes) > 10
    assert {role: size for role, size in sizes.items() if size > LONGEST_POLICY} == {}


def repository(folder: Path, *, pipelines: int, steps: int) -> Path:
    """A repository with as many imported pipelines, of so many of the SDK example's steps."""
    stored = taken_in("v3", copy_of_project(folder)).stored
    first = stored.definition["Steps"][:steps]
    definition = {**stored.definition, "Steps": first}
    for number in range(pipelines):
        named = f"house-prices-{number:03}"
        imported.write(folder, MODEL, replace(stored, name=named, definition=definition))
    return folder


def synthesized(folder: Path) -> dict[str, Any]:
    """The templates of the stacks that know imported pipelines, by stack."""
    app = cdk.App(outdir=str(folder / "out"), context=context(), analytics_reporting=False)
    add_loops(app, [load("dev")], source=folder)
    app.synth()
    return {
        stack: next(loop_folder(folder / "out", "dev").glob(f"*{stack}*.template.json"))
        for stack in ("Pipelines", "Operations")
    }


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("many")
    return synthesized(repository(folder, pipelines=PIPELINES, steps=1))


@pytest.mark.parametrize("stack", ["Pipelines", "Operations"])
def test_sixty_imported_pipelines_stay_within_the_limits(many: dict[str, Path], stack: str) -> None:
    text = many[stack].read_text()
    template = json.loads(text)
    assert len(text.encode()) < TEMPLATE_BYTES
    assert len(template["Resources"]) < 500
    assert max(inline_policies(template).values()) < LONGEST_POLICY
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"]["Environment"]["Variables"]
            assert len(json.dumps(variables)) < VARIABLES_BYTES


def test_what_recording_costs_may_see_does_not_grow_with_the_pipelines(
    many: dict[str, Path], assembly: Assembly
) -> None:
    (size,) = inline_policies(json.loads(many["Operations"].read_text())).values()
    assert [size] == list(inline_policies(assembly.templates["dev/Operations"]).values())


def test_more_than_a_template_holds_are_refused_with_the_number(tmp_path: Path) -> None:
    source = repository(tmp_path, pipelines=50, steps=100)
    message = r"50 pipelines make a template of about 1\.\d\d MB; .* Move some"
    with pytest.raises(RuntimeError, match=message):
        synthesized(source)


def test_a_policy_that_is_too_long_is_refused_before_iam_does(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    role = NarrowRole(cdk.Stack(app, "S"), "Role", service="lambda.amazonaws.com")
    for number in range(100):
        resource = f"arn:aws:s3:::{'b' * 50}-{number}/key"
        role.allow(f"Read{number}", actions=["s3:GetObject"], resources=[resource])
    with pytest.raises(RuntimeError, match=r"the policy of S/Role is about 1\d,\d\d\d characters"):
        app.synth()


def test_no_source_writes_a_partition_down() -> None:
    """The region tells it: `ratchet.settings.arns.partition`."""
    written = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in WRITES_ARNS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if re.search(r"""["']arn:aws""", line) and "re.compile" not in line
    ]
    assert written == []
