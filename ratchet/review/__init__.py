"""What a pipeline definition looks like, and how two of them differ; from their JSON alone."""
