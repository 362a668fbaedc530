"""The pipeline that judges the champion on new labelled data, without training."""

from __future__ import annotations

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.facts import CHAMPION_FACT
from ratchet.pipelines.registry import pipelines
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.monitoring.loop_alarm import grant_put_metrics
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.serving.champion import ChampionResolver


class EvaluationPipeline(Construct):
    """Evaluates the champion, and records the result with its version.

    Its role reads labelled data and models, and writes its own runs: it trains and registers
    nothing. The function that records may write metrics of this loop and what the registry says of
    a version, and start nothing: whether a run follows from the alarm is the trigger's decision.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        champion: ChampionResolver,
        models: str,
    ) -> None:
        """`models`: the artifact bucket's folder with the model artifacts."""
        super().__init__(scope, construct_id)
        self._loop = loop
        self.record = self._record()
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            entry=pipelines(loop.source, loop.settings.model_name)[names.EVALUATION],
            loop=loop,
            invokes={
                "resolve_champion": champion.function,
                "record_evaluation": self.record,
            },
        )
        self._grant_labelled(self.pipeline.role)
        self._grant_models(self.pipeline.role, models)
        self._grant_findings(self.record.role)

    def _grant_labelled(self, role: NarrowRole) -> None:
        prefixes = [self._loop.settings.evaluation.prefix]
        self._loop.data.grant_list(role, "ListLabelled", prefixes=prefixes)
        self._loop.data.grant_read(role, "ReadLabelled", prefixes=prefixes)

    def _grant_models(self, role: NarrowRole, models: str) -> None:
        self._loop.artifacts.grant_list(role, "ListModels", prefixes=[models])
        self._loop.artifacts.grant_read(role, "ReadModels", prefixes=[models])

    def _grant_findings(self, role: NarrowRole) -> None:
        findings = [folders.EVALUATIONS, folders.MANIFESTS, folders.runs(self.pipeline.name)]
        self._loop.artifacts.grant_read(role, "ReadFindings", prefixes=findings)

    def _record(self) -> PythonFunction:
        loop, settings = self._loop, self._loop.settings
        champion = settings.parameter(CHAMPION_FACT)
        function = PythonFunction(
            self,
            "RecordEvaluation",
            loop=loop,
            name="record_evaluation",
            description="Records how the champion scored on labelled data",
            environment={
                "PROJECT": settings.loop,
                "ENVIRONMENT": settings.environment,
                "ARTIFACTS_BUCKET": loop.artifacts.name,
                "CHAMPION_PARAMETER": champion,
                "MINIMUM_ROWS": str(settings.evaluation.minimum_rows),
            },
            memory_mb=512,
            timeout_seconds=60,
        )
        role = function.role
        role.allow(
            "ReadWhatIsDeployed",
            actions=["ssm:GetParameter"],
            resources=[loop.arns.ssm_parameter(champion)],
        )
        grant_put_metrics(role, "PutFindings")
        loop.registry.grant_note(role)
        loop.artifacts.grant_look(role, "LookAtRecords")
        loop.artifacts.grant_write(role, "WriteRecords", prefixes=[folders.EVALUATIONS])
        return function
