"""Pipelines of the source: compiled, published, compared with the deployed ones, and started."""
