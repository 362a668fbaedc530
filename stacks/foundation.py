from ratchet_cdk.loop import Loop, LoopStack


class Foundation(LoopStack):
    """Data, artifacts, model registry and notifications of the model loop.

    Deployed once and then left alone: it outlives every other stack.
    """

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        self.keeps_data()
        self.registers_models()
        self.has_a_topic()
