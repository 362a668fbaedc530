"""The steps of a pipeline as they are written down: prepare, train, a baseline, a gate …"""

from __future__ import annotations

from ratchet.authoring.flow_steps import FlowSteps
from ratchet.authoring.model_steps import ModelSteps
from ratchet.authoring.notebook_steps import NotebookSteps
from ratchet.authoring.processing_steps import ProcessingSteps
from ratchet.authoring.quality_steps import CheckSteps
from ratchet.authoring.training_steps import TrainingSteps


class Pipeline(ProcessingSteps, TrainingSteps, NotebookSteps, ModelSteps, CheckSteps, FlowSteps):
    """Collects parameters and steps; `definition()` checks them all and gives SageMaker's JSON.

    Steps run as soon as what they refer to is there; `depends_on` adds an order that no reference
    shows. Processing, training and tuning steps are cached for as long as the settings say:
    `cache="P7D"` says otherwise for one step, `cache=""` turns it off.
    """
