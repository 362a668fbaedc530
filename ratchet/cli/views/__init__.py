"""Draws the output of commands. Pure: facts in, text out."""
