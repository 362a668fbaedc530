import json
from datetime import timedelta

from ratchet.cli.views import model_view
from ratchet.deployment.registry import versions as registry
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import START
from tests.unit.cli.fake_serving import GROUP, ServingWorld, package
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(hours=6)


def test_the_list_of_models(serving: ServingWorld) -> None:
    mark = {"ratchet-deployment": "failed 2013-04-02T12:30:00Z: alarm [5xx] went off"}
    serving.sagemaker.packages.insert(0, package(4, "Approved", metadata=mark))
    versions = registry.versions(serving.world.target, GROUP)
    assert [version.version for version in versions] == [4, 3, 2, 1]
    hold("models.txt", drawn([model_view.table(versions, serving=1, now=NOW, width=60)]))


def test_one_model_in_detail(serving: ServingWorld) -> None:
    serving.sagemaker.packages[2]["ApprovalDescription"] = "Approved by lena: [June] is better"
    version = registry.versions(serving.world.target, GROUP)[2]
    hold("model.txt", drawn([model_view.detail(version, serving=1, now=NOW)]))


def test_models_print_json_for_scripts(type_serving: Type) -> None:
    listed = json.loads(type_serving("models", "--json").stdout)
    assert [(m["version"], m["approval"], m["serves"]) for m in listed] == [
        (3, "PendingManualApproval", False),
        (2, "Rejected", False),
        (1, "Approved", True),
    ]
    shown = json.loads(type_serving("models", "v1", "--json").stdout)
    assert shown["baselines"] == {"data": "s3://artifacts/baselines/1/statistics.json"}


def test_a_deleted_version_is_left_out(serving: ServingWorld) -> None:
    listed = serving.sagemaker.list_model_packages()
    serving.sagemaker.list_model_packages = lambda **_: listed  # type: ignore[method-assign]
    del serving.sagemaker.packages[0]
    versions = registry.versions(serving.world.target, GROUP)
    assert [version.version for version in versions] == [2, 1]


def test_without_models_it_says_where_they_come_from(
    type_serving: Type, serving: ServingWorld
) -> None:
    serving.sagemaker.packages.clear()
    result = type_serving("models")
    assert "No models yet" in result.stdout
    assert "ratchet runs --local" in result.stderr


def test_approve_writes_who_and_why_and_says_what_follows(
    type_serving: Type, serving: ServingWorld
) -> None:
    result = type_serving("approve", "3", "--because", "better on June")
    assert result.exit_code == 0, result.output
    assert "Version 3 of flights-dev is approved. Version 3 will serve instead of version 1." in (
        result.stdout
    )
    assert "ratchet status --follow --local" in result.stderr
    (decided,) = serving.sagemaker.decided
    assert decided["ModelApprovalStatus"] == "Approved"
    assert decided["ApprovalDescription"].endswith("with ratchet: better on June")


def test_approving_an_older_version_says_why_nothing_changes(
    type_serving: Type, serving: ServingWorld
) -> None:
    serving.sagemaker.packages[0]["ModelApprovalStatus"] = "Approved"
    serving.deploy(3)
    result = type_serving("approve", "2")
    assert "Nothing changes: version 3 is approved too" in result.stdout
    assert "ratchet reject 3 --local" in result.stdout
    assert "--follow" not in result.stderr


def test_reject_of_the_only_approved_version_says_that_it_serves_on(
    type_serving: Type, serving: ServingWorld
) -> None:
    result = type_serving("reject", "1")
    assert "Version 1 goes on serving: no other version is approved" in result.stdout
    assert serving.sagemaker.packages[2]["ModelApprovalStatus"] == "Rejected"


def test_an_unknown_version_is_refused_before_anything_is_written(
    type_serving: Type, serving: ServingWorld
) -> None:
    result = type_serving("approve", "9")
    assert result.exit_code == 1
    assert "no version '9' in flights-dev. There is: 3, 2, 1" in result.stderr
    assert not serving.sagemaker.decided
