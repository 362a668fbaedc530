"""Bedrock: a fixture of models, and answers from a server of your own."""
