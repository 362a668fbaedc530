"""How a run of the training pipeline that succeeded ended: with a new version, or with none."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.loop.names import NEW_MODEL_GATE

NO_NEW_MODEL = "no new model"
"""In the words of every view and notice."""


def had_no_new_model(gates: Mapping[str, bool | None]) -> bool:
    """Whether a run that succeeded registered nothing, because its candidate was the champion
    itself, or a version that is registered already. One that is worse fails the run.

    Args:
        gates: how each gate of the run decided, by its name; None: it has not.
    """
    return gates.get(NEW_MODEL_GATE) is False
