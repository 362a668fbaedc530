"""Lambda functions: their archive, what wakes them, where failed events end."""
