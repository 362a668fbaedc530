"""Compares an evaluation of the champion with its standards, and records it with the version."""
