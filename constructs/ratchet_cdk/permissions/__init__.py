"""Roles whose permissions have names, and ARNs of resources with a fixed name."""
