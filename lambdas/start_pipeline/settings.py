"""What the function is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class SettingError(Exception):
    """A variable is absent or wrong; the message names it, its value and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Settings:
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


def from_environment(environment: Mapping[str, str]) -> Settings:
    prefix = environment.get("DATA_PREFIX", "")
    return Settings(
        data_bucket=_text(environment, "DATA_BUCKET"),
        # "raw" must not match "rawer/x".
        data_prefix=prefix if prefix.endswith("/") or not prefix else f"{prefix}/",
        window=_number(environment, "WINDOW"),
        artifacts_bucket=_text(environment, "ARTIFACTS_BUCKET"),
        pipeline=_text(environment, "PIPELINE_NAME"),
        queue_url=_text(environment, "QUEUE_URL"),
        settle_seconds=_number(environment, "SETTLE_SECONDS"),
        max_wait_seconds=_number(environment, "MAX_WAIT_SECONDS"),
    )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingError(f"{name} is not set in the function's environment")
    return value


def _number(environment: Mapping[str, str], name: str) -> int:
    value = _text(environment, name)
    if not value.isdecimal():
        raise SettingError(f"{name} is {value!r}; expected a whole number, 0 or more")
    return int(value)
