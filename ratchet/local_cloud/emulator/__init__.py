"""Joins our SageMaker to MiniStack. MiniStack's internals are used: its version is exact."""
