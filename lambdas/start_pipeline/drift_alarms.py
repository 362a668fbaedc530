"""The alarms on drift as CloudWatch shows them, and telling people that they start no more runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from decision_log import say
from start_pipeline.settings import Feedback

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_sns.client import SNSClient

    from notices import Notices
    from start_pipeline.drift import Episode, Exhausted


@dataclass(frozen=True, kw_only=True)
class DriftAlarms:
    """The clients are made when they are needed: most starts of the function need neither."""

    cloudwatch: Callable[[], CloudWatchClient]
    sns: Callable[[], SNSClient]
    settings: Feedback

    def episode(self) -> Episode | None:
        """The drift that goes on now; None without one, or when drift is to start nothing."""
        if not self.settings.alarms:
            return None
        from start_pipeline import drift  # not before there is something to look at

        answer = self.cloudwatch().describe_alarms(AlarmNames=list(self.settings.alarms))
        return drift.episode_of(answer["MetricAlarms"])

    def tell(self, exhausted: Exhausted, *, since: str, notices: Notices, now: datetime) -> None:
        """Sends one notice in an episode. Never raises: the next wake tries again."""
        # Imported here, since it happens once in months and every start would pay for it.
        from notice_texts import NoticeTexts
        from notices import tell_people

        settings = self.settings
        if not settings.topic_arn:
            return
        texts = NoticeTexts(project=settings.project, environment=settings.environment)
        notice = texts.no_more_retrains(exhausted.fruitless, since=since)
        try:
            notices.read()
            notices.change(lambda record: record.with_news("drift", since, notice))
        except Exception as error:
            say("go on", f"the notice is not sent yet: {error}", level="ERROR")
            return
        tell_people(
            notices,
            sns=self.sns(),
            cloudwatch=self.cloudwatch(),
            topic_arn=settings.topic_arn,
            project=settings.project,
            environment=settings.environment,
            now=now,
        )
