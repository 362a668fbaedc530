"""What the function keeps in the artifact bucket.

manifests/<digest>/manifest.json   what a run reads (SageMaker's ManifestFile format)
manifests/<digest>/snapshot.json   the content that the digest is of
manifests/<digest>/execution.json  the run of it; while this is there, it is not run again
trigger/state.json                 what the last wakes saw; written only over what was read
trigger/identities.json.gz         checksums by (key, ETag, size, time), so that only new objects
                                   cost a request: a cache, the last writer wins
trigger/notices.json           what people were told; there once they were

Those are the training pipeline's. Another kind of pipeline runs the same content for itself, so it
has its own: manifests/<digest>/execution-<kind>.json and <kind>-trigger/….
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

import stored
from decision_log import say
from ratchet.loop import folders, names
from start_pipeline import snapshot, state_file
from start_pipeline.data_bucket import Known
from start_pipeline.seen import Claim, Started, State
from start_pipeline.snapshot import Snapshot
from start_pipeline.window import ListedObject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from notices import Notices

_IDENTITIES_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RunRecords:
    s3: S3Client
    bucket: str
    intake: str = names.TRAINING

    @property
    def _folder(self) -> str:
        return folders.trigger(self.intake)

    @property
    def _state(self) -> str:
        return folders.trigger_state(self.intake)

    @property
    def _identities(self) -> str:
        return f"{self._folder}identities.json.gz"

    def _execution(self, digest: str) -> str:
        return folders.execution(digest, intake=self.intake)

    def state(self) -> tuple[State, str | None]:
        """The state and the ETag that `save` must find; the empty state when there is none."""
        text, etag = self._get(self._state)
        if text is None:
            return State(), None
        try:
            return state_file.read(text), etag
        except ValueError as error:
            say("forget", f"the state is not readable: {error}", level="WARNING")
            return State(), etag

    def save(self, state: State, *, over: str | None) -> str:
        """Write the state over what was read, and answer its ETag. Raises stored.MovedError."""
        text = state_file.write(state)
        return stored.write_over(self.s3, bucket=self.bucket, key=self._state, body=text, over=over)

    def notices(self) -> Notices:
        """The notices that were sent and those that still wait."""
        from notices import Notices  # once in months, and every start would pay for it

        return Notices(s3=self.s3, bucket=self.bucket, key=f"{self._folder}notices.json")

    def manifest_uri(self, digest: str) -> str:
        return f"s3://{self.bucket}/{folders.manifest(digest)}"

    def execution_of(self, digest: str) -> str | None:
        """ARN of the run of this content."""
        text, _ = self._get(self._execution(digest))
        return None if text is None else str(json.loads(text)["execution_arn"])

    def snapshot_of(self, digest: str) -> Snapshot | None:
        text, _ = self._get(folders.snapshot(digest))
        return None if text is None else snapshot.read(text)

    def write_content(self, content: Snapshot, *, text: bytes, digest: str) -> None:
        """What a run reads. Both files are functions of the digest, so the first write stays."""
        self._put_once(folders.snapshot(digest), text)
        self._put_once(folders.manifest(digest), content.manifest())

    def write_execution(self, started: Started, *, claim: Claim | None) -> None:
        record: dict[str, Any] = {
            "execution_arn": started.execution_arn,
            "started": started.at.isoformat(),
            "display_name": claim.display_name if claim else None,
            "description": claim.description if claim else None,
        }
        self._put_once(self._execution(started.digest), json.dumps(record, indent=1).encode())

    def identities(self) -> Known:
        """What is known of the objects' content; nothing when the cache is absent or broken."""
        packed, _ = self._get(self._identities)
        if packed is None:
            return {}
        try:
            cache = json.loads(gzip.decompress(packed))
            rows = cache["objects"] if cache["format"] == _IDENTITIES_FORMAT else []
            return {
                key: (ListedObject(key, etag, size, datetime.fromisoformat(time)), identity)
                for key, etag, size, time, identity in rows
            }
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            say("forget", f"the cache of identities is not readable: {error}", level="WARNING")
            return {}

    def write_identities(
        self, objects: Sequence[ListedObject], identities: Mapping[str, str]
    ) -> None:
        rows = [
            (o.key, o.etag, o.size, o.last_modified.isoformat(), identities[o.key])
            for o in objects
            if o.key in identities
        ]
        text = json.dumps({"format": _IDENTITIES_FORMAT, "objects": rows}).encode()
        self.s3.put_object(
            Bucket=self.bucket, Key=self._identities, Body=gzip.compress(text, 1, mtime=0)
        )

    def _get(self, key: str) -> tuple[bytes | None, str | None]:
        return stored.read(self.s3, bucket=self.bucket, key=key) or (None, None)

    def _put_once(self, key: str, body: bytes) -> None:
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in stored.CONDITION_FAILED:
                raise
