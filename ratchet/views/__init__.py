"""Facts of runs, models, drift and costs: frozen dataclasses that every rendering shares."""
