"""The champion: its registry, its endpoint, and what promotes it."""
