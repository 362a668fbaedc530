"""The project that `ratchet init` writes, and what brings it up to date."""
