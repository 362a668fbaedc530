"""The pipelines of the source and the deployed ones, with the code of both."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.deployment.pipelines import imported
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target

if TYPE_CHECKING:
    from pipeline_defs.authoring import Context, Pipeline
    from pipeline_defs.imported import ImportedPipeline


@dataclass(frozen=True, kw_only=True)
class Change:
    """One pipeline: its deployed definition and that of the source.

    `files_of` gives the files of a code bundle by its URI, name → digest; None when the bundle
    cannot be had.
    """

    name: str
    deployed: str
    source: str
    files_of: Callable[[str], Mapping[str, str] | None]


def changes(target: Target, kind: str | None = None) -> Iterator[Change]:
    """The pipelines that `ratchet run` brings up to date, or the one of `kind`.

    Raises:
        UnknownNameError: there is no such pipeline.
        NotDeployedError: nothing, or this one, is not deployed.
        DefinitionError: the source has mistakes.
    """
    from pipeline_defs import PIPELINES
    from pipeline_defs.imported import names
    from ratchet.node import PROJECT

    deployed = facts.read(target)
    for one in [kind] if kind else [*PIPELINES, *names(PROJECT)]:
        context = facts.context(target, deployed, kind=one)
        pipeline = imported.compile_kind(target, deployed, one, context)
        name = target.settings.pipeline_name(one)
        yield Change(
            name=name,
            deployed=pipelines.deployed_definition(target, name),
            source=pipeline.to_json(),
            files_of=_files_of(target, pipeline, context),
        )


def _files_of(
    target: Target, pipeline: Pipeline | ImportedPipeline, context: Context
) -> Callable[[str], Mapping[str, str] | None]:
    from pipeline_defs.authoring import Pipeline

    local: dict[str, Mapping[str, bytes]] = {}
    if isinstance(pipeline, Pipeline):
        local = {context.bundle_uri(bundle): bundle.files for bundle in pipeline.bundles}

    def files_of(uri: str) -> Mapping[str, str] | None:
        files = local.get(uri)
        if files is None:
            files = _stored_files(target, uri)
        if files is None:
            return None
        return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

    return files_of


def _stored_files(target: Target, uri: str) -> Mapping[str, bytes] | None:
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        packed = target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            found = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
            return {name: file.read() for name, file in found.items() if file is not None}
    except (ClientError, tarfile.TarError):
        return None
