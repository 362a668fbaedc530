"""A project's app: the foundation, its pipelines, and the function that one of them calls."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from ratchet_cdk.app import synth
from ratchet_cdk.loop import Loop, LoopStack
from stacks.foundation import Foundation

TELL = "def handler(event, _):\n    return {'told': event['package']}\n"


class PipelinesAlone(Loop):
    def compose(self) -> None:
        Pipelines(self, after=Foundation(self))
        Team(self, "Team", stack_name="team")


class Pipelines(LoopStack):
    """Pipelines written with the SageMaker SDK."""

    def __init__(self, loop: Loop, *, after: Foundation) -> None:
        super().__init__(loop, after=after)
        self.deploys_the_teams_pipelines()


class Team(cdk.Stack):
    def __init__(self, scope: Loop, construct_id: str, *, stack_name: str) -> None:
        super().__init__(scope, construct_id, stack_name=stack_name)
        lambda_.Function(
            self,
            "Tell",
            function_name="tell-the-team",
            runtime=lambda_.Runtime.PYTHON_3_11,
            handler="index.handler",
            code=lambda_.Code.from_inline(TELL),
        )


synth(PipelinesAlone)
