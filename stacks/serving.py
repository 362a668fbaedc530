from ratchet_cdk.loop import Loop, LoopStack
from stacks.evaluation import Evaluation
from stacks.training import Training


class Serving(LoopStack):
    """Endpoint, monitoring and promotion of the champion.

    It deploys with no champion at all; a promotion is an update of its parameters.
    """

    def __init__(self, loop: Loop, training: Training, evaluation: Evaluation) -> None:
        super().__init__(loop, after=training)
        self.serves_champion(training.pipeline)
        self.monitors_traffic()
        self.alarms_on_drift()
        self.alarms_on_model_quality()
        self.deploys_what_is_approved()
        self.sends_notices(training.trigger, evaluation.trigger)
        self.publishes_serving()
