"""Models, endpoint configurations and endpoints: what their operations check and answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import service_side, services
from ratchet.local_cloud.sagemaker.errors import ApiError, invalid
from ratchet.local_cloud.sagemaker.hub.operations import check_access
from ratchet.local_cloud.sagemaker.serving import artifacts, deployment
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.table import ENDPOINT, ENDPOINT_CONFIG, MODEL, MODEL_PACKAGE
from ratchet.loop import chains
from ratchet.runner import Refused
from ratchet.runner.serving.served import is_direct

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request
    from ratchet.local_cloud.sagemaker.serving.hosting import Hosting


def operations(hosting: Hosting) -> dict[str, Handler]:
    """The operations; those on endpoints start and end processes through ``hosting``."""

    def create(api: Api, scope: AccountScope, request: Request) -> Answer:
        config = api.get(scope, ENDPOINT_CONFIG, request["EndpointConfigName"])
        _check_alarms(api, scope, request, config)
        members = deployment.deployed(config, request.get("DeploymentConfig"))
        identity: Request = {
            key: request[key] for key in ("EndpointName", "Tags") if key in request
        }
        endpoint = api.create(scope, ENDPOINT, identity, {**members, "EndpointStatus": "Creating"})
        hosting.create(scope, endpoint)
        return endpoint

    def update(api: Api, scope: AccountScope, request: Request) -> Answer:
        config = api.get(scope, ENDPOINT_CONFIG, request["EndpointConfigName"])
        _check_alarms(api, scope, request, config)
        with api.store.transaction():
            endpoint = api.get(scope, ENDPOINT, request["EndpointName"])
            if endpoint["EndpointStatus"] in deployment.BUSY:
                raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
            if endpoint["EndpointStatus"] != "InService":
                raise invalid(
                    f'Cannot update endpoint "{endpoint["EndpointArn"]}" with status '
                    f"{endpoint['EndpointStatus']}: delete it and create it again."
                )
            changes = {
                "EndpointStatus": "Updating",
                "PendingDeploymentSummary": deployment.pending(api, config),
            }
            after = api.change(scope, ENDPOINT, request["EndpointName"], changes)
        hosting.update(scope, after, config, request)
        return after

    def delete(api: Api, scope: AccountScope, request: Request) -> Answer:
        api.remove(scope, ENDPOINT, request["EndpointName"])
        hosting.delete(scope, request["EndpointName"])
        return {}

    return {
        "CreateModel": _create_model,
        "CreateEndpointConfig": _create_config,
        "CreateEndpoint": create,
        "UpdateEndpoint": update,
        "DeleteEndpoint": delete,
    }


def _create_model(api: Api, scope: AccountScope, request: Request) -> Answer:
    for container in _listed(request):
        check_access(scope, container)
        package_arn = container.get("ModelPackageName")
        if package_arn is None:
            continue
        package = api.get(scope, MODEL_PACKAGE, package_arn)
        status = package.get("ModelApprovalStatus", "Approved")
        if status != "Approved":
            raise invalid(
                f"Model package {package_arn} is {status}: only an Approved version can be "
                "deployed. Approve it with UpdateModelPackage."
            )
    _check_containers(api, scope, request)
    _check_role(api, scope, request)
    return api.create(scope, MODEL, request)


def _listed(request: Request) -> list[Request]:
    keys = [key for key in ("PrimaryContainer", "Containers") if request.get(key)]
    if len(keys) != 1:
        listed = "both" if keys else "neither"
        raise invalid(
            f"A model has either PrimaryContainer or Containers; the request has {listed}."
        )
    value = request[keys[0]]
    return value if keys == ["Containers"] else [value]


def _check_containers(api: Api, scope: AccountScope, request: Request) -> None:
    """How containers are told apart.

    https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-create.html
    """
    images = artifacts.images_of(api, scope, request)
    if len(images) > chains.LONGEST:
        raise invalid(f"A model has at most {chains.LONGEST} containers; this has {len(images)}.")
    hosts = [container.get("ContainerHostname") for container in _listed(request)]
    direct = is_direct(request)
    if direct and (len(images) < 2 or not all(hosts)):
        raise invalid(
            "InferenceExecutionConfig Mode Direct needs two or more Containers, each with a "
            f"ContainerHostname; got {len(images)}, of which {len(list(filter(None, hosts)))} have "
            "one."
        )
    if any(hosts) and not all(hosts):
        raise invalid("ContainerHostname: give one to every container, or to none.")
    names = [image.name for image in images]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise invalid(f"ContainerHostname has to differ; several containers are {twice[0]}.")


def _check_role(api: Api, scope: AccountScope, request: Request) -> None:
    """SageMaker looks for the model's image and archive as its role, before there is an endpoint.
    So a model that is made before its role's policy is refused."""
    work = artifacts.work_of(api, scope, request)
    try:
        services.start(api, scope, work, "CreateModel", None)
    except Refused as refused:
        raise ApiError(refused.code, refused.message) from None
    for uri in work.reads:
        needs = service_side.read_needs(uri)
        if reason := api.roles.lacks(scope, work.role, needs):
            raise invalid(artifacts.no_access(scope, work.role, uri, reason))


def _create_config(api: Api, scope: AccountScope, request: Request) -> Answer:
    for variant in request["ProductionVariants"]:
        if "ModelName" in variant:
            api.get(scope, MODEL, variant["ModelName"])
    return api.create(scope, ENDPOINT_CONFIG, request)


def _check_alarms(api: Api, scope: AccountScope, request: Request, config: Answer) -> None:
    """The alarms that roll an update back exist, and the endpoint's role may look at them."""
    rollback = (request.get("DeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    names = [alarm["AlarmName"] for alarm in rollback.get("Alarms", ())]
    if not names:
        return
    missing = set(names) - set(api.cloud.alarm_states(scope, names))
    if missing:
        raise invalid(
            "AutoRollbackConfiguration names CloudWatch alarms that do not exist: "
            f"{sorted(missing)}"
        )
    # https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
    model = config["ProductionVariants"][0].get("ModelName")
    role = config.get("ExecutionRoleArn") or api.get(scope, MODEL, model)["ExecutionRoleArn"]
    if reason := api.roles.lacks(scope, role, service_side.alarm_needs(scope, names)):
        raise ApiError("AccessDeniedException", reason)
