"""Endpoints that serve: model processes, traffic between them, deployments, capture, metrics."""
