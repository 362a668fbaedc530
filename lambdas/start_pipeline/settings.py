"""The settings in the function's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ratchet.loop import names


class TriggerSettingError(Exception):
    """A variable is absent or wrong; the message names it, its value and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Whether drift starts runs, and how many."""

    alarms: tuple[str, ...] = ()
    """None: drift starts no run."""
    cooldown_hours: int = 24
    fruitless_limit: int = 3
    project: str = ""
    environment: str = ""
    topic_arn: str = ""


@dataclass(frozen=True, kw_only=True)
class TriggerEnvironment:
    data_bucket: str
    data_prefix: str
    """A folder below which data lands: ends with "/" or is empty."""
    window: int
    """The newest N partitions; 0 = all."""
    artifacts_bucket: str
    pipeline: str
    queue_url: str
    settle_seconds: int
    max_wait_seconds: int
    intake: str = names.TRAINING
    """The kind of pipeline; each keeps what it knows apart from the others."""
    timezone: str = "UTC"
    """In which people read the times of the schedule."""
    feedback: Feedback = field(default_factory=Feedback)


def from_environment(environment: Mapping[str, str]) -> TriggerEnvironment:
    prefix = environment.get("DATA_PREFIX", "")
    return TriggerEnvironment(
        data_bucket=_text(environment, "DATA_BUCKET"),
        # "raw" must not match "rawer/x".
        data_prefix=prefix if prefix.endswith("/") or not prefix else f"{prefix}/",
        window=_number(environment, "WINDOW"),
        artifacts_bucket=_text(environment, "ARTIFACTS_BUCKET"),
        pipeline=_text(environment, "PIPELINE_NAME"),
        queue_url=_text(environment, "QUEUE_URL"),
        settle_seconds=_number(environment, "SETTLE_SECONDS"),
        max_wait_seconds=_number(environment, "MAX_WAIT_SECONDS"),
        intake=_kind(environment.get("INTAKE") or names.TRAINING),
        timezone=environment.get("TIME_ZONE") or "UTC",
        feedback=_feedback(environment),
    )


def _kind(intake: str) -> str:
    if not (intake.isascii() and intake.isalpha() and intake.islower()):
        raise TriggerSettingError(
            f"INTAKE is {intake!r}; expected a kind of pipeline such as training"
        )
    return intake


def _feedback(environment: Mapping[str, str]) -> Feedback:
    alarms = environment.get("DRIFT_ALARMS", "")
    return Feedback(
        alarms=tuple(name.strip() for name in alarms.split(",") if name.strip()),
        cooldown_hours=_number({"COOLDOWN_HOURS": "24", **environment}, "COOLDOWN_HOURS"),
        fruitless_limit=_number({"FRUITLESS_LIMIT": "3", **environment}, "FRUITLESS_LIMIT"),
        project=environment.get("PROJECT", ""),
        environment=environment.get("ENVIRONMENT", ""),
        topic_arn=environment.get("TOPIC_ARN", ""),
    )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise TriggerSettingError(f"{name} is not set in the function's environment")
    return value


def _number(environment: Mapping[str, str], name: str) -> int:
    value = _text(environment, name)
    if not value.isdecimal():
        raise TriggerSettingError(f"{name} is {value!r}; expected a whole number, 0 or more")
    return int(value)
