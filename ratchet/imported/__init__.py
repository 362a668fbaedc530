"""Pipelines that were written with the SageMaker SDK, taken in from their definition's JSON."""

from ratchet.imported.carry import Carried, Maps, carry
from ratchet.imported.changes import ArgumentChange, ImportRefusedError, Remark
from ratchet.imported.pipeline import ImportedPipeline, Placement
from ratchet.imported.stored import FOLDER, StoredPipeline, names, read, write

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
