"""The pipeline that judges the champion on new labelled data, without training."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

from config.settings import Settings
from pipeline_defs.evaluation import evaluation
from ratchet.loop import folders
from ratchet_cdk.foundation.buckets import LoopBucket
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.monitoring.loop_alarm import grant_put_metrics
from ratchet_cdk.permissions.arns import Arns
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline
from ratchet_cdk.serving.champion import ChampionResolver
from ratchet_cdk.serving.model_registry import ModelRegistry


class EvaluationPipeline(Construct):
    """Judges what serves, and keeps with the version how it did.

    Its role reads labelled data and models, and writes its own runs: it trains and registers
    nothing. The function that records may write metrics of this loop and what the registry says of
    a version, and start nothing: whether a run follows from the alarm is the trigger's decision.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: CodeBucket,
        source: Path,
        data: LoopBucket,
        artifacts: LoopBucket,
        registry: ModelRegistry,
        champion: ChampionResolver,
        models: str,
    ) -> None:
        """`models`: the folder of the artifact bucket that model artifacts are in."""
        super().__init__(scope, construct_id)
        self._settings = settings
        self.record = self._record(code, source, artifacts, registry)
        self.pipeline = MlPipeline(
            self,
            "Pipeline",
            define=evaluation,
            settings=settings,
            code=code,
            source=source,
            artifacts=artifacts,
            data=data,
            invokes={
                "resolve_champion": champion.function,
                "record_evaluation": self.record,
            },
        )
        role, labelled = self.pipeline.role, [settings.evaluation.prefix]
        data.grant_list(role, "ListLabelled", prefixes=labelled)
        data.grant_read(role, "ReadLabelled", prefixes=labelled)
        artifacts.grant_list(role, "ListModels", prefixes=[models])
        artifacts.grant_read(role, "ReadModels", prefixes=[models])
        artifacts.grant_read(
            self.record.role,
            "ReadFindings",
            prefixes=[
                folders.EVALUATIONS,
                folders.MANIFESTS,
                folders.runs(self.pipeline.name),
            ],
        )

    def _record(
        self, code: CodeBucket, source: Path, artifacts: LoopBucket, registry: ModelRegistry
    ) -> PythonFunction:
        settings = self._settings
        champion = settings.parameter("champion")
        function = PythonFunction(
            self,
            "RecordEvaluation",
            code=code,
            source=source,
            name="record_evaluation",
            description="Records how the champion did on labelled data",
            environment={
                "PROJECT": settings.project,
                "ENVIRONMENT": settings.environment,
                "ARTIFACTS_BUCKET": artifacts.name,
                "CHAMPION_PARAMETER": champion,
                "MINIMUM_ROWS": str(settings.evaluation.minimum_rows),
            },
            memory_mb=512,
            timeout_seconds=60,
            retention=settings.retention,
        )
        role = function.role
        role.allow(
            "ReadWhatIsDeployed",
            actions=["ssm:GetParameter"],
            resources=[Arns.of(settings).ssm_parameter(champion)],
        )
        grant_put_metrics(role, "PutFindings")
        registry.grant_note(role)
        artifacts.grant_look(role, "LookAtRecords")
        artifacts.grant_write(role, "WriteRecords", prefixes=[folders.EVALUATIONS])
        return function
