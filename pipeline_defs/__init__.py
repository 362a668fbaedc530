"""The pipelines of this project, by model."""
