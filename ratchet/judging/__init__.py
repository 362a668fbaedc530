"""Judges models: the same rows for each, each through the code packed with it.

It runs in a step's container: Python 3.10, NumPy, pandas and the standard library.
"""
