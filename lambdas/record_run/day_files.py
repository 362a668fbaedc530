"""The rows of a pipeline and a day: one object, written only over what was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import stored
from decision_log import say
from ratchet.costs import rows
from ratchet.costs.rows import Row

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_TRIES = 8
"""Of the other writers, each wrote something: the next try finds less to do."""


@dataclass(frozen=True, kw_only=True)
class DayFiles:
    s3: S3Client
    bucket: str

    def change(
        self, pipeline: str, day: date, change: Callable[[Sequence[Row]], list[Row]]
    ) -> list[Row] | None:
        """Applies `change` to the rows and writes them; None: there is nothing to change.

        When another wake wrote meanwhile, `change` is asked again: it looks after the rows were
        read, so the later writer has seen at least what the earlier one saw.

        Raises:
            stored.MovedError: others wrote each time.
        """
        key = rows.key(pipeline, day)
        for left in reversed(range(_TRIES)):
            content = stored.read(self.s3, bucket=self.bucket, key=key)
            before = rows.read(content.body) if content else []
            after = change(before)
            text = rows.write(after)
            if text == rows.write(before):
                return None
            try:
                over = content.etag if content else None
                stored.write_over(self.s3, bucket=self.bucket, key=key, body=text, over=over)
            except stored.MovedError:
                if not left:
                    raise
                say("again", f"another wake wrote {key}")
                continue
            return after
        return None

    def rows(self, pipeline: str, day: date) -> list[Row]:
        content = stored.read(self.s3, bucket=self.bucket, key=rows.key(pipeline, day))
        return rows.read(content.body) if content else []
