"""A pipeline of the team's own, beside those of the loop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.pipelines.registry import PipelineEntry
from ratchet_cdk.foundation.buckets import LoopBucket
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.pipelines.model_groups import add_model_groups
from ratchet_cdk.pipelines.pipeline_schedule import schedule_pipeline
from ratchet_cdk.serving.champion import ChampionResolver

_AROUND = 900  # characters of a pipeline's resources beside its definition and its policy


class TeamPipeline(Construct):
    """The pipeline, the model package groups that it registers in, and its schedule if it has one.

    Its role may do what the definition needs: it reads the landed data if the pipeline takes a
    manifest, the folders of the loop's buckets that the definition names, and the champion if the
    pipeline asks for it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        entry: PipelineEntry,
        loop: LoopResources,
        champion: ChampionResolver | None,
        dead_letters: DeadLetters | None,
    ) -> None:
        """`dead_letters`: of starts that a schedule did not manage; needed by an entry with one."""
        super().__init__(scope, construct_id)
        self._settings, self._artifacts, self._data = loop.settings, loop.artifacts, loop.data
        invokes: dict[str, PythonFunction] = (
            {"resolve_champion": champion.function} if champion else {}
        )
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            entry=entry,
            loop=loop,
            invokes=invokes,
        )
        self._text = json.dumps(self.pipeline.definition, ensure_ascii=False)
        self._grant_data()
        self._grant_artifacts()
        if champion and champion.function.arn in self._text:
            self._grant_champion(champion)
        add_model_groups(self, self.pipeline.definition, loop.settings)
        if entry.schedule and dead_letters:
            schedule_pipeline(
                self,
                pipeline=self.pipeline,
                name=loop.settings.schedule_name(entry.name),
                expression=entry.schedule,
                timezone=entry.timezone,
                description=f"When the {entry.name} pipeline runs",
                dead_letters=dead_letters,
            )

    @property
    def size(self) -> int:
        """Characters of the template that it takes, about."""
        return self.pipeline.size + _AROUND

    def _grant_data(self) -> None:
        prefixes = {*self._folders(self._data)}
        if any(p["Name"] == names.DATA_PARAMETER for p in self.pipeline.definition["Parameters"]):
            prefixes.add(self._settings.data.prefix)
        if prefixes:
            self._data.grant_list(self.pipeline.role, "ListData", prefixes=sorted(prefixes))
            self._data.grant_read(self.pipeline.role, "ReadData", prefixes=sorted(prefixes))

    def _grant_artifacts(self) -> None:
        """What it reads of others' runs; its own are granted already."""
        others = {
            folder
            for folder in self._folders(self._artifacts)
            if not folder.startswith(f"{self.pipeline.name}/")
        }
        if others:
            role = self.pipeline.role
            self._artifacts.grant_list(role, "ListOthers", prefixes=sorted(others))
            self._artifacts.grant_read(role, "ReadOthers", prefixes=sorted(others))

    def _grant_champion(self, champion: ChampionResolver) -> None:
        role = self.pipeline.role
        models = [folders.runs(self._settings.pipeline_name(names.TRAINING))]
        self._artifacts.grant_list(role, "ListModels", prefixes=models)
        self._artifacts.grant_read(role, "ReadModels", prefixes=models)
        champion.grant_read_none(role)

    def _folders(self, bucket: LoopBucket) -> Iterator[str]:
        """The places of a bucket that the definition names: what follows the bucket's URI."""
        yield from re.findall(rf'{re.escape(bucket.uri)}/([^"\\*]+)', self._text)
