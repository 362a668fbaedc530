"""What everything else stands on: buckets, the code bucket, topics, budget, cost table."""
