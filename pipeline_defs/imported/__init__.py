"""Pipelines that were written with the SageMaker SDK, taken in from their definition's JSON."""

from pipeline_defs.imported.carry import Carried, Maps, carry
from pipeline_defs.imported.changes import Change, ImportRefusedError, Remark
from pipeline_defs.imported.pipeline import ImportedPipeline, Placement
from pipeline_defs.imported.stored import FOLDER, Stored, names, read, write

__all__ = [
    "FOLDER",
    "Carried",
    "Change",
    "ImportRefusedError",
    "ImportedPipeline",
    "Maps",
    "Placement",
    "Remark",
    "Stored",
    "carry",
    "names",
    "read",
    "write",
]
