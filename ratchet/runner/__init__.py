"""Executes SageMaker pipeline definitions on this machine, exactly as they deploy.

`validate` refuses a definition that cannot run, `run` runs it. Storage, services, observer and
step cache are handed in, so that the same runner serves a folder, the local cloud and the tests.
"""

from ratchet.runner.cache import StepCache
from ratchet.runner.callbacks import Callbacks
from ratchet.runner.errors import (
    CannotRunError,
    LambdaFailed,
    ParameterError,
    Refused,
    RunnerError,
    ServiceError,
)
from ratchet.runner.records import (
    Access,
    Earlier,
    Identity,
    Observer,
    Parallelism,
    Result,
    Services,
    SilentObserver,
    StepRecord,
    StopSignal,
)
from ratchet.runner.run import run
from ratchet.runner.storage import FolderStorage, Storage, StoredObject
from ratchet.runner.validation import validate

__all__ = [
    "Access",
    "Callbacks",
    "CannotRunError",
    "Earlier",
    "FolderStorage",
    "Identity",
    "LambdaFailed",
    "Observer",
    "Parallelism",
    "ParameterError",
    "Refused",
    "Result",
    "RunnerError",
    "ServiceError",
    "Services",
    "SilentObserver",
    "StepCache",
    "StepRecord",
    "StopSignal",
    "Storage",
    "StoredObject",
    "run",
    "validate",
]
