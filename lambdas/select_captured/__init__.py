"""Selects the captured traffic for the next analysis, and the baseline to compare it with."""
