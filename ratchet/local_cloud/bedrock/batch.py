"""One model invocation job at work: S3 as its role, each record to the server, files out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from ratchet.local_cloud.bedrock.authorisation import SERVICE
from ratchet.local_cloud.bedrock.calls import invocation_needs
from ratchet.local_cloud.bedrock.models import FoundationModel, profile_of
from ratchet.local_cloud.bedrock.records import (
    BatchRecord,
    RecordOutcome,
    UnfitInputError,
    check_count,
    counts,
    manifest,
    read_records,
)
from ratchet.local_cloud.bedrock.runtime import Runtime
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.runner import Refused, Storage
from ratchet.runner.errors import RunnerError, ServiceError

_LOG = logging.getLogger("ratchet.bedrock")
_AT_ONCE = 4
_TRIES = 6
_WAIT_SECONDS = 0.1
_LONGEST_MESSAGE = 2000


class BatchCloud(Protocol):
    """What a job needs of the cloud around it."""

    def check_role(
        self,
        scope: AccountScope,
        role_arn: str,
        service: str,
        needs: Iterable[Need],
        *,
        source_arn: str = "",
    ) -> None:
        """Raise `Denied` unless a service may take the role, and the role may do all of it."""
        ...

    def storage(
        self,
        scope: AccountScope,
        role: str | None,
        *,
        key: str | None = None,
        service: str = "",
        source_arn: str = "",
    ) -> Storage:
        """S3's objects as a role that a service takes."""
        ...


@dataclass(frozen=True, kw_only=True)
class InvocationJob:
    """``change`` writes members of the job; ``is_stopping``: whether somebody stopped it."""

    scope: AccountScope
    body: Mapping[str, Any]
    model: FoundationModel
    runtime: Runtime
    cloud: BatchCloud
    change: Callable[[Mapping[str, Any]], None]
    is_stopping: Callable[[], bool]

    def run(self) -> None:
        """Work until the end; the job then says how it ended."""
        try:
            self.change({"status": "Validating"})
            files = self._files()
            if self.is_stopping():
                self._end("Stopped")
                return
            self.change({"status": "InProgress", **self._numbers(files, [])})
            self._work(files)
        except KeyError:
            return  # everything was forgotten meanwhile
        except (UnfitInputError, Denied, Refused, ServiceError, RunnerError, OSError) as error:
            self._end("Failed", str(error))
        except Exception as error:
            _LOG.exception("a batch failed")
            self._end("Failed", repr(error))

    def _files(self) -> dict[str, list[BatchRecord]]:
        """The records of each file of the input, by the URI of the file."""
        if profile_of(self.scope.region, self.body["modelId"]) is not None:
            # Through a profile the job's role calls the models, as any caller does.
            needs = list(invocation_needs(self.scope, self.body["modelId"]))
            self.cloud.check_role(
                self.scope, self.body["roleArn"], SERVICE, needs, source_arn=self.body["jobArn"]
            )
        uri = self.body["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]
        storage = self._storage()
        listed = [item.uri for item in storage.list(uri) if item.uri.endswith(".jsonl")]
        if uri.endswith(".jsonl"):
            listed = [name for name in listed if name == uri]
        if not listed:
            raise UnfitInputError(f"There is no .jsonl file at {uri}.")
        files = {
            name: list(read_records(name, storage.read_bytes(name).decode("utf-8", "replace")))
            for name in listed
        }
        check_count(sum(len(records) for records in files.values()))
        return files

    def _work(self, files: Mapping[str, list[BatchRecord]]) -> None:
        done: list[RecordOutcome] = []
        output = self.body["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].rstrip("/")
        folder = f"{output}/{self.body['jobArn'].rpartition('/')[2]}"
        storage = self._storage()
        for uri, records in files.items():
            if self.is_stopping():
                break
            outcomes = self._outcomes(records)
            done += outcomes
            text = "".join(f"{outcome.line()}\n" for outcome in outcomes)
            storage.write_bytes(f"{folder}/{uri.rpartition('/')[2]}.out", text.encode())
            self.change(self._numbers(files, done))
        total = sum(len(records) for records in files.values())
        content = json.dumps(manifest(total, done))
        storage.write_bytes(f"{folder}/manifest.json.out", content.encode())
        self._end("Stopped" if self.is_stopping() else "Completed")

    def _outcomes(self, records: list[BatchRecord]) -> list[RecordOutcome]:
        """Of each record, until somebody stops the job."""

        def outcome(record: BatchRecord) -> RecordOutcome | None:
            return None if self.is_stopping() else self._outcome(record)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [item for item in pool.map(outcome, records) if item is not None]

    def _outcome(self, record: BatchRecord) -> RecordOutcome:
        try:
            if self.body["modelInvocationType"] == "Converse":
                asked = self.runtime.converse_invocation(self.model, record.model_input)
            else:
                asked = self.runtime.invocation(self.model, record.model_input)
            output, tokens, _ = self._patiently(lambda: self.runtime.invoke(self.model, asked))
        except ApiError as error:
            return RecordOutcome(record=record, error=(error.status, error.message))
        return RecordOutcome(
            record=record,
            output=output,
            sent=tokens.sent if tokens else 0,
            received=tokens.received if tokens else 0,
        )

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Bedrock itself asks again when a model is busy."""
        for tries in range(_TRIES):
            try:
                return ask()
            except ApiError as error:
                last = tries == _TRIES - 1 or self.is_stopping()
                if error.code != "ThrottlingException" or last:
                    raise
            time.sleep(_WAIT_SECONDS * 2**tries)
        raise AssertionError("unreachable")

    def _storage(self) -> Storage:
        output = self.body["outputDataConfig"]["s3OutputDataConfig"]
        return self.cloud.storage(
            self.scope,
            self.body["roleArn"],
            key=output.get("s3EncryptionKeyId"),
            service=SERVICE,
            source_arn=self.body["jobArn"],
        )

    @staticmethod
    def _numbers(
        files: Mapping[str, list[BatchRecord]], done: list[RecordOutcome]
    ) -> dict[str, int]:
        return counts(sum(len(records) for records in files.values()), done)

    def _end(self, status: str, message: str | None = None) -> None:
        shown = {"message": message[:_LONGEST_MESSAGE]} if message else {}
        self.change({"status": status, "endTime": round(time.time(), 3), **shown})
