"""Bedrock put together: its two services, which share what an account may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.model import ServiceModel

from ratchet.local_cloud.bedrock import catalogue
from ratchet.local_cloud.bedrock.access import Agreements
from ratchet.local_cloud.bedrock.batch import BatchCloud
from ratchet.local_cloud.bedrock.jobs import Jobs
from ratchet.local_cloud.bedrock.model_server import ModelServer
from ratchet.local_cloud.bedrock.models import BEYOND_THE_SHAPES
from ratchet.local_cloud.bedrock.runtime import Runtime
from ratchet.local_cloud.billing.service import Service
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.switches import Switches

CONTROL, RUNTIME = "bedrock", "bedrock-runtime"


@dataclass(frozen=True, kw_only=True)
class Bedrock:
    """What is kept is in the store of SageMaker, which also forgets it at a reset."""

    control: Service
    runtime: Service


def open_bedrock(
    *,
    api: Api,
    cloud: BatchCloud,
    control_model: ServiceModel,
    runtime_model: ServiceModel,
    switches: Switches,
) -> Bedrock:
    """Bedrock beside the SageMaker of ``api``, whose store, clock and list of unfit answers it
    uses."""
    access = Agreements(api.store)
    runtime = Runtime(access, ModelServer(switches))
    jobs = Jobs(api.store, runtime, cloud, api.now)
    jobs.recover()
    shared: dict[str, Any] = {
        "check_answers": switches.check_answers,
        "unfit": api.unfit,
        "beyond": BEYOND_THE_SHAPES,
        "reset": lambda: None,
    }
    return Bedrock(
        control=Service(
            name=CONTROL,
            model=control_model,
            operations={
                "CreateFoundationModelAgreement": access.create_agreement,
                "CreateModelInvocationJob": jobs.create,
                "DeleteFoundationModelAgreement": access.delete_agreement,
                "GetFoundationModel": catalogue.get_model,
                "GetFoundationModelAvailability": access.get_availability,
                "GetInferenceProfile": catalogue.get_profile,
                "GetModelInvocationJob": jobs.get,
                "ListFoundationModelAgreementOffers": access.list_offers,
                "ListFoundationModels": catalogue.list_models,
                "ListInferenceProfiles": catalogue.list_profiles,
                "ListModelInvocationJobs": jobs.list,
                "StopModelInvocationJob": jobs.stop,
            },
            **shared,
        ),
        runtime=Service(
            name=RUNTIME,
            model=runtime_model,
            operations={
                "Converse": runtime.converse,
                "CountTokens": runtime.count_tokens,
                "InvokeModel": runtime.invoke_model,
            },
            **shared,
        ),
    )
