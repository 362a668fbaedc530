"""Which model a candidate has to beat: the one that is deployed now."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

from config.settings import Settings
from ratchet.loop import folders
from ratchet_cdk.foundation.buckets import LoopBucket
from ratchet_cdk.foundation.code_bucket import CodeBucket
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.permissions.arns import Arns
from ratchet_cdk.permissions.narrow_role import NarrowRole
from ratchet_cdk.serving.model_registry import ModelRegistry


class ChampionResolver(Construct):
    """A function that answers with the model artifact of the deployed model package.

    What is deployed stands in an SSM parameter, by name: whoever deploys writes it, and until
    somebody does there is no champion.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: CodeBucket,
        source: Path,
        artifacts: LoopBucket,
        registry: ModelRegistry,
    ) -> None:
        super().__init__(scope, construct_id)
        parameter = settings.parameter("champion")
        self.function = PythonFunction(
            self,
            "ResolveChampion",
            code=code,
            source=source,
            name="resolve_champion",
            description="Answers with the model artifact of the deployed model package",
            environment={
                "CHAMPION_PARAMETER": parameter,
                "NO_CHAMPION_URI": f"{artifacts.uri}/{folders.NO_CHAMPION}",
            },
            memory_mb=256,
            timeout_seconds=30,
            retention=settings.retention,
        )
        role = self.function.role
        role.allow(
            "ReadWhatIsDeployed",
            actions=["ssm:GetParameter"],
            resources=[Arns.of(settings).ssm_parameter(parameter)],
        )
        registry.grant_read(role)
        artifacts.grant_write(role, "KeepNoChampion", prefixes=[folders.NO_CHAMPION])
        self._artifacts = artifacts

    def grant_read_none(self, role: NarrowRole) -> None:
        """Reads what stands for a champion where there is none."""
        self._artifacts.grant_list(role, "ListNoChampion", prefixes=[folders.NO_CHAMPION])
        self._artifacts.grant_read(role, "ReadNoChampion", prefixes=[folders.NO_CHAMPION])
