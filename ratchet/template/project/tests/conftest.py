"""Makes `stacks`, `pipeline_defs` and what is in `constructs/` importable."""

from ratchet.project import current

current().import_from_here()
