"""Makes the approved version the one that serves."""
