"""botocore on trimmed models: nothing of it is lost, and the functions carry all that they need."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ParamValidationError

import aws_clients
import bundled_models
import ratchet
import trim_models
from ratchet_cdk.functions.function_code import SHARED
from tests.unit.lambdas.fake_cloud import FakeCloud

LAMBDAS = Path(bundled_models.__file__).parent
SERVICES = sorted(trim_models.OPERATIONS)


def made(service: str, **settings: Any) -> Any:
    return bundled_models.session().create_client(
        service,
        **{"region_name": "eu-west-1", **settings},
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_the_models_are_the_installed_botocores_cut_down() -> None:
    """When this fails after an update of botocore: python lambdas/trim_models.py"""
    kept = {path.relative_to(trim_models.MODELS) for path in trim_models.MODELS.rglob("*.json")}
    assert kept == set(trim_models.files())
    # In a process of its own: botocore writes into a model that a client uses.
    command = [sys.executable, trim_models.__file__, "--check"]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_client_has_the_named_operations_and_no_others(service: str) -> None:
    model = made(service).meta.service_model
    assert set(model.operation_names) == set(trim_models.OPERATIONS[service])


@pytest.mark.parametrize("service", SERVICES)
def test_each_operation_takes_and_answers_what_the_whole_model_says(service: str) -> None:
    whole = botocore.session.get_session().get_service_model(service)
    trimmed = made(service).meta.service_model
    for name in trim_models.OPERATIONS[service]:
        for side in ("input_shape", "output_shape"):
            assert _shape(getattr(trimmed.operation_model(name), side)) == _shape(
                getattr(whole.operation_model(name), side)
            )
        assert [shape.name for shape in trimmed.operation_model(name).error_shapes] == [
            shape.name for shape in whole.operation_model(name).error_shapes
        ]


def _shape(shape: Any, seen: tuple[str, ...] = ()) -> object:
    """A shape as plain data, without what a person reads."""
    if shape is None or shape.name in seen:
        return None
    inside = (*seen, shape.name)
    members = {
        name: _shape(member, inside) for name, member in getattr(shape, "members", {}).items()
    }
    parts = [_shape(getattr(shape, part, None), inside) for part in ("member", "key", "value")]
    return shape.name, shape.type_name, shape.serialization, shape.metadata, members, parts


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("cloudformation", "https://cloudformation.eu-west-1.amazonaws.com"),
        ("cloudwatch", "https://monitoring.eu-west-1.amazonaws.com"),
        ("s3", "https://s3.eu-west-1.amazonaws.com"),
        ("sagemaker", "https://api.sagemaker.eu-west-1.amazonaws.com"),
        ("sns", "https://sns.eu-west-1.amazonaws.com"),
        ("sqs", "https://sqs.eu-west-1.amazonaws.com"),
        ("ssm", "https://ssm.eu-west-1.amazonaws.com"),
    ],
)
def test_endpoint_rules_still_resolve(service: str, url: str) -> None:
    assert made(service).meta.endpoint_url == url


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "region",
    ["us-east-1", "eu-central-2", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "xx-new-9"],
)
def test_every_regions_endpoint_is_the_whole_botocores(service: str, region: str) -> None:
    whole = botocore.session.get_session().create_client(service, region_name=region)
    trimmed = made(service, region_name=region)
    assert trimmed.meta.endpoint_url == whole.meta.endpoint_url
    assert trimmed.meta.partition == whole.meta.partition


@pytest.mark.parametrize("service", SERVICES)
def test_an_endpoint_from_the_environment_is_used(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert made(service).meta.endpoint_url == "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("cloudformation", "describe_stack_events"),
        ("s3", "list_objects_v2"),
        ("sagemaker", "list_model_packages"),
        ("sagemaker", "list_pipeline_execution_steps"),
    ],
)
def test_the_paginators_of_listings_are_still_there(service: str, operation: str) -> None:
    assert made(service).can_paginate(operation)


def test_errors_that_the_model_knows_are_still_exceptions_of_their_own() -> None:
    exceptions = made("sagemaker").exceptions
    assert exceptions.ConflictException.__name__ == "ConflictException"
    assert exceptions.ResourceLimitExceeded.__name__ == "ResourceLimitExceeded"


def test_throttled_calls_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    """SSM answers 400 ThrottlingException twice, and then the value."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-west-1")
    client: Any = aws_clients._client.__wrapped__("ssm")  # not the process's own
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    answers = [
        (400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'),
        (400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'),
        (200, b'{"Parameter": {"Value": "none"}}'),
    ]
    waiting = iter(answers)

    def send(request: Any, **_: Any) -> Any:
        status, body = next(waiting)
        assert b"AWS4-HMAC-SHA256" in request.headers["Authorization"], "the request is signed"
        return _response(request.url, status, body)

    client.meta.events.register("before-send", send)
    assert client.get_parameter(Name="/a")["Parameter"]["Value"] == "none"


def _response(url: str, status: int, body: bytes) -> Any:
    headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.1"})
    response: Any = AWSResponse(url, status, headers, None)
    response._content = body  # as if it had been read from the connection
    return response


def test_a_whole_model_is_used_when_botocore_brings_a_newer_api_version(tmp_path: Path) -> None:
    """The installed botocore may be newer than the one that the models were cut from."""
    loader: Any = bundled_models.session().get_component("data_loader")
    assert loader.determine_latest_version("ssm", "service-2") == "2014-11-06"
    newer = tmp_path / "ssm" / "2099-01-01"
    newer.mkdir(parents=True)
    (newer / "service-2.json").write_text("{}")
    fresh = type(loader)(extra_search_paths=[str(bundled_models.MODELS), str(tmp_path)])
    assert fresh.determine_latest_version("ssm", "service-2") == "2099-01-01"


@pytest.mark.parametrize("service", ["sts", "sso", "sso-oidc"])
def test_the_services_behind_a_developers_profile_are_still_known(service: str) -> None:
    assert made(service).meta.service_model.service_name == service


# -- what a function may import -----------------------------------------------------------------


def _imports(tree: ast.AST) -> Iterator[str]:
    """The names that run-time imports name; those for the type checker do not run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the function's own modules in full"
            yield node.module or ""
        else:
            yield from _imports(node)


@pytest.mark.parametrize("file", sorted(LAMBDAS.rglob("*.py")), ids=lambda file: file.name)
def test_a_function_imports_the_standard_library_botocore_and_its_own(file: Path) -> None:
    own = {path.stem for path in LAMBDAS.iterdir()}
    allowed = sys.stdlib_module_names | {"boto3", "botocore"} | own
    found = set(_imports(ast.parse(file.read_text())))
    assert {name.partition(".")[0] for name in found if not _is_shared(name)} <= allowed


@pytest.mark.parametrize("file", sorted(LAMBDAS.glob("*/*.py")), ids=lambda file: file.name)
def test_a_function_imports_no_other_function(file: Path) -> None:
    """What several of them need is a module beside their folders, or in ratchet/loop."""
    others = {path.parent.name for path in LAMBDAS.glob("*/handler.py")} - {file.parent.name}
    imported = {name.partition(".")[0] for name in _imports(ast.parse(file.read_text()))}
    assert imported & others == set()


@pytest.mark.parametrize("file", sorted(LAMBDAS.glob("*.py")), ids=lambda file: file.name)
def test_a_module_that_functions_share_imports_none_of_them(file: Path) -> None:
    functions = {path.parent.name for path in LAMBDAS.glob("*/handler.py")}
    imported = {name.partition(".")[0] for name in _imports(ast.parse(file.read_text()))}
    assert imported & functions == set()


def _is_shared(name: str) -> bool:
    """Of the packages beside the functions that go with them."""
    return name.startswith(SHARED)


RATCHET = Path(ratchet.__file__).parent
FILES = [
    file
    for package in SHARED
    for file in sorted((RATCHET.parent / package.replace(".", "/")).glob("*.py"))
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_goes_with_the_functions_needs_nothing_else_either(file: Path) -> None:
    found = set(_imports(ast.parse(file.read_text())))
    others = {name.partition(".")[0] for name in found if not _is_shared(name)}
    assert others <= sys.stdlib_module_names | {"botocore"}


FUNCTIONS = sorted(file.parent.name for file in LAMBDAS.glob("*/handler.py"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_ready_without_boto3_or_a_whole_model(function: str) -> None:
    """As Lambda starts it: the archive's root on the path, its environment, one import."""
    environment = {
        "PYTHONPATH": f"{LAMBDAS}:{RATCHET.parent}",
        "PATH": "/usr/bin:/bin",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CHAMPION_PARAMETER": "/flights/dev/champion",
        "NO_CHAMPION_URI": "s3://artifacts/champion/none/",
        "DATA_BUCKET": "data",
        "WINDOW": "0",
        "ARTIFACTS_BUCKET": "artifacts",
        "PIPELINE_NAME": "flights-dev-training",
        "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/trigger",
        "SETTLE_SECONDS": "60",
        "MAX_WAIT_SECONDS": "900",
        "MINIMUM_ROWS": "100",
        "PROJECT": "flights",
        "ENVIRONMENT": "dev",
        "MODEL_PACKAGE_GROUP": "flights-dev",
        "SERVING_STACK": "flights-dev-serving",
        "ENDPOINT_NAME": "flights-dev",
        "WHEN_NONE_LEFT": "keep",
        "MONITOR_ENGINE": "auto",
        "TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:people",
        "STATE_BUCKET": "artifacts",
        "DATA_SCHEDULE": "flights-dev-data-quality",
        "QUALITY_SCHEDULE": "flights-dev-model-quality",
        "OWNER": "ml-platform",
        "COST_CENTER": "ml-0001",
        "EXPERIMENT": "default",
        "PIPELINES": "flights-dev-training",
        "RUN_LIMIT_USD": "0",
        "IDLE_HOURS": "0",
        "LOOK_BACK_DAYS": "7",
    }
    program = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
import {function}.handler
assert "boto3" not in sys.modules
print(*[name for name in opened if "botocore/data" in name and "service-2.json" in name])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize(
    "given",
    [
        {"StackName": "s", "UsePreviousTemplates": True},
        {"StackName": "s", "UsePreviousTemplate": "yes"},
        {"UsePreviousTemplate": True},
        {"StackName": "s", "Parameters": [{"ParameterKey": 3}]},
    ],
)
def test_the_fake_cloud_refuses_a_call_that_botocores_model_does_not_allow(
    given: dict[str, Any],
) -> None:
    """So every call of a function in these tests is held against its service's model."""
    cloud = FakeCloud()
    with pytest.raises(ParamValidationError):
        cloud.client("cloudformation").update_stack(**given)
    assert cloud.calls == []
