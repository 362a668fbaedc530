"""Serves a model's own inference code on this machine, as a container's web server would."""
