"""Notices to people, over one SNS topic: text for mail, a card for chat.

Amazon Q Developer in chat applications (AWS Chatbot) subscribes by HTTPS and drops plain text: it
shows AWS's own events, and JSON in its schema of custom notifications
(https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html). So a notice is published
with one form per protocol (SNS Publish, MessageStructure "json").
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient

_LONGEST_SUBJECT = 99  # "less than 100 characters", ASCII, no control characters: SNS Publish
_LONGEST_TEXT = 8_000  # far below the 256 KiB of a message, which carries the text three times


@dataclass(frozen=True, kw_only=True)
class Notice:
    title: str
    """One line."""
    text: str
    """Sentences, for somebody who was not thinking of this."""
    commands: tuple[str, ...]
    """What to type next; the first is the most likely."""

    @property
    def subject(self) -> str:
        """The title as a mail's subject: ASCII, without control characters, short enough."""
        plain = unicodedata.normalize("NFKD", self.title.translate(_PLAIN))
        characters = "".join(
            c if " " <= c <= "~" else " " for c in plain if not unicodedata.combining(c)
        )
        words = " ".join(characters.split())
        if len(words) > _LONGEST_SUBJECT:
            words = f"{words[: _LONGEST_SUBJECT - 3].rstrip()}..."
        return words or "Notice"

    def message(self) -> str:
        """The body of Publish, with one form per protocol."""
        text = self.text[:_LONGEST_TEXT]
        mail = "\n".join([text, "", "Next:", *(f"    {command}" for command in self.commands)])
        chat = {
            "version": "1.0",
            "source": "custom",
            "content": {
                "textType": "client-markdown",
                "title": self.title,
                "description": text,
                "nextSteps": [f"`{command}`" for command in self.commands],
            },
        }
        return json.dumps({"default": mail, "email": mail, "https": json.dumps(chat)})


_PLAIN = str.maketrans({"–": "-", "—": "-", "→": ">", "≥": ">=", "≤": "<=", "’": "'", "…": "..."})


def publish(sns: SNSClient, *, topic_arn: str, notice: Notice) -> None:
    sns.publish(
        TopicArn=topic_arn,
        Subject=notice.subject,
        Message=notice.message(),
        MessageStructure="json",
    )
