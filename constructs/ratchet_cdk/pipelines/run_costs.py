"""What each run cost, recorded when it ends."""

from __future__ import annotations

from collections.abc import Sequence

from constructs import Construct

from ratchet.loop import folders
from ratchet_cdk.functions.dead_letters import DeadLetters
from ratchet_cdk.functions.python_function import PythonFunction
from ratchet_cdk.functions.wakes import Wake, WakeQueue
from ratchet_cdk.loop_resources import LoopResources
from ratchet_cdk.monitoring.loop_alarm import grant_put_metrics
from ratchet_cdk.permissions.cost_permissions import grant_price_runs
from ratchet_cdk.permissions.narrow_role import NarrowRole

MEMORY_MB = 512
TIMEOUT_SECONDS = 300

_RUN_CHANGED = "SageMaker Model Building Pipeline Execution Status Change"
_STEP_CHANGED = "SageMaker Model Building Pipeline Execution Step Status Change"
_ENDED = ["Succeeded", "Failed", "Stopped"]


class RunCosts(Construct):
    """Ends of runs and a slow schedule wake one function, which records what runs, the endpoint
    and the buckets cost.

    With a limit on runs, the ends of their steps and a faster schedule wake it too, and it may
    stop a run. It changes nothing else, and what it cannot handle ends in the dead letters.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        loop: LoopResources,
        pipelines: Sequence[str],
    ) -> None:
        """`pipelines`: names of the pipelines whose runs are recorded."""
        super().__init__(scope, construct_id)
        self._loop = loop
        # By how the names begin: any number of pipelines may be imported, and a role's policy has
        # room for 10,240 characters. The function gets the names that it looks for.
        self._beginning = loop.arns.sagemaker(f"pipeline/{loop.settings.pipeline_name('')}")
        self.dead_letters = DeadLetters(self, "DeadLetters", settings=loop.settings, name="costs")
        self.wakes = WakeQueue(
            self,
            "Wakes",
            wakes=self._wakes(),
            dead_letters=self.dead_letters,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        self.function = self._function(pipelines)
        self._grant_runs(self.function.role)
        self._grant_endpoint_and_buckets(self.function.role)
        self._grant_costs(self.function.role)
        self.wakes.feed(self.function)

    def _function(self, pipelines: Sequence[str]) -> PythonFunction:
        loop, settings = self._loop, self._loop.settings
        return PythonFunction(
            self,
            "RecordRun",
            loop=loop,
            name="record_run",
            description="Records what runs, the endpoint and the buckets cost",
            environment={
                "PROJECT": settings.loop,
                "ENVIRONMENT": settings.environment,
                "OWNER": settings.owner,
                "COST_CENTER": settings.cost_center,
                "EXPERIMENT": settings.experiment,
                "ARTIFACTS_BUCKET": loop.artifacts.name,
                "DATA_BUCKET": loop.data.name,
                "PIPELINES": ",".join(pipelines),
                "ENDPOINT_NAME": settings.endpoint_name,
                "TOPIC_ARN": loop.notifications.arn,
                "RUN_LIMIT_USD": dollars(settings.costs.run_limit_usd),
                "IDLE_HOURS": str(settings.costs.idle_hours),
                "LOOK_BACK_DAYS": str(settings.costs.look_back_days),
            },
            memory_mb=MEMORY_MB,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def _wakes(self) -> dict[str, Wake]:
        costs = self._loop.settings.costs
        wakes = {
            "RunEnded": Wake(
                description="A run ended, so its cost is recorded",
                pattern=self._of_pipelines(_RUN_CHANGED, "currentPipelineExecutionStatus"),
            ),
            "Schedule": Wake(
                description="Wakes the function regularly in case an event was lost, and for the "
                "endpoint",
                schedule=costs.looks,
            ),
        }
        if costs.run_limit_usd:
            wakes["StepEnded"] = Wake(
                description="A step ended, so the cost of its run is compared with the limit",
                pattern=self._of_pipelines(_STEP_CHANGED, "currentStepStatus"),
            )
        return wakes

    def _of_pipelines(self, happening: str, status: str) -> dict[str, object]:
        """Matches pipelines by the beginning of their names: a pattern has room for only 2,048
        characters. The function checks which run the event is about."""
        return {
            "source": ["aws.sagemaker"],
            "detail-type": [happening],
            "detail": {"pipelineArn": [{"prefix": self._beginning}], status: _ENDED},
        }

    def _grant_runs(self, role: NarrowRole) -> None:
        loop = self._loop
        runs = [f"{self._beginning}*"]
        grant_price_runs(role, arns=loop.arns, pipelines=runs, settings=loop.settings)
        role.allow(
            "FindRuns",
            actions=["sagemaker:ListPipelineExecutions"],
            resources=runs,
            wildcard="The pipelines of this environment, which begin with its name.",
        )
        if loop.settings.costs.run_limit_usd:
            role.allow(
                "StopRuns",
                actions=["sagemaker:StopPipelineExecution"],
                resources=[f"{self._beginning}*/execution/*"],
                wildcard="SageMaker names the executions of this environment's pipelines.",
            )

    def _grant_endpoint_and_buckets(self, role: NarrowRole) -> None:
        role.allow(
            "LookAtEndpoint",
            actions=["sagemaker:DescribeEndpoint"],
            resources=[self._loop.arns.sagemaker(f"endpoint/{self._loop.settings.endpoint_name}")],
        )
        role.allow(
            "LookAtWhatItServesOn",
            actions=["sagemaker:DescribeEndpointConfig"],
            resources=[self._loop.arns.sagemaker("endpoint-config/*")],
            wildcard="CloudFormation names configurations.",
        )
        role.allow(
            "ReadInvocationsAndSizes",
            actions=["cloudwatch:GetMetricStatistics"],
            resources=["*"],
            wildcard="The action knows no resource.",
        )
        grant_put_metrics(role, "PutRunCost")

    def _grant_costs(self, role: NarrowRole) -> None:
        """Writes its rows, and sends its notices."""
        artifacts = self._loop.artifacts
        artifacts.grant_look(role, "LookAtCosts")
        artifacts.grant_read(role, "ReadCosts", prefixes=[folders.COSTS])
        artifacts.grant_write(role, "WriteCosts", prefixes=[folders.COSTS])
        self._loop.notifications.grant_publish(role)


def dollars(amount: float) -> str:
    """An amount as the function reads it: "0", "2.5", "1000000"."""
    return f"{amount:.6f}".rstrip("0").rstrip(".")
