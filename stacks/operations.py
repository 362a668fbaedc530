from ratchet_cdk.loop import Loop, LoopStack
from stacks.foundation import Foundation


class Operations(LoopStack):
    """What the runs of the model loop cost, and the limits to it."""

    def __init__(self, loop: Loop, *, after: Foundation) -> None:
        super().__init__(loop, after=after)
        self.records_costs()
        self.alarms_on_waiting_notices()
        self.limits_spending()
        self.publishes_operations()
