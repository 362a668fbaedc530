"""Tells a person what happened, and what to type next."""
