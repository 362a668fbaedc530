"""Drift analyses: started and read."""
