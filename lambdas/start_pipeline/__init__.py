"""Landed data becomes a run: the window's current content is run once, and only once."""
