"""Foundation models as candidates: tried on a model's own rows before an integration."""
