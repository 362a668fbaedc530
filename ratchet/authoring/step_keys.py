"""Which keys of `[steps.<name>]` a kind of step has an argument for, by the API call it makes."""

from __future__ import annotations

INSTANCES = frozenset({"instance_type", "instance_count"})
ENVIRONMENT = frozenset({"environment"})
NETWORK = frozenset({"subnets", "security_groups"})
IMAGE = frozenset({"image_uri"})
"""Of a step whose image its code need not name."""

OF_PROCESSING = INSTANCES | {"volume_gb", "max_runtime_seconds"} | ENVIRONMENT | NETWORK
OF_TRAINING = OF_PROCESSING | {"spot", "max_wait_seconds", "keep_alive_seconds"}
"""Of a search too: it trains."""

OF_NOTEBOOK = OF_PROCESSING - {"instance_count"}
"""It runs on one instance."""

OF_TRANSFORM = INSTANCES | ENVIRONMENT
"""Image and network are its model's, which is a step of its own."""

OF_MODEL = ENVIRONMENT | NETWORK
