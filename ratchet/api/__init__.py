"""The Python API: `ratchet.connect`."""
