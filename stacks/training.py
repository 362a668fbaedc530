from ratchet_cdk.loop import Loop, LoopStack
from stacks.foundation import Foundation


class Training(LoopStack):
    """Training pipeline of the model loop, started when data lands.

    A candidate is compared with the champion on the same rows, and registered or halted.
    """

    def __init__(self, loop: Loop, *, after: Foundation) -> None:
        super().__init__(loop, after=after)
        self.resolves_champion()
        self.trains()
        self.starts_when_data_lands("training")
        self.publishes_training()
