"""Versions of a model: their records in the registry, approval, evaluations, lineage."""
