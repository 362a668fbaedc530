"""The pipelines that every loop has, the registry of all of them, and the steps that they share."""
