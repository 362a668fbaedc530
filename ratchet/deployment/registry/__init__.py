"""Versions of a model: what the registry keeps of them, approval, evaluations, lineage."""
