"""Which model serves now, for the step that compares a candidate with it."""
