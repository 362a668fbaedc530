"""The endpoint: what it serves, and what it answers."""
