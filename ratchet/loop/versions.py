"""Which version of the model is to serve, which one does, and what a failed deployment leaves."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ratchet.loop.names import NONE
from ratchet.loop.packages import APPROVED, CHAMPION_VERSION_KEY, DEPLOYMENT_MARK_KEY, PENDING

COMPLETE = "Completed"
"""The ModelPackageStatus of a version that can serve."""

MARK_HOLDS = timedelta(minutes=2)
"""Writing the mark changes the version's time too. What changed it later than this was somebody
else, who approved it again: SageMaker keeps no time of approval."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LONGEST_MARK = 256
_MARK = re.compile(r"failed (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ): (.*)", re.DOTALL)
_PACKAGE_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:\d{12}:model-package/([^/]+)/(\d+)")


@dataclass(frozen=True, kw_only=True)
class FailureMark:
    """Stands in the version's customer metadata, where a person sees it, as "failed
    2013-08-02T13:00:05Z: <why>", and keeps the version from being tried again for ever."""

    at: datetime
    why: str

    def text(self) -> str:
        """As metadata's value: 256 of [letters, digits, spaces, _.:/=+-@] (botocore,
        CustomerMetadataValue)."""
        words = "".join(c if _is_allowed(c) else " " for c in self.why)
        head = f"failed {self.at.astimezone(UTC).strftime(_TIME)}: "
        return f"{head}{' '.join(words.split())}"[:_LONGEST_MARK].rstrip()

    def holds(self, *, modified: datetime | None) -> bool:
        """Whether nobody touched the version since it was marked."""
        return modified is None or modified <= self.at + MARK_HOLDS


def parse_mark(text: str | None) -> FailureMark | None:
    """None for a text that is no mark of this kind, whoever wrote it."""
    match = _MARK.fullmatch(text or "")
    if match is None:
        return None
    return FailureMark(at=datetime.strptime(match[1], _TIME).replace(tzinfo=UTC), why=match[2])


@dataclass(frozen=True, kw_only=True)
class Version:
    """What decides whether a version of the model package group is to serve."""

    arn: str
    version: int
    approval: str
    """APPROVED | REJECTED | PENDING"""
    status: str = COMPLETE
    modified: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def approved(self) -> bool:
        """A version that SageMaker could not complete cannot serve, whoever approved it."""
        return self.approval == APPROVED and self.status == COMPLETE

    @property
    def waits(self) -> bool:
        """Whether it waits for approval, and could serve then."""
        return self.approval == PENDING and self.status == COMPLETE

    @property
    def judged_against(self) -> int | None:
        """The version that was the champion when this one was judged; None: there was none."""
        number = self.metadata.get(CHAMPION_VERSION_KEY, NONE)
        return int(number) if number.isdecimal() else None

    @property
    def mark(self) -> FailureMark | None:
        """Of a deployment that failed; it may have been approved again since."""
        return parse_mark(self.metadata.get(DEPLOYMENT_MARK_KEY))

    @property
    def failed(self) -> datetime | None:
        """When its deployment failed; None when it did not, or was approved again since."""
        mark = self.mark
        return mark.at if mark and mark.holds(modified=self.modified) else None

    @property
    def failure(self) -> str:
        """Why its deployment failed; empty when it did not."""
        return self.mark.why if self.mark and self.failed else ""


AnyVersion = TypeVar("AnyVersion", bound=Version)


def version_to_serve(versions: Iterable[AnyVersion]) -> AnyVersion | None:
    """The version that is to serve: the highest approved one whose deployment has not failed."""
    candidates = [version for version in versions if version.approved and not version.failed]
    return max(candidates, key=lambda version: version.version, default=None)


def version_to_approve(
    versions: Iterable[AnyVersion], *, champion: int | None
) -> AnyVersion | None:
    """The version to propose: of those that wait above the champion the highest that was judged
    against it. Where there is none such the highest of all, whose `judged_against` is another."""
    waiting = [v for v in versions if v.waits and v.version > (champion or 0)]
    return max(waiting, key=lambda v: (v.judged_against == champion, v.version), default=None)


def version_in(arn: str, *, group: str) -> int | None:
    """The version that an ARN names in this group."""
    match = _PACKAGE_ARN.fullmatch(arn)
    return int(match[2]) if match and match[1] == group else None


def number_of(arn: str) -> int | None:
    """The version in a model package's ARN, `…:model-package/<group>/<version>`, of any group."""
    match = _PACKAGE_ARN.fullmatch(arn)
    return int(match[2]) if match else None


def model_behind(endpoint_config: Mapping[str, Any]) -> str:
    """The name of the only model of an endpoint's configuration, as DescribeEndpointConfig
    describes it; NONE when there are several, since then no single version serves."""
    models = {variant.get("ModelName") for variant in endpoint_config.get("ProductionVariants", ())}
    return str(models.pop() or NONE) if len(models) == 1 else NONE


def package_behind(model: Mapping[str, Any]) -> str:
    """The ARN of the only model package of a model, as DescribeModel describes it; NONE without
    one, or with several."""
    containers = [*model.get("Containers", ()), model.get("PrimaryContainer", {})]
    arns = [c["ModelPackageName"] for c in containers if c.get("ModelPackageName")]
    return str(arns[0]) if len(arns) == 1 else NONE


def _is_allowed(character: str) -> bool:
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LNZ"
