"""The steps of a pipeline as they are written down: prepare, train, a baseline, a gate …"""

from __future__ import annotations

from pipeline_defs.authoring.flow_steps import FlowSteps
from pipeline_defs.authoring.model_steps import ModelSteps
from pipeline_defs.authoring.processing_steps import ProcessingSteps
from pipeline_defs.authoring.quality_steps import CheckSteps
from pipeline_defs.authoring.training_steps import TrainingSteps


class Pipeline(ProcessingSteps, TrainingSteps, ModelSteps, CheckSteps, FlowSteps):
    """Collects parameters and steps; `definition()` checks them all and gives SageMaker's JSON.

    Steps run as soon as what they refer to is there; `depends_on` adds an order that no reference
    shows. Processing, training and tuning steps are cached for as long as the settings say:
    `cache="P7D"` says otherwise for one step, `cache=""` turns it off.
    """
