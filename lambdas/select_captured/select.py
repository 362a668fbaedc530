"""One selection: the window, its files, and the champion's baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.packages import Baselines, baselines_of
from select_captured import window
from select_captured.answer import SelectionAnswer
from select_captured.files import Files
from select_captured.window import CaptureWindow

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_ssm.client import SSMClient


@dataclass(frozen=True, kw_only=True)
class MonitoredChampion:
    arn: str = names.NONE
    since: datetime | None = None
    baselines: Baselines = field(default_factory=Baselines)


@dataclass(frozen=True, kw_only=True)
class CapturedSelection:
    files: Files
    ssm: SSMClient
    sagemaker: SageMakerClient
    parameter: str

    def select(self, event: Mapping[str, Any], *, now: datetime) -> SelectionAnswer:
        champion = self._champion()
        chosen = self._window(event, now=now)
        quality = window.quality_of(end=chosen.end, champion_since=champion.since)
        answer = SelectionAnswer(
            start=window.text_of(chosen.start),
            end=window.text_of(chosen.end),
            package_arn=champion.arn,
            baseline=champion.baselines.data,
            quality_baseline=champion.baselines.quality,
            quality_start=window.text_of(quality.start),
            quality_end=window.text_of(quality.end),
        )
        return self._with_labels(self._with_traffic(answer, chosen), quality)

    def _window(self, event: Mapping[str, Any], *, now: datetime) -> CaptureWindow:
        end = window.end_of(str(event.get("end", window.HOUR)), now=now)
        start = str(event.get("start", window.LAST))
        last, first = None, None
        if start == window.LAST:
            record = self.files.record(names.DATA_QUALITY)
            last = window.parsed(record["next"]) if record else None
            if last is None:
                first = self.files.first_captured(end - timedelta(hours=window.LOOK_BACK_HOURS))
        return CaptureWindow(start=window.start_of(start, last=last, first=first, end=end), end=end)

    def _with_traffic(self, answer: SelectionAnswer, chosen: CaptureWindow) -> SelectionAnswer:
        if answer.baseline == names.NONE or chosen.start >= chosen.end:
            return answer
        files = self.files.captured(chosen.start, chosen.end)
        return replace(answer, objects=len(files), manifest=self.files.write_manifest(files))

    def _with_labels(self, answer: SelectionAnswer, quality: CaptureWindow) -> SelectionAnswer:
        """When labels land, every answer that can have a label is compared again, so labels may
        come late and in any order."""
        if answer.quality_baseline == names.NONE or quality.start >= quality.end:
            return answer
        labels = self.files.labels(quality.start)
        record = self.files.record(names.MODEL_QUALITY)
        judged = window.parsed(record["end"]) if record else None
        if not labels or (judged and all(label.landed < judged for label in labels)):
            return answer
        captured = self.files.captured(quality.start, quality.end)
        if not captured:
            return answer
        return replace(
            answer,
            labelled=len(labels),
            labels=self.files.write_manifest(labels),
            labelled_manifest=self.files.write_manifest(captured),
        )

    def _champion(self) -> MonitoredChampion:
        try:
            parameter = self.ssm.get_parameter(Name=self.parameter)["Parameter"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return MonitoredChampion()
            raise
        arn = parameter["Value"].strip() or names.NONE
        if arn == names.NONE:
            return MonitoredChampion()
        try:
            package = self.sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if says_missing(error):  # deleted while it serves: there is no baseline to be had
                return MonitoredChampion(arn=arn)
            raise
        return MonitoredChampion(
            arn=arn,
            since=parameter.get("LastModifiedDate"),
            baselines=baselines_of(package),
        )
