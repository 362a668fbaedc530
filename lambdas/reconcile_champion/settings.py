"""The settings in the function's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.loop import folders, names
from reconcile_champion.plan import PromotionPolicy


class ReconcilerSettingError(Exception):
    """A variable is absent or wrong; the message names it, its value and what is expected."""


@dataclass(frozen=True, kw_only=True)
class ReconcilerEnvironment:
    policy: PromotionPolicy
    project: str
    topic_arn: str
    state_bucket: str
    state_key: str


def from_environment(environment: Mapping[str, str]) -> ReconcilerEnvironment:
    def text(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            raise ReconcilerSettingError(f"{name} is not set in the function's environment")
        return value

    def choice(name: str, *allowed: str) -> str:
        value = text(name)
        if value not in allowed:
            raise ReconcilerSettingError(f"{name} is {value!r}; expected {' or '.join(allowed)}")
        return value

    return ReconcilerEnvironment(
        policy=PromotionPolicy(
            environment=text("ENVIRONMENT"),
            group=text("MODEL_PACKAGE_GROUP"),
            stack=text("SERVING_STACK"),
            endpoint=text("ENDPOINT_NAME"),
            keep_when_none_left=choice("WHEN_NONE_LEFT", names.KEEP, names.TAKE_DOWN) == names.KEEP,
            engine=choice("MONITOR_ENGINE", names.AUTO, names.MODEL_MONITOR, names.PIPELINE),
        ),
        project=text("PROJECT"),
        topic_arn=text("TOPIC_ARN"),
        state_bucket=text("STATE_BUCKET"),
        state_key=environment.get("STATE_KEY") or folders.DEPLOYMENT_STATE,
    )
