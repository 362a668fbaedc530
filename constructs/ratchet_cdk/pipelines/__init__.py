"""Pipelines as they deploy, what starts them, and what their runs cost."""
