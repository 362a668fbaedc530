"""Notebooks: how stable their steps are, and how a stable step moves into a pipeline."""
