"""One model in one environment: what `cdk deploy "<environment>/<model>/*"` deploys."""

from ratchet_cdk.loop import Loop
from stacks.evaluation import Evaluation
from stacks.foundation import Foundation
from stacks.operations import Operations
from stacks.pipelines import Pipelines
from stacks.serving import Serving
from stacks.training import Training


class ModelLoop(Loop):
    """Leave a stack out, or add one of your own, here."""

    def compose(self) -> None:
        self.foundation = foundation = Foundation(self)
        self.training = training = Training(self, after=foundation)
        self.evaluation = evaluation = Evaluation(self, training, after=foundation)
        self.serving = Serving(self, training, evaluation)
        self.operations = Operations(self, after=foundation)
        self.pipelines = Pipelines(self, training, after=foundation)
