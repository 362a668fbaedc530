"""Recorded costs, estimates from past runs, and the bill."""
