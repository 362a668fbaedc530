"""Pipelines that were written with the SageMaker SDK, taken in from their definition's JSON."""

from pipeline_defs.imported.carry import Carried, Maps, carry
from pipeline_defs.imported.changes import ArgumentChange, ImportRefusedError, Remark
from pipeline_defs.imported.pipeline import ImportedPipeline, Placement
from pipeline_defs.imported.stored import FOLDER, StoredPipeline, names, read, write

__all__ = [
    "FOLDER",
    "ArgumentChange",
    "Carried",
    "ImportRefusedError",
    "ImportedPipeline",
    "Maps",
    "Placement",
    "Remark",
    "StoredPipeline",
    "carry",
    "names",
    "read",
    "write",
]
