"""Roles whose permissions have names, and ARNs of what has a fixed name."""
