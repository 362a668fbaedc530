from ratchet_cdk.loop import Loop, LoopStack
from stacks.foundation import Foundation
from stacks.training import Training


class Evaluation(LoopStack):
    """Evaluation pipeline of the model loop, started when labelled data lands.

    It takes nothing from Training but a name: each of the two runs, and is deployed, whatever the
    other does.
    """

    def __init__(self, loop: Loop, training: Training, *, after: Foundation) -> None:
        super().__init__(loop, after=after)
        self.resolves_champion()
        self.evaluates(training.pipeline)
        self.starts_when_data_lands("evaluation")
        self.publishes_evaluation()
