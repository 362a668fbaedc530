"""What the loop relies on of a model's scripts, tried on rows of its own."""

from ratchet.contract.checks import Check, checks
from ratchet.contract.errors import ContractError, SkippedError

__all__ = ["Check", "ContractError", "SkippedError", "checks"]
