"""The pipelines of this model: what is listed here is deployed, and `ratchet run NAME` finds it.

A pipeline of your own is one line in it, beside its import. `evaluation` and `monitoring` come with
Ratchet; one of the same name here stands in for it.
"""

from pipeline_defs.flights.training import training

PIPELINES = {"training": training}
