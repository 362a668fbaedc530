"""Closes the difference between the version that is approved and the one that serves."""
