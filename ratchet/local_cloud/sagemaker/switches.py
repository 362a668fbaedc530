"""Switches that make a local cloud differ from AWS, for those who run or test it.

The environment of the process that starts the cloud gives the first values; ``POST
/_ratchet/settings`` changes them while it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_MINUTES_ARE_SECONDS = 1 / 60


@dataclass
class Switches:
    """``time_scale`` (``RATCHET_TIME_SCALE``): real seconds for each second of an endpoint's
    deployment waits and of the periods of alarms on its metrics; 1/60 unless said otherwise, so
    minutes are seconds, and 1 is AWS's pace.

    ``monitoring_closed`` (``RATCHET_MONITORING_CLOSED=1``): refuse new monitoring schedules and job
    definitions, as AWS does where Model Monitor was not in use before it closed.

    ``health_check_seconds`` (``RATCHET_HEALTH_CHECK_SECONDS``): what a model has to load and to
    answer /ping (60).

    ``check_answers`` (``RATCHET_CHECK_ANSWERS=1``, from the start only): hold every answer of
    SageMaker against botocore's output shapes, as the tests do.

    ``bedrock_url`` (``RATCHET_BEDROCK_URL``): address of a server with the OpenAI API, such as
    ``http://127.0.0.1:11434/v1``, which answers for all foundation models; without one every call
    of a model fails.

    ``bedrock_model`` (``RATCHET_BEDROCK_MODEL``): what that server calls its models, one name for
    all or ``id=name,id=name,*=name``; without it the ids of Bedrock.

    ``bedrock_timeout_seconds`` (``RATCHET_BEDROCK_TIMEOUT_SECONDS``): what that server has for an
    answer (60).
    """

    time_scale: float = _MINUTES_ARE_SECONDS
    monitoring_closed: bool = False
    health_check_seconds: float = 60.0
    check_answers: bool = False
    bedrock_url: str = ""
    bedrock_model: str = ""
    bedrock_timeout_seconds: float = 60.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Switches:
        """The switches of the environment variables. Raises ``ValueError``, which names the
        wrong one."""
        return cls(
            time_scale=_positive(environment, "RATCHET_TIME_SCALE", _MINUTES_ARE_SECONDS),
            monitoring_closed=environment.get("RATCHET_MONITORING_CLOSED") == "1",
            health_check_seconds=_positive(environment, "RATCHET_HEALTH_CHECK_SECONDS", 60.0),
            check_answers=environment.get("RATCHET_CHECK_ANSWERS") == "1",
            bedrock_url=_address("RATCHET_BEDROCK_URL", environment.get("RATCHET_BEDROCK_URL", "")),
            bedrock_model=environment.get("RATCHET_BEDROCK_MODEL", ""),
            bedrock_timeout_seconds=_positive(environment, "RATCHET_BEDROCK_TIMEOUT_SECONDS", 60.0),
        )

    def server_model(self, model_id: str) -> str:
        """What the server of ``bedrock_url`` calls a model."""
        names = dict(_entries(self.bedrock_model))
        return names.get(model_id) or names.get("*") or model_id

    def change(self, settings: Mapping[str, object]) -> None:
        """Set what is named. Raises ``ValueError`` for an unknown name or a wrong value."""
        for name, value in settings.items():
            before = getattr(self, name, None)
            if before is None or not _fits(before, value):
                names = ", ".join(vars(self))
                raise ValueError(f"{name} = {value!r}: settings are {names}; numbers above 0")
        _address("bedrock_url", settings.get("bedrock_url", ""))
        for name, value in settings.items():
            setattr(self, name, value)


def _fits(before: object, value: object) -> bool:
    """Whether a switch may have the value: of the same type, a number above 0."""
    if isinstance(before, bool | str):
        return type(value) is type(before)
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _entries(table: str) -> list[tuple[str, str]]:
    entries = []
    for entry in filter(None, (text.strip() for text in table.split(","))):
        model_id, equals, name = entry.partition("=")
        entries.append((model_id.strip(), name.strip()) if equals else ("*", entry))
    return entries


def _address(name: str, value: object) -> str:
    text = str(value)
    if text and not text.startswith(("http://", "https://")):
        raise ValueError(f"{name} is {text!r}; expected an address, http://127.0.0.1:11434/v1")
    return text


def _positive(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number <= 0:
        raise ValueError(f"{name} is {text!r}; expected a number above 0, such as 0.0167")
    return number
