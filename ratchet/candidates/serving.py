"""Serves a model of JumpStart for as long as a trial needs it, and takes away what it made.

Whatever ends a trial, an interrupt of the keyboard as well, each thing that was made is deleted,
the last one first: names are chosen before anything is made, so a request that was interrupted on
its way is undone too. What still cannot be deleted has a tag by which `ratchet candidates down`
finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.candidates.deployments import CandidateDeployment
from ratchet.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

AskingProgress = Callable[[str], None]
"""Gets the state of a job or an endpoint each time it is asked for."""
Pause = Callable[[float], None]

_EVERY = 10.0
_DELETING_AT_MOST = 1800.0
"""Seconds: an endpoint that is being made can only be deleted when it is there or has failed."""
_GONE = ("Could not find", "does not exist", "not found")
_UNDER_WAY = ("in-progress", "in progress", "Creating")
_AT_ITS_END = ("Completed", "Stopped", "Failed")


@contextmanager
def model(sagemaker: SageMakerClient, request: Mapping[str, Any]) -> Iterator[str]:
    """A model of SageMaker, while it is needed.

    Args:
        request: the arguments of CreateModel.
    """
    name = str(request["ModelName"])
    with ExitStack() as made:
        made.callback(_surely, lambda: _delete(sagemaker.delete_model, ModelName=name))
        sagemaker.create_model(**request)
        yield name


@contextmanager
def endpoint(
    sagemaker: SageMakerClient,
    deployment: CandidateDeployment,
    requests: tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]],
    *,
    progress: AskingProgress = lambda state: None,
    pause: Pause = time.sleep,
) -> Iterator[str]:
    """An endpoint in service, while it is needed. It costs by the hour from here on.

    Args:
        requests: the arguments of CreateModel, CreateEndpointConfig and CreateEndpoint.

    Raises:
        DeploymentError: it did not come into service.
    """
    model_request, config_request, endpoint_request = requests
    name = deployment.name
    with ExitStack() as made:
        made.enter_context(model(sagemaker, model_request))
        made.callback(
            _surely,
            lambda: _delete(sagemaker.delete_endpoint_config, EndpointConfigName=name),
        )
        sagemaker.create_endpoint_config(**config_request)
        made.callback(
            _surely, lambda: delete_endpoint(sagemaker, name, progress=progress, pause=pause)
        )
        sagemaker.create_endpoint(**endpoint_request)
        _until_in_service(sagemaker, name, progress, pause)
        yield name


def transform(
    sagemaker: SageMakerClient,
    model_request: Mapping[str, Any],
    request: Mapping[str, Any],
    *,
    progress: AskingProgress = lambda state: None,
    pause: Pause = time.sleep,
) -> Mapping[str, Any]:
    """Runs a transform job to its end, and returns what DescribeTransformJob says of it. Its
    instances end with it, and its model is deleted.

    Args:
        model_request, request: the arguments of CreateModel and of CreateTransformJob.

    Raises:
        DeploymentError: it failed.
    """
    name = str(request["TransformJobName"])
    with ExitStack() as made:
        made.enter_context(model(sagemaker, model_request))
        made.callback(_surely, lambda: stop_transform(sagemaker, name))
        sagemaker.create_transform_job(**request)
        while True:
            job = sagemaker.describe_transform_job(TransformJobName=name)
            state = job["TransformJobStatus"]
            progress(state)
            if state in _AT_ITS_END:
                break
            pause(_EVERY)
    if state != "Completed":
        reason = job.get("FailureReason") or "no reason given"
        raise DeploymentError(f"the transform job {name} has {state.lower()}: {reason}")
    return job


def delete_endpoint(
    sagemaker: SageMakerClient,
    name: str,
    *,
    progress: AskingProgress = lambda state: None,
    pause: Pause = time.sleep,
) -> None:
    """Deletes an endpoint; one that is being made, as soon as that has ended.

    Raises:
        DeploymentError: it is still being made after half an hour.
    """
    waited = 0.0
    while True:
        try:
            _delete(sagemaker.delete_endpoint, EndpointName=name)
            return
        except ClientError as error:
            if not _says(error, _UNDER_WAY):
                raise
        if waited >= _DELETING_AT_MOST:
            raise DeploymentError(
                f"endpoint {name} cannot be deleted while it is being made, and it costs by the "
                "hour. Try again: ratchet candidates down"
            )
        progress("being made, and deleted as soon as it is")
        pause(_EVERY)
        waited += _EVERY


def stop_transform(sagemaker: SageMakerClient, name: str) -> None:
    """Stops a job that runs; of one that has ended, or never began, there is nothing to do."""
    try:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        if job["TransformJobStatus"] not in (*_AT_ITS_END, "Stopping"):
            sagemaker.stop_transform_job(TransformJobName=name)
    except ClientError as error:
        if not (_says(error, _GONE) or _says(error, ("terminal",))):
            raise


def _until_in_service(
    sagemaker: SageMakerClient, name: str, progress: AskingProgress, pause: Pause
) -> None:
    while True:
        described = sagemaker.describe_endpoint(EndpointName=name)
        state = described["EndpointStatus"]
        progress(state)
        if state == "InService":
            return
        if state not in ("Creating", "Updating", "SystemUpdating"):
            reason = described.get("FailureReason") or "no reason given"
            raise DeploymentError(f"endpoint {name} is {state}: {reason}")
        pause(_EVERY)


def _surely(undo: Callable[[], None]) -> None:
    """Undoes something; an interrupt on the way only comes after it."""
    try:
        undo()
    except KeyboardInterrupt:
        undo()
        raise


def _delete(operation: Callable[..., Any], **name: str) -> None:
    """What is not there needs no deletion."""
    try:
        operation(**name)
    except ClientError as error:
        if not _says(error, _GONE):
            raise


def _says(error: ClientError, texts: tuple[str, ...]) -> bool:
    details = error.response["Error"]
    return any(text in details.get("Message", "") for text in texts) or details["Code"] in (
        "ResourceNotFound" if texts is _GONE else "",
    )
