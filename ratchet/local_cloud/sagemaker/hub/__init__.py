"""The JumpStart hub: a fixture of documents, and stand-ins that serve in place of the models."""
