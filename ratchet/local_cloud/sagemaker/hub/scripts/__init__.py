"""The inference scripts of the stand-ins; each is served as ``code/inference.py``."""
