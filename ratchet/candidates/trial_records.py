"""The trials of a model that this folder and its environment have."""

from __future__ import annotations

from botocore.exceptions import ClientError

from ratchet.candidates import results
from ratchet.candidates.results import CandidateTrial
from ratchet.deployment.errors import NotDeployedError, explain
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target


def read(target: Target) -> tuple[list[CandidateTrial], list[str]]:
    """The trials of this folder and those that colleagues have shared, newest first, and why
    those of colleagues cannot be read, if so."""
    model, environment = target.settings.model_name, target.settings.environment
    own = results.saved(root=target.root, environment=environment, model=model)
    try:
        bucket = facts.read(target).artifacts_bucket
        shared = results.shared(s3=target.client("s3"), bucket=bucket, model=model)
    except NotDeployedError:
        return own, []
    except ClientError as error:
        return own, [f"the trials of colleagues cannot be read: {explain(error) or error}"]
    return results.newest_first([*own, *shared], model=model), []
