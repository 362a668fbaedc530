"""What differs between environments, and the tables that settings refer to."""
