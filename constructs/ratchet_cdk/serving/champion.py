"""The model that a candidate has to beat: the deployed one."""

from __future__ import annotations

from constructs import Construct

from ratchet.loop import folders, names
from ratchet.loop.facts import CHAMPION_FACT
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.permissions.narrow_role import NarrowRole


class ChampionResolver(Construct):
    """A function that answers with the model artifact of the deployed model package, and with the
    digest of the newest version's.

    What is deployed stands in an SSM parameter, by name: whoever deploys writes it, and until
    somebody does there is no champion.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
    ) -> None:
        super().__init__(scope, construct_id)
        self._artifacts = loop.artifacts
        parameter = loop.settings.parameter(CHAMPION_FACT)
        self.function = self._function(loop, parameter)
        role = self.function.role
        role.allow(
            "ReadWhatIsDeployed",
            actions=["ssm:GetParameter"],
            resources=[loop.arns.ssm_parameter(parameter)],
        )
        loop.registry.grant_list(role)
        loop.registry.grant_read(role)
        training = loop.settings.pipeline_name(names.TRAINING)
        loop.artifacts.grant_read(role, "ReadModels", prefixes=[folders.runs(training)])
        kept = [folders.NO_CHAMPION, folders.chains(training)]
        loop.artifacts.grant_write(role, "KeepChampion", prefixes=kept)

    def _function(self, loop: LoopResources, parameter: str) -> PythonFunction:
        return PythonFunction(
            self,
            "ResolveChampion",
            loop=loop,
            name="resolve_champion",
            description="Answers with the model artifact of the deployed model package",
            environment={
                "CHAMPION_PARAMETER": parameter,
                "CHAINS_URI": f"{loop.artifacts.uri}/"
                f"{folders.chains(loop.settings.pipeline_name(names.TRAINING))}",
                "MODEL_PACKAGE_GROUP": loop.registry.name,
                "NO_CHAMPION_URI": f"{loop.artifacts.uri}/{folders.NO_CHAMPION}",
            },
            memory_mb=256,
            timeout_seconds=300,
        )

    def grant_read_none(self, role: NarrowRole) -> None:
        """Reads the placeholder for a missing champion."""
        self._artifacts.grant_list(role, "ListNoChampion", prefixes=[folders.NO_CHAMPION])
        self._artifacts.grant_read(role, "ReadNoChampion", prefixes=[folders.NO_CHAMPION])
