from ratchet_cdk.loop import Loop, LoopStack
from stacks.foundation import Foundation
from stacks.training import Training


class Pipelines(LoopStack):
    """Pipelines of the team, and those written with the SageMaker SDK.

    The stack is there when it has no pipeline too: the deployment after the last one went removes
    what belonged to it, and `cdk diff` shows that.
    """

    def __init__(self, loop: Loop, training: Training, *, after: Foundation) -> None:
        super().__init__(loop, after=after, compact=True)
        self.deploys_the_teams_pipelines(training.champion)
