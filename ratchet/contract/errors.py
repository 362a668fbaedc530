"""How a check ends that does not hold."""


class ContractError(AssertionError):
    """A script does otherwise than the loop relies on; the message says what to change."""


class SkippedError(Exception):
    """A check cannot be made of this model; the message says why."""
