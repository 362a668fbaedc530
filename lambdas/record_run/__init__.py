"""Records what runs, the endpoint and the buckets cost, and stops a run that costs too much."""
