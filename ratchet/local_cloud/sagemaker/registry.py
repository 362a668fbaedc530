"""The model registry: packages in groups, their versions, approval and metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker import events, table
from ratchet.local_cloud.sagemaker.errors import conflict, invalid
from ratchet.local_cloud.sagemaker.listing import page_of
from ratchet.local_cloud.sagemaker.store import AccountScope, AlreadyExistsError, Body
from ratchet.local_cloud.sagemaker.table import MODEL_PACKAGE, MODEL_PACKAGE_GROUP

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_NOT_KEPT = {"Tags", "ClientToken", "ModelPackageGroupName"}
_MAX_METADATA = 50
_POLICY = "ModelPackageGroupPolicy"
_SET_BY_UPDATE = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)


def _delete_group(api: Api, scope: AccountScope, request: Request) -> Answer:
    group = api.get(scope, MODEL_PACKAGE_GROUP, request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    with api.store.transaction():
        if api.store.all(scope, MODEL_PACKAGE.name, parent=name):
            raise conflict(
                "Model Package Group cannot be deleted until all Model Packages are deleted: "
                f"{group['ModelPackageGroupArn']}"
            )
        api.store.delete(scope, _POLICY, name)
        api.remove(scope, MODEL_PACKAGE_GROUP, name)
    return {}


def _put_policy(api: Api, scope: AccountScope, request: Request) -> Answer:
    group = api.get(scope, MODEL_PACKAGE_GROUP, request["ModelPackageGroupName"])
    policy = {"ResourcePolicy": request["ResourcePolicy"]}
    api.store.put(scope, _POLICY, group["ModelPackageGroupName"], policy)
    return group


def _get_policy(api: Api, scope: AccountScope, request: Request) -> Answer:
    group = api.get(scope, MODEL_PACKAGE_GROUP, request["ModelPackageGroupName"])
    policy = api.store.get(scope, _POLICY, group["ModelPackageGroupName"])
    if policy is None:
        raise invalid(f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
    return policy


def _delete_policy(api: Api, scope: AccountScope, request: Request) -> Answer:
    _get_policy(api, scope, request)
    api.store.delete(scope, _POLICY, request["ModelPackageGroupName"])
    return {}


def _create_package(api: Api, scope: AccountScope, request: Request) -> Answer:
    group, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
    if (group is None) == (name is None):
        raise invalid(
            "Give either ModelPackageGroupName (a new version of a group) or ModelPackageName, "
            f"got {'both' if group else 'neither'}."
        )
    if "InferenceSpecification" not in request and "SourceAlgorithmSpecification" not in request:
        raise invalid("Either InferenceSpecification or SourceAlgorithmSpecification is required.")
    with api.store.transaction():
        earlier = _answered(api, scope, request.get("ClientToken"))
        if earlier:
            return {"ModelPackageArn": earlier}
        body = (
            _new_version(api, scope, group, request) if group else _unversioned(api, scope, request)
        )
        if request.get("ClientToken"):
            answer = {"Arn": body["ModelPackageArn"]}
            api.store.insert(scope, "ClientToken", f"package/{request['ClientToken']}", answer)
        events.package_changed(api, scope, body)
    return {"ModelPackageArn": body["ModelPackageArn"]}


def _answered(api: Api, scope: AccountScope, token: str | None) -> str | None:
    earlier = api.store.get(scope, "ClientToken", f"package/{token}") if token else None
    return earlier["Arn"] if earlier else None


def _new_version(api: Api, scope: AccountScope, group_or_arn: str, request: Request) -> Body:
    if request.get("Tags"):
        raise invalid(
            "Tags are not supported for versioned model packages: tag the model package group."
        )
    group = api.get(scope, MODEL_PACKAGE_GROUP, group_or_arn)["ModelPackageGroupName"]
    version = api.store.next_number(scope, f"versions of {group}")
    body = {
        **_package(api, scope, request, f"{group}/{version}"),
        # The output shape requires a name; a version's is its group's.
        "ModelPackageName": group,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
    }
    api.store.insert(scope, MODEL_PACKAGE.name, f"{group}/{version}", body, parent=group)
    return body


def _unversioned(api: Api, scope: AccountScope, request: Request) -> Body:
    name = request["ModelPackageName"]
    body = _package(api, scope, request, name)
    try:
        api.store.insert(scope, MODEL_PACKAGE.name, name, body)
    except AlreadyExistsError:
        raise MODEL_PACKAGE.taken(name, body["ModelPackageArn"]) from None
    return body


def _package(api: Api, scope: AccountScope, request: Request, path: str) -> Body:
    moment = api.now()
    return {
        **{key: value for key, value in request.items() if key not in _NOT_KEPT},
        "ModelPackageArn": scope.arn(f"{MODEL_PACKAGE.arn_path}/{path}"),
        "CreationTime": moment,
        "LastModifiedTime": moment,
        "CreatedBy": api.caller(scope),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
    }


def _describe_package(api: Api, scope: AccountScope, request: Request) -> Answer:
    return api.get(scope, MODEL_PACKAGE, request["ModelPackageName"])


def _list_packages(api: Api, scope: AccountScope, request: Request) -> Answer:
    group = request.get("ModelPackageGroupName")
    if group:
        group = table.bare_name(MODEL_PACKAGE_GROUP, group)
        packages = api.store.all(scope, MODEL_PACKAGE.name, parent=group)
    else:
        package_type = request.get("ModelPackageType", "Unversioned")
        packages = [
            package
            for package in api.store.all(scope, MODEL_PACKAGE.name)
            if package_type == "Both"
            or ("ModelPackageVersion" in package) == (package_type == "Versioned")
        ]
    return page_of(MODEL_PACKAGE.listing, packages, request)


def _update_package(api: Api, scope: AccountScope, request: Request) -> Answer:
    arn = request["ModelPackageArn"]
    with api.store.transaction():
        before = api.get(scope, MODEL_PACKAGE, arn)
        changes: Body = {key: request[key] for key in _SET_BY_UPDATE if key in request}
        changes["CustomerMetadataProperties"] = _metadata(before, request)
        if request.get("AdditionalInferenceSpecificationsToAdd"):
            changes["AdditionalInferenceSpecifications"] = [
                *before.get("AdditionalInferenceSpecifications", []),
                *request["AdditionalInferenceSpecificationsToAdd"],
            ]
        changes["LastModifiedBy"] = api.caller(scope)
        after = api.change(scope, MODEL_PACKAGE, arn, changes)
        if before.get("ModelApprovalStatus") != after.get("ModelApprovalStatus"):
            events.package_changed(api, scope, after)
    return {"ModelPackageArn": after["ModelPackageArn"]}


def _metadata(before: Body, request: Request) -> dict[str, Any] | None:
    merged = {
        **before.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    for key in request.get("CustomerMetadataPropertiesToRemove", []):
        merged.pop(key, None)
    if len(merged) > _MAX_METADATA:
        raise invalid(
            f"A model package can have {_MAX_METADATA} CustomerMetadataProperties; "
            f"this would make {len(merged)}."
        )
    return merged or None


def _delete_package(api: Api, scope: AccountScope, request: Request) -> Answer:
    api.remove(scope, MODEL_PACKAGE, request["ModelPackageName"])
    return {}


OPERATIONS: dict[str, Handler] = {
    "DeleteModelPackageGroup": _delete_group,
    "PutModelPackageGroupPolicy": _put_policy,
    "GetModelPackageGroupPolicy": _get_policy,
    "DeleteModelPackageGroupPolicy": _delete_policy,
    "CreateModelPackage": _create_package,
    "DescribeModelPackage": _describe_package,
    "ListModelPackages": _list_packages,
    "UpdateModelPackage": _update_package,
    "DeleteModelPackage": _delete_package,
}
